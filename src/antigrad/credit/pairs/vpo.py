"""VPO: by how much the rejected response says about the answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule
from antigrad.objectives.pairs.vpo import Reading, constraint


@dataclass(frozen=True)
class Vpo(PairRule):
    r"""VPO: rejected responses that tell less than nothing about the answer are pushed less.

    $$\lambda=1-v,\qquad v=0\text{ where PVI}\ge0,\text{ else }\sigma(-\mathrm{PVI}/\tau)$$

    Args:
        reading: `paper` as above, or `continuous`: $v=\tanh(-\mathrm{PVI}/2\tau)$, without the jump at 0.
        temperature: τ, nats.

    Raises:
        InputValueError: An option is out of range.

    Sign: λ < 1 where PVI < 0; never above 1.

    Source: Wang et al. 2025, NeurIPS (OpenReview LCZmI3iM8X), Eq. 12.

    Deviations: Eq. 12 is our reading (`docs/papers.md`); `continuous` and τ ≠ 1 are ours.

    Example:
        >>> [round(x, 6) for x in Vpo()(PairFacts(3, pvi=torch.tensor([-1.0, 0.0, 2.0]))).tolist()]
        [0.268941, 1.0, 1.0]
    """

    reading: Reading = "paper"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        constraint(torch.zeros(1), self.reading, self.temperature)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return ("pvi",)

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return 1 - constraint(facts.require("pvi"), self.reading, self.temperature)

    def score(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return facts.require("pvi")
