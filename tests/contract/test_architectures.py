"""Random models of many architectures through the four commands: each is right, or refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.core import AntigradError, RunFolder
from antigrad.language.policy import Policy, load_any
from antigrad.language.reads import check_causal
from antigrad.posttraining.certify import CertifyConfig, certify
from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.posttraining.evaluate import EvaluateConfig, evaluate
from antigrad.posttraining.probes.likelihood import likelihoods
from antigrad.posttraining.train.grpo import TrainGRPOConfig, train_grpo
from helpers.architectures import save

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]
PLAIN = (
    "afmoe", "apertus", "arcee", "aria_text", "biogpt", "bloom", "diffllama", "exaone4", "falcon",
    "gemma", "gemma3_text", "glm4", "glm4_moe", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_oss", "helium",
    "llama", "mistral", "mixtral", "mpt", "nemotron", "olmo2", "olmoe", "opt", "persimmon", "phi3", "qwen2",
    "qwen2_moe", "qwen3", "qwen3_moe", "smollm3", "stablelm", "starcoder2", "xglm",
)  # fmt: skip
"""All four commands take these."""
BIAS, PAST, CAP = "whose head has a bias", "past can't be shared between responses", "=30.0"
PADDING, TRL, BEHIND = "which reads their padding", "on which TRL fails", "in which a token sees those behind it"
REFUSED: dict[str, dict[str, str]] = {
    "bamba": {"diagnose": PAST},
    "bart": {"train": PADDING},
    "bert": {"diagnose": BIAS, "train": "log-probabilities TRL's are up to"},
    "bigbird_pegasus": {"train": PADDING},
    "codegen": {"diagnose": BIAS},
    "cohere2": {"diagnose": "logit_scale=0.0625"},
    "cpmant": dict.fromkeys(("diagnose", "train", "evaluate", "certify"), BEHIND),
    "deepseek_v4": {"diagnose": PAST, "train": TRL},
    "electra": dict.fromkeys(("diagnose", "train", "evaluate", "certify"), BEHIND),
    "falcon_mamba": {"diagnose": PAST},
    "gemma2": {"diagnose": f"final_logit_softcapping{CAP}"},
    "granitemoe": {"train": TRL},
    "jamba": {"diagnose": PAST},
    "llama4_text": {"train": TRL},
    "mamba": {"diagnose": PAST},
    "phi": {"diagnose": BIAS},
    "prophetnet": dict.fromkeys(("diagnose", "train", "evaluate", "certify"), BEHIND),
    "recurrent_gemma": {"diagnose": f"logits_soft_cap{CAP}", "train": PADDING},
    "rwkv": {"diagnose": PAST, "train": PADDING},
    "whisper": {"train": PADDING},
}
NAMES = (*PLAIN, *REFUSED)


def commands(folder: Path, before: Path, after: Path) -> dict[str, Callable[[], RunFolder]]:
    """The four commands on two questions, whose prompts have different lengths."""
    questions = folder / "q.jsonl"
    texts = ("1 + 1 = ?", "12 + 12 = ?")
    questions.write_text("".join(json.dumps({"question": text, "answer": "1"}) + "\n" for text in texts))
    rows = [{"prompt": f"{n} + {n} =", "response": "1a2b"[: 2 + n % 3]} for n in range(4)]
    (folder / "up.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked: dict[str, Any] = {"tasks": str(questions), "max_new_tokens": 3, "device": "cpu", "style": "raw"}
    step = {"steps": 1, "prompts": 2, "rollouts": 4, "rows_at_once": 8, "learning_rate": 1e-3, "held_out": 0}
    names, arms = {"model": str(before)}, ["none", "nthr(eta=0)"]
    return {
        "diagnose": lambda: diagnose(
            DiagnoseConfig(**names, questions=2, rollouts=4, arms=arms, step_sizes=[1e-3], **asked, output=folder / "d")
        ),
        "train": lambda: train_grpo(
            TrainGRPOConfig(**names, **step, questions=2, credit="nsr", **asked, output=folder / "t")
        ),
        "evaluate": lambda: evaluate(
            EvaluateConfig([str(after)], str(before), questions=2, samples=4, **asked, output=folder / "e")
        ),
        "certify": lambda: certify(
            CertifyConfig(str(before), str(after), up=folder / "up.jsonl", device="cpu", output=folder / "c")
        ),
    }


def log_prob(policy: Policy, prompt: list[int], response: list[int]) -> float:
    """Of one response, by a plain forward without padding."""
    ids = torch.tensor([[*prompt, *response]])
    with torch.no_grad():
        logits = policy.model(input_ids=ids).logits[0, len(prompt) - 1 : -1].double().log_softmax(-1)
    return float(logits.gather(-1, torch.tensor(response)[:, None]).sum())


@pytest.mark.parametrize("name", NAMES)
def test_right_or_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    before, after = save(tmp_path, name)
    refused, done = REFUSED.get(name, {}), dict[str, RunFolder]()
    for command, run in commands(tmp_path, before, after).items():
        if command in refused:
            with pytest.raises(AntigradError, match=refused[command]):
                run()
        else:
            done[command] = run()
    policy = load_any(str(before), device="cpu")
    if "evaluate" in done:
        prompt, responses = [5, 9, 12, 3], [[20, 21, 22], [7], [30, 9, 10, 11, 12]]
        found = likelihoods(policy, torch.tensor(prompt), responses, temperature=1.0, rows_at_once=3)
        expected = [log_prob(policy, prompt, response) for response in responses]
        assert found.log_probs == pytest.approx(expected, abs=1e-3)
    if "certify" in done:
        rows = [json.loads(line) for line in (tmp_path / "up.jsonl").read_text().splitlines()]
        ids = [[policy.tokenizer(row[key]).input_ids for key in ("prompt", "response")] for row in rows]
        ends = [(prompt, [*response, policy.tokenizer.eos_token_id]) for prompt, response in ids]
        total = sum(log_prob(policy, prompt, response) for prompt, response in ends)
        (move,) = [row for row in done["certify"].ledger.rows("move") if row["part"] == "up"]
        assert move["loss_before"] == pytest.approx(-total / sum(len(response) for _, response in ends), rel=1e-4)
        assert move["ends_added"] == 4
    if "train" in done:
        trained = load_any(str(tmp_path / "t" / "checkpoints" / "policy"), device="cpu").model
        pairs = zip(trained.parameters(), policy.model.parameters(), strict=True)
        assert any(not torch.equal(one, other) for one, other in pairs)
        assert all(bool(torch.isfinite(one).all()) for one in trained.parameters())


def test_there_are_enough_of_them() -> None:
    assert len(set(NAMES)) >= 44


def test_a_model_that_fails_on_a_text_says_so() -> None:
    from helpers.models import make_policy

    policy = make_policy()
    policy.model.model.layers[0].self_attn.head_dim = 5
    with pytest.raises(AntigradError, match="fails on a text"):
        check_causal(policy.model, policy.name)
