"""Every job of the command line in its smallest form: for kills, damage and growth."""

import json
from pathlib import Path

SMALL: dict[str, str] = {
    "diagnose": "diagnose --model tiny --tasks tiny_arithmetic --questions 4 --rollouts 4 --max-new-tokens 24 "
    "--arms none,nthr(eta=0),w_reinforce --step-sizes 1e-4,1e-3 --device cpu",
    "diagnose pairs": "diagnose pairs --model tiny --tasks tiny_arithmetic(split=train) --answer-marker = "
    "--questions 4 --limit 4 --optimizer sgd --step-size 1e-4 --beta 0.5 --device cpu",
    "certify": "certify tiny {other} --up {rows} --down {rows} --device cpu",
    "evaluate": "evaluate --model {other} --base tiny --tasks tiny_arithmetic --questions 4 --samples 4 "
    "--resamples 100 --max-new-tokens 24 --pair-probes 2 --device cpu",
    "train tiny-policy": "train tiny-policy --steps 6 --every 2 --questions 2 --batch-size 4",
    "train bon": "train bon --model tiny --tasks tiny_arithmetic(split=train) --questions 4 --held-out 2 --samples 4 "
    "--answers-a-step 2 --rows-at-once 2 --steps 5 --refresh 2 --save-every 1 --learning-rate 1e-4 "
    "--max-new-tokens 40 --device cpu",
    "train dpo": "train dpo --model tiny --tasks tiny_arithmetic(split=train) --credit vpo --answer-marker = "
    "--questions 6 --samples 4 --steps 4 --held-out 2 --pairs-a-step 2 --rows-at-once 2 --learning-rate 1e-4 "
    "--evaluate-every 2 --measure-every 2 --save-every 1 --max-new-tokens 40 --device cpu",
    "train dpo --refresh": "train dpo --model tiny --tasks tiny_arithmetic(split=train) --credit vpo "
    "--answer-marker = --questions 6 --samples 4 --steps 5 --held-out 2 --pairs-a-step 2 --rows-at-once 2 "
    "--learning-rate 1e-4 --refresh 2 --evaluate-every 2 --measure-every 2 --save-every 1 --max-new-tokens 40 "
    "--device cpu",
    "train grpo": "train grpo --model tiny --tasks tiny_arithmetic(split=train) --credit nthr(anchor=others) "
    "--questions 4 --held-out 2 --steps 5 --prompts 2 --rollouts 4 --updates 2 --rows-at-once 4 --learning-rate 1e-3 "
    "--save-every 1 --evaluate-every 2 --measure-every 2 --certify-every 2 --max-new-tokens 16 --device cpu",
    "train rwr": "train rwr --model tiny --tasks tiny_arithmetic(split=train) --questions 4 --held-out 2 --samples 4 "
    "--answers-a-step 2 --rows-at-once 2 --steps 5 --refresh 2 --save-every 1 --learning-rate 1e-4 "
    "--max-new-tokens 40 --device cpu",
    "explain": "explain {pictures} --methods saliency,gradcam --metrics rcap --device cpu",
    "explain-text": "explain-text hello 1a --model tiny --device cpu",
    "unlearn": "unlearn --method neg_grad_plus(epochs=3) --recipe retrain(epochs=2) --forget classes(names=[3]) "
    "--metrics accuracy(on=forget),accuracy(on=test_retained),aus --every 4 --payers 8 --cache false",
    "unlearn compare": "unlearn compare --methods neg_grad(epochs=1),fine_tune(epochs=1) --seeds 2 --search 1.0 "
    "--recipe retrain(epochs=1) --metrics accuracy(on=forget),average_gap --cache false",
    "scenario": "scenario --synthetic 3 --agents 8 --iterations 40 --batch 1 --shown 1 --planner log_replay",
    "lab run": "lab run displacement",
    "lab simulate": "lab simulate --objective grpo,dpo --rewards 0.8,1,0 --start 0.45,0.1,0.45",
}
"""What is typed, with `{other}`, `{rows}` and `{pictures}` for what `given` makes."""


def given(folder: Path) -> dict[str, Path]:
    """Make a model beside `tiny`, rows and pictures.

    Args:
        folder: Where to.

    Returns:
        Name and path.
    """
    import torch
    from PIL import Image

    from antigrad.language.policy import load_policy

    policy = load_policy("tiny", device="cpu")
    with torch.no_grad():
        for number, value in enumerate(policy.model.parameters()):
            value += 1e-3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(number))
    policy.model.save_pretrained(folder / "other")
    policy.tokenizer.save_pretrained(folder / "other")
    lines = [json.dumps({"prompt": f"{number}+1=", "response": str(number + 1)}) for number in range(4)]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "pictures").mkdir()
    Image.linear_gradient("L").resize((240, 240)).convert("RGB").save(folder / "pictures" / "a.png")
    Image.radial_gradient("L").resize((240, 240)).convert("RGB").save(folder / "pictures" / "b.png")
    return {"other": folder / "other", "rows": folder / "rows.jsonl", "pictures": folder / "pictures"}


def words(job: str, paths: dict[str, Path], output: Path) -> list[str]:
    """What is typed.

    Args:
        job: One of `SMALL`.
        paths: What `given` made.
        output: Folder of the run.

    Returns:
        The arguments.
    """
    return [*(word.format(**paths) for word in SMALL[job].split()), "--output", str(output)]
