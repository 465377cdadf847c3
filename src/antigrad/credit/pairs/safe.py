"""The largest factor at which the chosen response does not lose by its own pair."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit.pairs.rule import PairFacts, PairRule
from antigrad.geometry.effects import safe_window


@dataclass(frozen=True)
class Safe(PairRule):
    r"""The upper end of the window in which the chosen response gains, to first order and on the head.

    $$\lambda=\min\Big(1,\ \frac{\lVert G_w\rVert^2}{\langle G_w,G_l\rangle}\,(1-s)\Big)
    \text{ where }\langle G_w,G_l\rangle>0,\text{ else }1$$

    A step on the pair changes $\log\pi(y_w)$ by $\eta g_w(\lVert G_w\rVert^2-\lambda\langle G_w,G_l\rangle)$.

    Args:
        slack: s, share of the pull on the chosen response that is to be left over; 0 lets it be used up.

    Raises:
        InputValueError: s is not from 0 to 1.

    Sign: λ < 1 only where pushing the rejected response takes more from the chosen one than its own pull gives.

    Source: ours; the window is that of `antigrad.geometry`, the kernel that of Deng et al. 2025, arXiv 2505.18830.

    Deviations: ours. It sees the head only, the pair only and the first step only.

    Example:
        >>> from antigrad.credit.pairs import PairKernel
        >>> kernel = PairKernel(*torch.tensor([[2.0, 2.0], [4.0, -1.0], [9.0, 1.0]]).double())
        >>> Safe()(PairFacts(2, kernel=kernel)).tolist()
        [0.5, 1.0]
    """

    slack: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.slack, int | float) or not 0 <= self.slack <= 1:
            raise InputValueError(f"slack={self.slack}", "a share from 0 to 1", "0 is the default")

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return ("kernel",)

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return (self._ends(facts) * (1 - self.slack)).clamp(max=1.0)

    def score(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return self._ends(facts)

    def _ends(self, facts: PairFacts) -> Tensor:
        kernel = facts.require_kernel()
        rows = zip(kernel.chosen.tolist(), (-kernel.cross).tolist(), kernel.rejected.tolist(), strict=True)
        # Infinite where both pushes help the chosen response; large enough that slack leaves 1.
        return torch.tensor([min(safe_window(*row).high, 1e300) for row in rows], dtype=torch.float64)
