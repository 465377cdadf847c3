"""An objective kept in its three parts: what it pulls up, what it pushes down, what anchors it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError
from antigrad.core.html import figures_table


@dataclass(frozen=True)
class Parts:
    r"""A loss as the sum of what it pulls up, what it pushes down and what anchors it.

    $$\mathcal L = \mathcal L_{up} + \lambda\,\mathcal L_{down} + \mathcal L_{anchor}$$

    Args:
        up: Scalar. The part that raises the likelihood of what is wanted.
        down: Scalar. The part that lowers the likelihood of what is not wanted.
        anchor: Scalar. The part that holds the model where it was (KL term, retain loss).

    Raises:
        TypeError: A part is not a scalar tensor.

    Sign: each part is a loss. Minimising `up` raises the wanted log-probability, minimising `down`
        lowers the unwanted one.

    Source: the structure shared by all the methods of this library; no paper.

    Deviations: none.

    Example:
        >>> import torch
        >>> parts = Parts(up=torch.tensor(2.0), down=torch.tensor(-1.0), anchor=torch.tensor(0.5))
        >>> parts.total().item(), parts.total(down_weight=0.0).item()
        (1.5, 2.5)
    """

    up: Tensor
    down: Tensor
    anchor: Tensor

    def __post_init__(self) -> None:
        """Refuse anything but scalars: a part that broadcasts is a bug that sums.

        Raises:
            InputTypeError: A part is not a scalar tensor.
        """
        for name, value in self.items():
            if not isinstance(value, Tensor) or value.ndim != 0:
                shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise InputTypeError(f"Parts.{name} = {shape}", "a scalar tensor", "reduce the part before summing")

    def items(self) -> tuple[tuple[str, Tensor], ...]:
        """Name and value of each part, in the order up, down, anchor.

        Returns:
            Three pairs.
        """
        return tuple((field.name, getattr(self, field.name)) for field in fields(self))

    def total(self, down_weight: float | Tensor = 1.0) -> Tensor:
        """Sum the parts: the one place where they meet.

        Args:
            down_weight: Weight of the down part, dimensionless.

        Returns:
            Scalar loss to call `backward` on.
        """
        return self.up + down_weight * self.down + self.anchor

    def detached(self) -> Parts:
        """Return the same values without a graph, for logging.

        Returns:
            Parts that hold no graph.
        """
        return replace(self, **{name: value.detach() for name, value in self.items()})

    def __add__(self, other: Parts) -> Parts:
        """Add part to part: gradient accumulation keeps them apart.

        Args:
            other: The parts of the next micro-batch.

        Returns:
            The sum, part by part.
        """
        return Parts(self.up + other.up, self.down + other.down, self.anchor + other.anchor)

    def _repr_html_(self) -> str:
        figures = {name: value.item() for name, value in self.detached().items()}
        return figures_table("Parts of the loss", figures | {"sum": self.detached().total().item()})

    @staticmethod
    def zeros(like: Tensor) -> Parts:
        """Three zeros of the dtype and device of a tensor.

        Args:
            like: Any tensor.

        Returns:
            Parts that add nothing.
        """
        zero = torch.zeros((), dtype=like.dtype, device=like.device)
        return Parts(zero, zero.clone(), zero.clone())
