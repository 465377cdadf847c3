"""Both ends of a move: what is compared, what is refused, and adapters."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from antigrad.core import AntigradError, InputValueError, ManyInputsError
from antigrad.language.policy import load_any
from antigrad.posttraining.certify import CertifyConfig
from antigrad.posttraining.certify.models import load_move
from helpers.evaluations import save_adapter
from helpers.models import make_model, save_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ends")
    save_model(folder / "before")
    return folder


@pytest.fixture
def config(place: Path) -> CertifyConfig:
    rows = place / "up.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n' * 2)
    return CertifyConfig(before=str(place / "before"), after="tiny", up=rows, device="cpu")


def shifted(folder: Path, name: str, amount: float = 0.01, kind: str = "llama", **options: Any) -> str:
    """The same model with one weight matrix changed, and no tokenizer beside it."""
    model = make_model(kind, **options)
    model.get_parameter(name).data += amount
    model.save_pretrained(folder)
    return str(folder)


def test_what_moved_and_what_stood_still_is_told_apart(config: CertifyConfig, tmp_path: Path) -> None:
    name = "model.layers.1.mlp.down_proj.weight"
    move = load_move(replace(config, after=shifted(tmp_path / "a", name)))
    assert list(move.moved) == [name]
    old, new = move.moved[name]
    assert torch.allclose(new - old, torch.full_like(old, 0.01), atol=1e-6)
    assert len(move.still) == sum(1 for _ in make_model().named_parameters()) - 1
    size, step = move.fingerprint()
    assert step == pytest.approx(1e-4 * old.numel(), rel=1e-3)
    assert size == pytest.approx(float((old.detach() ** 2).sum()), rel=1e-5)


def test_a_model_whose_head_is_not_plain_is_welcome(tmp_path: Path) -> None:
    before = save_model(tmp_path / "before", "gemma2")
    after = shifted(tmp_path / "after", "model.norm.weight", kind="gemma2")
    rows = tmp_path / "up.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n' * 2)
    assert list(load_move(CertifyConfig(str(before), after, up=rows, device="cpu")).moved) == ["model.norm.weight"]


def test_no_move_is_an_error(config: CertifyConfig, place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputValueError, match="has the weights of"):
        load_move(replace(config, after=shifted(tmp_path / "a", "model.norm.weight", 0.0)))


def test_all_that_differs_is_listed_in_one_error(config: CertifyConfig, tmp_path: Path) -> None:
    with pytest.raises(ManyInputsError) as caught:
        load_move(
            replace(config, after=shifted(tmp_path / "a", "model.norm.weight", kind="llama_tied", intermediate_size=64))
        )
    said = str(caught.value)
    assert "lm_head.weight is in the model before only" in said
    assert "mlp.up_proj.weight has shape (48, 32) before and (64, 32) after" in said
    assert "7 problems" in said


def test_weights_that_are_not_finite_are_named(config: CertifyConfig, tmp_path: Path) -> None:
    with pytest.raises(ManyInputsError, match=r"model\.norm\.weight has NaN or infinite weights after"):
        load_move(replace(config, after=shifted(tmp_path / "a", "model.norm.weight", float("nan"))))


def test_a_missing_model_is_an_error(config: CertifyConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(AntigradError, match="no such folder"):
        load_move(replace(config, after=str(tmp_path / "nowhere")))


# peft still asks transformers by an old name.
OLD_PEFT = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture
def adapter(place: Path, tmp_path: Path) -> Path:
    peft: Any = pytest.importorskip("peft")
    base = make_model()
    adapted = peft.get_peft_model(base, peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@OLD_PEFT
def test_an_adapter_is_merged_into_the_model_before(config: CertifyConfig, adapter: Path) -> None:
    move = load_move(replace(config, after=str(adapter)))
    assert list(move.moved) == [f"model.layers.{layer}.self_attn.q_proj.weight" for layer in (0, 1)]
    weights = load_file(adapter / "adapter_model.safetensors")
    prefix = "base_model.model.model.layers.1.self_attn.q_proj"
    old, new = move.moved["model.layers.1.self_attn.q_proj.weight"]
    expected = 4 / 2 * weights[f"{prefix}.lora_B.weight"] @ weights[f"{prefix}.lora_A.weight"]
    assert torch.allclose(new - old, expected, atol=1e-6)
    assert float(expected.abs().max()) > 0.01


@OLD_PEFT
def test_an_adapter_without_peft_is_a_clear_error(
    config: CertifyConfig, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(AntigradError, match=r"the package peft is missing.*antigrad\[train\]"):
        load_move(replace(config, after=str(adapter)))


@OLD_PEFT
def test_an_adapter_that_is_pickled_or_of_another_model_is_an_error(config: CertifyConfig, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name: tensor[..., :1].clone() for name, tensor in weights.items()}, path)
    with pytest.raises(AntigradError, match=r"size mismatch.*an adapter of .*before"):
        load_move(replace(config, after=str(adapter)))
    path.rename(adapter / "adapter_model.bin")
    with pytest.raises(AntigradError, match=r"without adapter_model\.safetensors"):
        load_move(replace(config, after=str(adapter)))


@pytest.mark.filterwarnings("ignore")
def test_an_adapted_tied_embedding_is_certified_apart_from_the_head(tmp_path: Path, config: CertifyConfig) -> None:
    """Merged by PEFT alone, the head would move too."""
    peft: Any = pytest.importorskip("peft")
    save_model(tmp_path / "tied", "llama_tied")
    settings = peft.LoraConfig(r=2, target_modules=["embed_tokens"], init_lora_weights=False)
    model = load_any(str(tmp_path / "tied"), device="cpu", with_tokenizer=False).model
    peft.get_peft_model(model, settings).save_pretrained(tmp_path / "adapter")
    move = load_move(replace(config, before=str(tmp_path / "tied"), after=str(tmp_path / "adapter")))
    assert list(move.moved) == ["model.embed_tokens.weight"]
    assert "lm_head.weight" in move.still


@OLD_PEFT
def test_an_adapter_is_merged_into_the_base_it_names(tmp_path: Path, place: Path, config: CertifyConfig) -> None:
    """Not into the model before, which may hold an earlier state of the same adapter."""
    first = save_adapter(tmp_path / "first", place / "before")
    second = shutil.copytree(first, tmp_path / "second")
    path = second / "adapter_model.safetensors"
    changed = {name: 2 * one if "lora_B" in name else one for name, one in load_file(path).items()}
    save_file(changed, path, metadata={"format": "pt"})
    move = load_move(replace(config, before=str(first), after=str(second)))
    once = load_move(replace(config, after=str(first)))
    for name, (old, new) in move.moved.items():
        was, one = once.moved[name]
        torch.testing.assert_close(new - old, one - was, atol=1e-6, rtol=1e-4)
