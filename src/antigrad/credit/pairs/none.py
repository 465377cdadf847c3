"""Plain DPO: no pair is treated differently."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule


@dataclass(frozen=True)
class NoRule(PairRule):
    r"""No rule: every rejected response is pushed in full.

    $$\lambda=1$$

    Sign: as the loss has it.

    Source: Rafailov et al. 2023, arXiv 2305.18290.

    Deviations: none.

    Example:
        >>> NoRule()(PairFacts(2)).tolist()
        [1.0, 1.0]
    """

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return facts.ones()
