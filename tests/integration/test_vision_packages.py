"""Models of timm and torchvision, with random weights: nothing is fetched."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import pytest
import torch

pytest.importorskip("captum", reason="the extra attribution is not installed")

from antigrad.attribution.explain.settings import COMPARED
from antigrad.attribution.methods import METHODS
from antigrad.core.errors import AntigradError, InputValueError
from antigrad.vision.models import load_classifier

FEW = {"smoothgrad": "n_samples=2", "vargrad": "n_samples=2", "guided_absolute_grad": "n_samples=2"}
FEW |= {"integrated_gradients": "n_steps=2", "guided_ig": "n_steps=2", "blur_ig": "n_steps=2"}


def package(name: str) -> Any:
    """A package that loads beside this torch, or a skip that says why not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(name)
    except (ImportError, RuntimeError, OSError) as error:
        pytest.skip(f"{name} does not load beside torch {torch.__version__}: {error}")


@pytest.fixture
def without_weights(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name.startswith("timm:"):
        timm = package("timm")
        make = timm.create_model
        monkeypatch.setattr(timm, "create_model", lambda name, pretrained: make(name, pretrained=not pretrained))
    else:
        models = package("torchvision.models")
        get = models.get_model
        monkeypatch.setattr(models, "get_model", lambda name, weights: get(name, weights=None))
    torch.manual_seed(0)
    return name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("without_weights", "unfit"),
    [
        ("timm:resnet18", []),
        ("timm:resnet18.a1_in1k", []),
        ("timm:vit_tiny_patch16_224", ["guided_backprop", "gradcam"]),
        ("timm:efficientnet_b0", ["guided_backprop"]),
        ("torchvision:resnet18", []),
        ("torchvision:mobilenet_v2", []),
        ("torchvision:vit_b_32", ["guided_backprop", "gradcam"]),
    ],
    indirect=["without_weights"],
)
def test_every_method_that_applies(without_weights: str, unfit: list[str]) -> None:
    classifier = load_classifier(without_weights)
    assert classifier.size == 224 and len(classifier.labels) == 1000 and classifier.labels[384] == "indri"
    images = torch.rand(1, 3, 224, 224)
    inputs, targets = classifier.normalise(images), torch.tensor([384])
    assert classifier.probabilities(images).sum() == pytest.approx(1, abs=1e-4)
    methods = {name: METHODS.make(f"{name}({FEW[name]})" if name in FEW else name) for name in COMPARED}
    assert [name for name, method in methods.items() if method.problem_with(classifier)] == unfit
    for name in set(methods) - set(unfit):
        found = methods[name](classifier, inputs, targets, torch.Generator().manual_seed(0))
        assert found.shape[2:] == (224, 224) and torch.isfinite(found).all(), name
        assert not any(module._forward_hooks or module._backward_hooks for module in classifier.model.modules())
    for name in unfit:
        with pytest.raises(InputValueError, match="for this kind of model"):
            methods[name](classifier, inputs, targets)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "message"),
    [("timm:resnet81", "resnet"), ("timm:resnet18.nobody", "resnet18"), ("torchvision:resnet81", "resnet")],
)
def test_names_that_nobody_knows(name: str, message: str) -> None:
    package("timm" if name.startswith("timm") else "torchvision.models")
    with pytest.raises(AntigradError, match=message):
        load_classifier(name)
