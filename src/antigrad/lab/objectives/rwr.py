"""Reward-weighted regression."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy, likelihood_direction
from antigrad.objectives import rwr


@dataclass(frozen=True)
class Rwr(Objective):
    r"""RWR: likelihood weighted by $e^{r/\beta}$.

    $$g=q-\pi,\qquad q\propto\mu\,e^{r/\beta}$$

    Args:
        beta: β.
        raw: Weights without self-normalisation: g is then $Z(q-\pi)$.

    Sign: raises every response, most where the reward is high.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Sec. 3.

    Deviations: self-normalised unless `raw`.

    Example:
        >>> Rwr().label
        'RWR(0.1)'
    """

    beta: float = 0.1
    raw: bool = False
    loss: rwr.Rwr = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", rwr.Rwr(self.beta, self.raw))

    @property
    def label(self) -> str:  # noqa: D102
        return f"RWR({self.beta:g})"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        rewards = ctx.bandit.rewards.expand(ctx.law.shape)
        return likelihood_direction(ctx.law * self.loss.weights(rewards, ctx.law), policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        return self.loss.weights(batch.rewards)
