"""NPO: forget the wrong actions."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy, likelihood_direction
from antigrad.objectives import npo


@dataclass(frozen=True)
class Npo(Objective):
    r"""NPO on a forget law: the sampling law on wrong actions.

    $$g=-2\big[q\,s-\pi\,(q^\top s)\big],\qquad s=\sigma\Big(\beta\log\frac\pi{\pi_{ref}}\Big),
    \qquad q\propto\mu\,\mathbf 1[r\le\tfrac12]$$

    Args:
        beta: β.

    Sign: pushes wrong actions down, less and less as they fall below the reference.

    Source: Zhang et al. 2024, arXiv 2404.05868, Eq. 3.

    Deviations: in the paper q is a data set to forget; here it is what the verifier rejects.

    Example:
        >>> Npo().label
        'NPO(0.1)'
    """

    beta: float = 0.1
    loss: npo.Npo = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", npo.Npo(self.beta))

    @property
    def label(self) -> str:  # noqa: D102
        return f"NPO({self.beta:g})"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        forget = ctx.law * ~ctx.bandit.correct
        total = forget.sum(-1, keepdim=True)
        forget = torch.where(total > 0, forget / total, 0.0)
        return likelihood_direction(-forget * self.loss.pushes(policy.log - ctx.log_reference), policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        wrong = (batch.rewards <= 0.5).to(batch.rewards)
        count = wrong.sum(-1, keepdim=True).clamp(min=1)
        return -wrong * self.loss.pushes(batch.log_probs - batch.log_reference) * (wrong.shape[-1] / count)
