"""Reward under a KL penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy, likelihood_direction


@dataclass(frozen=True)
class KlReward(Objective):
    r"""Expected reward minus β times the divergence to the reference.

    $$\max\mathbb E_\pi r-\beta\,\mathrm{KL}(\pi\|\pi_{ref}),\qquad g=\pi(u-\pi^\top u),\quad
    u=r-\beta\log\frac\pi{\pi_{ref}}$$

    Args:
        beta: β.

    Sign: raises what has more reward than its penalty, pushes down what has less.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Lemma 6.1.

    Deviations: none.

    Example:
        >>> KlReward().label
        'reward − 0.1 KL'
    """

    beta: float = 0.1

    @property
    def label(self) -> str:  # noqa: D102
        return f"reward − {self.beta:g} KL"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        gain = ctx.bandit.rewards - self.beta * (policy.log - ctx.log_reference)
        return likelihood_direction(ctx.law * gain, policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        return batch.rewards - self.beta * (batch.log_probs - batch.log_reference)
