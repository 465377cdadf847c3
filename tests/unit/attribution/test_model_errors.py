"""Models and targets that cannot be attributed: one clear error each, and nothing of the model moves."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("captum", reason="the extra attribution is not installed")
from antigrad.attribution.methods.guided_absolute_grad import GuidedAbsoluteGrad
from antigrad.core.errors import InputTypeError, InputValueError

IMAGES = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def body() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()


def wrapped(change: Callable[[Tensor], Any]) -> nn.Module:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = body()

        def forward(self, images: Tensor) -> Any:
            return change(self.inner(images))

    return Wrapped().eval()


def made_in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return body()


@pytest.mark.parametrize(
    ("make", "said", "kind"),
    [
        (lambda: wrapped(lambda logits: {"logits": logits}), "a model that returns a dict with logits", InputTypeError),
        (lambda: wrapped(lambda logits: SimpleNamespace(logits=logits)), "returns a SimpleNamespace", InputTypeError),
        (lambda: wrapped(lambda logits: logits.detach()), "does not depend on its input by gradients", InputValueError),
        (lambda: wrapped(torch.round), "", None),
        (made_in_inference_mode, "torch.inference_mode", InputValueError),
    ],
)
def test_what_is_wrong_with_the_model_is_said(make: Any, said: str, kind: Any) -> None:
    method = GuidedAbsoluteGrad(make())
    if kind is None:  # rounding has a gradient, of zero: maps of zeros, and no error
        with pytest.warns(UserWarning, match="do not vary over the noise"):
            assert not method.attribute(IMAGES, 0, n_samples=2).any()
        return
    with pytest.raises(kind, match=said):
        method.attribute(IMAGES, 0, n_samples=2)


def test_targets_are_whole_numbers() -> None:
    with pytest.raises(InputTypeError, match=r"targets of torch\.float32"):
        GuidedAbsoluteGrad(body()).attribute(IMAGES, torch.tensor([0.0, 1.0]), n_samples=2)


def test_a_batch_norm_in_train_mode_is_refused_and_does_not_move() -> None:
    model = body()
    model[1].train()
    before = model[1].running_mean.clone()  # type: ignore[union-attr]
    with pytest.raises(InputValueError, match="1 batch norms in train mode, as 1"):
        GuidedAbsoluteGrad(model).attribute(IMAGES, 0, n_samples=2)
    assert torch.equal(before, model[1].running_mean)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_frozen_script_has_the_maps_of_the_model_that_it_was_traced_from() -> None:
    """It has no `training` to ask for."""
    model = body()
    frozen = torch.jit.freeze(torch.jit.trace(model, IMAGES))
    first, second = (
        GuidedAbsoluteGrad(one).attribute(IMAGES, 1, n_samples=4, generator=torch.Generator().manual_seed(0))
        for one in (model, frozen)
    )
    assert isinstance(first, Tensor) and first.any()
    torch.testing.assert_close(second, first)
