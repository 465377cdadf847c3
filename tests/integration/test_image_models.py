"""Classifiers from a folder as transformers saves them, and names that mean nothing."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("captum", reason="the extra attribution is not installed")
pytest.importorskip("transformers", reason="the extra posttraining is not installed")

import transformers
from PIL import Image

from antigrad.attribution.explain.job import explain
from antigrad.attribution.explain.settings import ExplainConfig
from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError
from antigrad.vision.models import load_classifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random ResNet of four classes for pictures of 64 × 64."""
    path = tmp_path_factory.mktemp("models") / "resnet"
    torch.manual_seed(0)
    labels = {0: "up", 1: "down", 2: "strange", 3: "charm"}
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", id2label=labels,
        label2id={name: place for place, name in labels.items()},
    )  # fmt: skip
    transformers.ResNetForImageClassification(config).save_pretrained(path)
    size = {"height": 64, "width": 64}
    transformers.ViTImageProcessor(size=size, image_mean=[0.5] * 3, image_std=[0.25] * 3).save_pretrained(path)
    return path


@pytest.mark.filterwarnings("ignore")  # transformers' own
def test_a_folder_of_transformers(folder: Path, tmp_path: Path) -> None:
    classifier = load_classifier(str(folder))
    assert (classifier.size, classifier.mean, classifier.std) == (64, (0.5,) * 3, (0.25,) * 3)
    images = torch.rand(2, 3, 64, 64)
    model = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        wanted = model(pixel_values=(images - 0.5) / 0.25).logits.softmax(-1)
    torch.testing.assert_close(classifier.probabilities(images), wanted, atol=1e-5, rtol=1e-4)
    Image.effect_noise((80, 70), 50).convert("RGB").save(tmp_path / "a.png")
    methods = ["guided_absolute_grad(n_samples=3)", "gradcam", "guided_backprop"]
    given = ExplainConfig([str(tmp_path / "a.png")], model=str(folder), methods=methods, output=tmp_path / "run")
    (row,) = explain(given).ledger.rows("image")
    assert row["target_name"] in ("up", "down", "strange", "charm") and set(methods) <= set(row["figures"])


@pytest.mark.parametrize(
    ("name", "message"),
    [("eficientnet-lite0", "did you mean 'efficientnet-lite0'"), ("timm:", "one of"), ("torchvision", "one of")],
)
def test_names_that_mean_nothing(name: str, message: str) -> None:
    with pytest.raises(InputValueError, match=message):
        load_classifier(name)


@pytest.mark.filterwarnings("ignore")
def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(AntigradError, match="weights on this machine"):
        load_classifier(str(tmp_path))


@pytest.mark.filterwarnings("ignore")
def test_a_transformer_goes_without_what_does_not_apply(tmp_path: Path) -> None:
    """Of the nine that nobody chose two are left out, and the page says why; a choice of them is refused."""
    path = tmp_path / "vit"
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8,
        num_labels=3,
    )  # fmt: skip
    transformers.ViTForImageClassification(config).save_pretrained(path)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
    Image.effect_noise((40, 40), 50).convert("RGB").save(tmp_path / "a.png")
    given = ExplainConfig([str(tmp_path / "a.png")], model=str(path), output=tmp_path / "run", metrics=["rcap"])
    run = explain(given)
    assert [row["method"] for row in run.ledger.rows("left out")] == ["guided_backprop", "gradcam"]
    (row,) = run.ledger.rows("image")
    assert len(row["figures"]) == 7 + 3
    assert "without a height and a width" in str(run.read_json("page.json"))
    assert explain(replace(given, resume=True)).summary["pictures"] == 1
    wished = replace(given, methods=["saliency", "gradcam", "guided_backprop"], output=tmp_path / "other")
    with pytest.raises(ManyInputsError, match="2 problems"):
        explain(wished)
    assert not (tmp_path / "other").exists()
    with pytest.raises(InputValueError, match="0 to 2"):
        explain(replace(given, target="3", output=tmp_path / "other"))


@pytest.mark.parametrize(
    ("name", "missing"), [("timm:resnet18", "timm"), ("torchvision:resnet18", "torchvision.models")]
)
def test_the_extra_that_is_missing_is_named(name: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(AntigradError, match=r"antigrad\[timm\]"):
        load_classifier(name)
