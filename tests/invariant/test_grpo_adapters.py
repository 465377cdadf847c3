"""Adapters in GRPO: what `train grpo` leaves is loaded, trained on and judged as the policy that it is."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from antigrad.cli.main import main
from antigrad.core import InputValueError, RunFolder
from antigrad.language.policy import load_any
from helpers.grpo import make
from helpers.models import save_model, save_questions

pytest.importorskip("peft")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]
SMALL = (
    "--questions 4 --held_out 0 --prompts 4 --rollouts 4 --rows_at_once 16 --max_new_tokens 2 --style raw --device cpu"
)


def train(model: Path, output: Path, *more: str) -> int:
    words = ["train", "grpo", "--model", str(model), "--tasks", str(model.parent / "q.jsonl"), *SMALL.split()]
    return main([*words, "--output", str(output), "--learning_rate", "1e-2", *more])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, questions, and a run that trained an adapter of two kinds of layers and a head."""
    folder = tmp_path_factory.mktemp("adapters")
    save_model(folder / "base")
    save_questions(folder / "q.jsonl")
    more = ["--steps", "2", "--lora.r", "2", "--lora.target_modules", '["q_proj","embed_tokens"]']
    assert train(folder / "base", folder / "first", *more, "--lora.modules_to_save", '["lm_head"]') == 0
    policy = folder / "policy"
    policy.symlink_to(folder / "first" / "checkpoints" / "policy")
    return folder


def test_the_adapter_that_a_run_leaves_is_the_policy_it_trained(place: Path) -> None:
    run = RunFolder.open(place / "first")
    trained = run.ledger.rows("setup")[0]["trained"]
    saved = load_file(place / "policy" / "adapter_model.safetensors")
    assert sum(one.numel() for name, one in saved.items() if "base_layer" not in name) == trained
    config = json.loads((place / "policy" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(place / "base")
    base, merged = (load_any(str(place / name), device="cpu").model for name in ("base", "policy"))
    moved = {name for (name, old), new in zip(base.named_parameters(), merged.parameters(), strict=True)
             if not torch.equal(old, new)}  # fmt: skip
    assert moved == {
        "model.embed_tokens.weight", "lm_head.weight",
        *(f"model.layers.{layer}.self_attn.q_proj.weight" for layer in (0, 1)),
    }  # fmt: skip


def test_it_is_trained_on_and_a_kl_term_holds_it_to_what_it_was(place: Path, tmp_path: Path) -> None:
    """Against the base with the adapter off, the first step's divergence would be above 0."""
    more = ["--steps", "2", "--trl.beta", "0.05", "--credit", "nthr(anchor=others)"]
    assert train(place / "policy", tmp_path / "second", *more) == 0
    run = RunFolder.open(tmp_path / "second")
    first = RunFolder.open(place / "first")
    assert run.ledger.rows("setup")[0]["trained"] == first.ledger.rows("setup")[0]["trained"]
    rows = run.ledger.rows("train")
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-7)
    assert rows[1]["kl"] > 1e-7
    before, after = (
        load_file(folder / "adapter_model.safetensors")
        for folder in (place / "policy", tmp_path / "second" / "checkpoints" / "policy")
    )
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "base_layer" not in name}


def test_a_second_adapter_on_top_is_refused_before_anything_is_loaded(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(place / "policy", tmp_path / "run", "--lora.r", "4") == 1
    said = capsys.readouterr().err
    assert "an adapter: it is trained on as it is; leave lora out" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["diagnose", "evaluate", "explain-text", "certify"])
def test_every_command_takes_it(place: Path, tmp_path: Path, command: str) -> None:
    policy = str(place / "policy")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": "1 + 1 =", "response": f"{n}a"}) + "\n" for n in range(3)))
    asked = f"--tasks {place / 'q.jsonl'} --questions 2 --max_new_tokens 2 --device cpu"
    words = {
        "diagnose": f"diagnose --model {policy} --rollouts 4 {asked}",
        "evaluate": f"evaluate --model {policy} --samples 2 {asked}",
        "explain-text": f"explain-text hello 1a --model {policy} --device cpu",
        "certify": f"certify {place / 'base'} {policy} --up {rows} --device cpu",
    }[command]
    assert main([*words.split(), "--output", str(tmp_path / "run")]) == 0
    summary = RunFolder.open(tmp_path / "run").summary
    if command == "certify":
        assert summary["moved"] == 4
    if command == "evaluate":
        assert summary["failed_checkpoints"] == 0


@pytest.mark.parametrize("how", ["frozen", "inside"])
def test_a_model_whose_adapter_would_not_be_trained_is_refused(tmp_path: Path, how: str) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model

    from antigrad.posttraining.train.grpo import GRPOTrainer

    def wrap(model: Any) -> Any:
        settings = LoraConfig(r=2, target_modules=["q_proj"])
        if how == "inside":
            model._hf_peft_config_loaded = True  # as transformers says of a folder that it loads with an adapter
            return model
        get_peft_model(model, settings).save_pretrained(tmp_path / "adapter")
        return PeftModel.from_pretrained(model, tmp_path / "adapter")

    with pytest.raises(InputValueError, match="is_trainable=True"):
        make(GRPOTrainer, tmp_path, wrap=wrap)
