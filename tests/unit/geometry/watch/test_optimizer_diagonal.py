"""The optimizer's own preconditioner, from the state that its step leaves behind."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from antigrad.geometry.watch.part_sums import optimizer_diagonal


def _step(kind: Any, **options: Any) -> tuple[Tensor, Tensor, Any]:
    """The step that a second gradient makes, that gradient, and the diagonal after it; no momentum."""
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = kind([parameter], lr=0.01, **options)
    for gradient in ([0.3, -0.1, 2.0], [0.1, 0.4, -0.05]):
        before, parameter.grad = parameter.detach().clone(), torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
    diagonal = optimizer_diagonal(optimizer)
    assert diagonal is not None
    return parameter.detach() - before, -parameter.grad, diagonal(parameter)  # type: ignore[operator]


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"eps": 0.1}])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_of_adam_without_momentum_it_turns_the_gradient_into_the_step(kind: Any, options: dict[str, Any]) -> None:
    step, descent, diagonal = _step(kind, betas=(0.0, 0.9), weight_decay=0.0, **options)
    assert torch.allclose(diagonal * descent, step, rtol=1e-6, atol=0)


def test_of_sgd_it_is_the_learning_rate() -> None:
    step, descent, diagonal = _step(torch.optim.SGD)
    assert torch.allclose(diagonal * descent, step, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", [torch.optim.RMSprop, torch.optim.Muon])
def test_others_have_none_that_is_known(kind: Any) -> None:
    parameter = nn.Parameter(torch.ones(2, 2))
    optimizer = kind([parameter], lr=0.01)
    parameter.grad = torch.ones(2, 2)
    optimizer.step()
    assert optimizer_diagonal(optimizer) is None
