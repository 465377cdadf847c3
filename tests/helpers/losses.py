"""The golden pair of preference losses, and a central difference."""

from collections.abc import Callable

import torch
from torch import Tensor

CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED = (
    torch.tensor([value], dtype=torch.float64) for value in (-12.0, -20.0, -11.2, -17.5)
)
LENGTHS = (8, 10)


def leaf(value: Tensor) -> Tensor:
    return value.clone().requires_grad_()


def central(f: Callable[[Tensor], Tensor], x: Tensor, eps: float = 1e-5) -> Tensor:
    """Central difference of a scalar function in every entry of a vector."""
    units = eps * torch.eye(x.numel(), dtype=x.dtype)
    return torch.stack([(f(x + unit) - f(x - unit)) / (2 * eps) for unit in units])
