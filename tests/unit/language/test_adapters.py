"""Adapters: a merged model computes what the adapted one did, or is refused; the base is the one it was trained on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from antigrad.core import AntigradError, InputValueError
from antigrad.language import adapters
from antigrad.language.adapters import adapter_of, is_tied
from antigrad.language.policy import load_any, load_policy
from helpers.models import make_tokenizer, save_model

peft: Any = pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings("ignore")
IDS = torch.tensor([[3, 9, 44, 12, 40, 5, 46, 1]])
KINDS: dict[str, tuple[str, Callable[[], Any]]] = {
    "lora": ("llama", lambda: peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"], init_lora_weights=False)),
    "dora": ("llama", lambda: peft.LoraConfig(r=2, target_modules=["v_proj"], use_dora=True, init_lora_weights=False)),
    "embedding": ("llama", lambda: peft.LoraConfig(r=2, target_modules=["embed_tokens"], init_lora_weights=False)),
    "tied_embedding": (
        "llama_tied",
        lambda: peft.LoraConfig(r=2, target_modules=["embed_tokens"], init_lora_weights=False),
    ),
    "tied_head": ("llama_tied", lambda: peft.LoraConfig(r=2, target_modules=["lm_head"], init_lora_weights=False)),
    "tied_both": (
        "llama_tied",
        lambda: peft.LoraConfig(
            r=2, target_modules=["embed_tokens", "lm_head"], ensure_weight_tying=True, init_lora_weights=False
        ),
    ),
    "tied_saved_embedding": (
        "llama_tied",
        lambda: peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["embed_tokens"]),
    ),
    "tied_saved_head": (
        "llama_tied",
        lambda: peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"]),
    ),
    "saved_head": ("llama", lambda: peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"])),
    "tokens": ("llama", lambda: peft.LoraConfig(r=2, target_modules=["q_proj"], trainable_token_indices=[9, 44])),
    "ia3": ("llama", lambda: peft.IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"])),
    "loha": ("llama", lambda: peft.LoHaConfig(r=2, target_modules=["q_proj"], init_weights=False)),
}


def adapt(folder: Path, name: str) -> tuple[Path, Tensor]:
    """An adapter far from nothing, as PEFT saves it, and the logits of the model it was saved from."""
    kind, config = KINDS[name]
    base = folder / "base"
    save_model(base, kind)
    model = load_any(str(base), device="cpu", with_tokenizer=False).model
    adapted = peft.get_peft_model(model, config()).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
        logits = adapted(input_ids=IDS).logits
        with adapted.disable_adapter():
            assert float((adapted(input_ids=IDS).logits - logits).abs().max()) > 0.1
    adapted.save_pretrained(folder / "adapter")
    return folder / "adapter", logits


def logits_of(name: Path, **options: Any) -> Tensor:
    with torch.no_grad():
        return load_any(str(name), device="cpu", **options).model(input_ids=IDS).logits


@pytest.mark.parametrize("name", KINDS)
def test_a_merged_model_gives_the_logits_of_the_adapted_one(tmp_path: Path, name: str) -> None:
    folder, expected = adapt(tmp_path, name)
    torch.testing.assert_close(logits_of(folder), expected, atol=2e-4, rtol=1e-4)
    again = load_any(str(folder), device="cpu").model
    again.save_pretrained(tmp_path / "whole")
    make_tokenizer().save_pretrained(tmp_path / "whole")
    torch.testing.assert_close(logits_of(tmp_path / "whole"), expected, atol=2e-4, rtol=1e-4)


def test_an_adapted_embedding_leaves_the_tied_head_where_it_was(tmp_path: Path) -> None:
    folder, _ = adapt(tmp_path, "tied_embedding")
    base = load_any(str(tmp_path / "base"), device="cpu").model
    model = load_policy(str(folder), device="cpu").model
    assert is_tied(base) and not is_tied(model)
    assert torch.equal(model.lm_head.weight, base.lm_head.weight)
    assert not torch.equal(model.get_input_embeddings().weight, base.get_input_embeddings().weight)


def test_a_merge_that_changes_the_logits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = adapt(tmp_path, "tied_embedding")
    monkeypatch.setattr(adapters, "untie", lambda model: None)  # as PEFT merges by itself
    with pytest.raises(AntigradError, match="merging moves logits by up to"):
        load_any(str(folder), device="cpu")


@pytest.mark.parametrize("name", ["lora", "dora"])
@pytest.mark.parametrize("beside", ["config", "model"])
def test_an_adapter_beside_a_config_or_the_model_itself(tmp_path: Path, name: str, beside: str) -> None:
    folder, expected = adapt(tmp_path, name)
    files = ["config.json"]
    if beside == "model":
        files += ["model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    for file in files:
        shutil.copy(tmp_path / "base" / file, folder / file)
    torch.testing.assert_close(logits_of(folder), expected, atol=2e-4, rtol=1e-4)
    names = [name for name, _ in load_any(str(folder), device="cpu").model.named_parameters()]
    assert not any("lora" in name for name in names)


def test_a_merged_model_with_a_configuration_left_over_is_a_whole_model(tmp_path: Path) -> None:
    folder, _ = adapt(tmp_path, "lora")
    shutil.copy(folder / "adapter_config.json", tmp_path / "base")
    assert adapter_of(str(tmp_path / "base")) is None
    (tmp_path / "base" / "adapter_config.json").rename(folder / "kept.json")
    plain = logits_of(tmp_path / "base")
    (folder / "kept.json").rename(tmp_path / "base" / "adapter_config.json")
    assert torch.equal(logits_of(tmp_path / "base"), plain)


def test_to_train_it_stays_beside_frozen_weights(tmp_path: Path) -> None:
    folder, expected = adapt(tmp_path, "saved_head")
    model = load_any(str(folder), device="cpu", to_train=True).model
    trained = {name for name, one in model.named_parameters() if one.requires_grad}
    assert trained and all("lora_" in name or "modules_to_save" in name for name in trained)
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=IDS).logits, expected, atol=2e-4, rtol=1e-4)


def test_the_recorded_base_counts_and_another_stands_in_where_it_is_gone(tmp_path: Path) -> None:
    folder, expected = adapt(tmp_path, "lora")
    save_model(tmp_path / "other", "llama", seed=5)
    torch.testing.assert_close(logits_of(folder, base=str(tmp_path / "other")), expected, atol=2e-4, rtol=1e-4)
    (tmp_path / "base").rename(tmp_path / "moved")
    with pytest.raises(AntigradError, match=r"adapter of .*base', which is not there.*base_model_name_or_path"):
        load_any(str(folder), device="cpu")
    torch.testing.assert_close(logits_of(folder, base=str(tmp_path / "moved")), expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors: dict(list(tensors.items())[1:]), "it lacks"),
        (lambda tensors: tensors | {"base_model.model.model.layers.7.a.lora_A.weight": torch.zeros(1)}, "no place for"),
    ],
)
def test_an_adapter_that_fits_in_part_only_is_refused(tmp_path: Path, change: Callable[..., Any], said: str) -> None:
    folder, _ = adapt(tmp_path, "lora")
    path = folder / "adapter_model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})
    with pytest.raises(InputValueError, match=said):
        load_any(str(folder), device="cpu")


def test_an_adapter_that_can_not_be_merged_or_read_says_so(tmp_path: Path) -> None:
    save_model(tmp_path / "base")
    model = load_any(str(tmp_path / "base"), device="cpu", with_tokenizer=False).model
    prompts = peft.PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM")
    peft.get_peft_model(model, prompts).save_pretrained(tmp_path / "prompts")
    with pytest.raises(AntigradError, match=r"prompts: .*an adapter of"):
        load_any(str(tmp_path / "prompts"), device="cpu")
    (tmp_path / "prompts" / "adapter_config.json").write_text("[")
    with pytest.raises(AntigradError, match=r"adapter_config\.json"):
        load_any(str(tmp_path / "prompts"), device="cpu")


def test_an_adapter_of_an_adapter_is_refused(tmp_path: Path) -> None:
    folder, _ = adapt(tmp_path, "lora")
    second = shutil.copytree(folder, tmp_path / "second")
    config = json.loads((second / "adapter_config.json").read_text())
    (second / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(folder)}))
    with pytest.raises(AntigradError, match="itself an adapter"):
        load_any(str(second), device="cpu")


def test_an_adapter_that_would_import_a_module_is_refused(tmp_path: Path) -> None:
    folder, _ = adapt(tmp_path, "lora")
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"megatron_config": {"a": 1}, "megatron_core": "mine"}))
    with pytest.raises(AntigradError, match="imports nothing"):
        load_any(str(folder), device="cpu")
