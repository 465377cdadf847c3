"""MaPPO: by the gap that a reward model sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule


@dataclass(frozen=True)
class Gap(PairRule):
    r"""The gap of a reward model: rejected responses that are nearly as good are pushed less.

    $$\lambda=\Delta_r=r_w-r_l\in[0,1]$$

    Sign: a smaller gap pushes less.

    Source: Lan et al. 2025 (MaPPO), arXiv 2507.21183, Eq. 8.

    Deviations: none.

    Example:
        >>> import torch
        >>> Gap()(PairFacts(2, reward_gap=torch.tensor([0.25, 1.0]))).tolist()
        [0.25, 1.0]
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return ("reward_gap",)

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return facts.require("reward_gap")
