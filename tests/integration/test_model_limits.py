"""What a model can't read is refused by every command, in the same words and before a run begins."""

import json
from pathlib import Path

import pytest
import torch

from antigrad.cli.main import main
from helpers.models import make_model, make_tokenizer, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
LONG = "1 + " * 40 + "1 = ?"
"""Some 160 tokens; the models here have 64 positions, of which rotary ones compute beyond without a word."""


def command(name: str, folder: Path, model: Path) -> list[str]:
    asked = f"--tasks {folder / 'q.jsonl'} --questions 2 --max_new_tokens 4 --device cpu --style raw"
    words = {
        "diagnose": f"diagnose --model {model} --rollouts 2 {asked}",
        "train": f"train grpo --model {model} --held_out 0 --steps 1 --prompts 2 --rollouts 2 --rows_at_once 4 {asked}",
        "evaluate": f"evaluate --model {model} --samples 2 {asked}",
        "explain-text": f"explain-text --model {model} --device cpu --raw --answer 1a --prompt",
    }[name].split()
    return [*words, *([LONG] if name == "explain-text" else []), "--output", str(folder / "run")]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [{"question": f"{number} + {LONG}", "answer": "1"} for number in range(2)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("name", ["diagnose", "train", "evaluate", "explain-text"])
def test_prompts_beyond_the_positions(
    questions: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    more = {"n_positions": 64} if kind == "gpt2" else {"max_position_embeddings": 64}
    model = save_model(questions / "model", kind, **more)
    assert main(command(name, questions, model)) == 1
    said = capsys.readouterr().err
    assert "at most 64 together, the model's positions" in said and "Traceback" not in said
    if name == "explain-text":
        assert "max_new_tokens" not in said and "shorten the prompt" in said
    if name in ("train", "explain-text"):
        assert not (questions / "run").exists()


@pytest.mark.parametrize("name", ["diagnose", "train", "evaluate", "explain-text", "certify"])
def test_tokens_beyond_the_embedding(questions: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    model = questions / "model"
    make_model("llama", vocab_size=20).save_pretrained(model)
    make_tokenizer().save_pretrained(model)
    rows = [{"prompt": "1 + 1 = ?", "response": "1a"}] * 4
    (questions / "up.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if name == "certify":
        after = make_model("llama", vocab_size=20)
        after.lm_head.weight.data.add_(0.1)
        after.save_pretrained(questions / "after")
        words = ["certify", str(model), str(questions / "after"), "--up", str(questions / "up.jsonl")]
        words += ["--device", "cpu", "--output", str(questions / "run")]
    else:
        words = command(name, questions, model)
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "expected: ids below 20, the rows of the model's embedding" in said and "Traceback" not in said


def test_certify_cuts_rows_at_the_positions(questions: Path) -> None:
    model = save_model(questions / "model", "gpt2", n_positions=16)
    after = make_model("gpt2", n_positions=16)
    after.lm_head.weight.data.add_(0.1)
    after.save_pretrained(questions / "after")
    rows = [{"prompt": "1 + 1 = ?", "response": "1" * 40}] * 4
    (questions / "up.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["certify", str(model), str(questions / "after"), "--up", str(questions / "up.jsonl")]
    assert main([*words, "--device", "cpu", "--output", str(questions / "run")]) == 0


def test_evaluate_fails_with_its_only_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The base beside it does well, and is no answer to what was asked."""
    base, broken = save_model(tmp_path / "base"), make_model(seed=1)
    broken.lm_head.weight.data.fill_(float("nan"))
    broken.save_pretrained(tmp_path / "broken")
    make_tokenizer().save_pretrained(tmp_path / "broken")
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "1 + 1 = ?", "answer": "2"}) + "\n")
    words = f"evaluate --model {tmp_path / 'broken'} --base {base} --tasks {tmp_path / 'q.jsonl'} --questions 1 "
    words += f"--samples 2 --max_new_tokens 2 --device cpu --style raw --output {tmp_path / 'run'}"
    assert main(words.split()) == 1
    assert "NaN or infinite logits" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_absolute_positions_do_not_count_the_padding_in_training(tmp_path: Path) -> None:
    """GPT-2 behind padding, as TRL gives it, read three nats away from itself."""
    from antigrad.language.reads import generation_changes, left_padding_changes
    from antigrad.posttraining.train.positions import count_real_tokens

    model = make_model("gpt2").eval()
    assert left_padding_changes(model)
    assert count_real_tokens(model)
    assert not left_padding_changes(model) and not generation_changes(model)
    rotary = make_model("llama").eval()
    hooks = len(rotary._forward_pre_hooks)
    assert count_real_tokens(rotary) and len(rotary._forward_pre_hooks) == hooks
    ids = torch.tensor([[0, 0, 5, 9, 12]])
    mask = torch.tensor([[0, 0, 1, 1, 1]])
    with torch.no_grad():
        padded = model(input_ids=ids, attention_mask=mask).logits[:, 2:]
        torch.testing.assert_close(padded, model(input_ids=ids[:, 2:]).logits, atol=1e-4, rtol=1e-4)
