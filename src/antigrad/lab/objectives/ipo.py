"""Ipo on all preference pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

from antigrad.lab.pairs import PairObjective
from antigrad.objectives import Ipo as Loss
from antigrad.objectives import MarginLoss


@dataclass(frozen=True)
class Ipo(PairObjective):
    r"""IPO: squared distance of the margin to a target of that many nats.

    $$c=-2(h-m)$$

    Args:
        margin: See `antigrad.objectives.Ipo`.

    Sign: raises the chosen, pushes the rejected action down up to the margin, and back beyond it.

    Source: Azar et al. 2023, arXiv 2310.12036; as a bandit objective Tajwar et al. 2024, arXiv 2404.14367.

    Deviations: every pair of a law or group, weighted alike; ties are no pairs.

    Example:
        >>> Ipo().label
        'IPO(10)'
    """

    margin: float = 10
    loss: MarginLoss = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", Loss(self.margin))

    @property
    def label(self) -> str:  # noqa: D102
        return f"IPO({self.margin:g})"
