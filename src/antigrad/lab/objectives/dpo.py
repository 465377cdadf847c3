"""Dpo on all preference pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

from antigrad.lab.pairs import PairObjective
from antigrad.objectives import Dpo as Loss
from antigrad.objectives import MarginLoss


@dataclass(frozen=True)
class Dpo(PairObjective):
    r"""DPO: log-sigmoid of the margin to the reference.

    $$c=\beta\,\sigma(-\beta h)$$

    Args:
        beta: See `antigrad.objectives.Dpo`.

    Sign: raises the chosen, pushes the rejected action down.

    Source: Rafailov et al. 2023, arXiv 2305.18290; as a bandit objective Tajwar et al. 2024, arXiv 2404.14367.

    Deviations: every pair of a law or group, weighted alike; ties are no pairs.

    Example:
        >>> Dpo().label
        'DPO(0.1)'
    """

    beta: float = 0.1
    loss: MarginLoss = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", Loss(self.beta))

    @property
    def label(self) -> str:  # noqa: D102
        return f"DPO({self.beta:g})"
