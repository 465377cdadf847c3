"""How each sample's loss changes along a direction in the weights, by one forward-mode pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from antigrad.geometry.evidence import Evidence, evidence


def directional_derivatives(
    losses: Callable[[], Any], model: nn.Module, at: Mapping[str, Tensor], along: Mapping[str, Tensor]
) -> Tensor | None:
    r"""Differentiate the losses of N samples along one direction.

    $$d_i=\nabla\ell_i(\theta)\cdot v$$

    Args:
        losses: Returns (N,) losses of the model as it is.
        model: The model; its tensors are swapped for the pass, and put back.
        at: Name of each parameter and θ; those that are not named stay as they are.
        along: v of the same names, shapes and dtypes.

    Returns:
        (N,) d_i. None where an operation of the model has no forward-mode derivative.

    Sign: positive for a loss that rises along v.

    Source: forward-mode differentiation (Wengert 1964); a Jacobian-vector product of all samples at once costs
        about two forward passes, where N gradients cost N backward passes.

    Deviations: none.

    Example:
        >>> line = nn.Linear(2, 1, bias=False).double()
        >>> inputs = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
        >>> at, along = {"weight": line.weight.detach()}, {"weight": torch.tensor([[1.0, 0.0]]).double()}
        >>> directional_derivatives(lambda: line(inputs)[:, 0], line, at, along).tolist()
        [1.0, 3.0]
    """
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), forward_ad.dual_level(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch compiles its formulas by what it deprecates.
            duals = {f"model.{name}": forward_ad.make_dual(value, along[name]) for name, value in at.items()}
            found = torch.func.functional_call(_Asked(model, losses), duals, ())
            slope = forward_ad.unpack_dual(found).tangent
    except (NotImplementedError, RuntimeError):
        return None
    return None if slope is None else slope.detach()


def of_rows(values: Tensor, tokens: Tensor) -> Evidence:
    r"""Weigh what rows of different lengths say of their mean per token.

    $$\bar d=\frac{\sum_rd_r}{\sum_rT_r}$$

    Args:
        values: (n,) d_r, summed over the tokens of each row.
        tokens: (n,) T_r.

    Returns:
        What they say; the error is that of a ratio of sums.

    Example:
        >>> of_rows(torch.tensor([2.0, 4.0, 1.0, 3.0]), torch.tensor([2, 4, 1, 3])).mean
        1.0
    """
    lengths = tokens.double()
    return evidence(values.double() / lengths, (lengths / lengths.sum()).tolist())


class _Asked(nn.Module):
    """Losses as a module around their model, so that torch can swap the tensors of that."""

    def __init__(self, model: nn.Module, losses: Callable[[], Any]) -> None:
        super().__init__()
        self.model, self.losses = model, losses

    def forward(self) -> Any:
        return self.losses()
