"""Slic on all preference pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

from antigrad.lab.pairs import PairObjective
from antigrad.objectives import MarginLoss
from antigrad.objectives import Slic as Loss


@dataclass(frozen=True)
class Slic(PairObjective):
    r"""SLiC: hinge on the log-ratio, without a reference.

    $$c=\mathbf 1[\log\tfrac{\pi_w}{\pi_l}<\delta]$$

    Args:
        delta: See `antigrad.objectives.Slic`.

    Sign: raises the chosen, pushes the rejected action down until they are δ apart.

    Source: Zhao et al. 2023, arXiv 2305.10425; as a bandit objective Tajwar et al. 2024, arXiv 2404.14367.

    Deviations: every pair of a law or group, weighted alike; ties are no pairs.

    Example:
        >>> Slic().label
        'SLiC(10)'
    """

    delta: float = 10
    loss: MarginLoss = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", Loss(self.delta))

    @property
    def label(self) -> str:  # noqa: D102
        return f"SLiC({self.delta:g})"
