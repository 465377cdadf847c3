"""GRPO under a credit rule: with both halves of the advantage, or one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit import CREDIT
from antigrad.lab.groups import group_table
from antigrad.lab.objective import (
    Batch,
    Context,
    Denominator,
    Objective,
    Policy,
    likelihood_direction,
    over_kept,
    weigh_each,
)
from antigrad.objectives import advantages_of_groups, clipped_gain
from antigrad.objectives.grpo import Scale


@dataclass(frozen=True)
class Grpo(Objective):
    r"""GRPO: group-relative advantages of all G samples, then the credit rule.

    $$g=\pi\bar A-\pi\sum_a\pi_a\bar A_a,\qquad\bar A_a=\mathbb E_\mu[w(\hat A_1)\mid a_1=a],\qquad
    w_i=w(\hat A_i)\,\rho_i,\quad\rho=\frac\pi\mu$$

    Clipped weights, exact or sampled, are 0 where the ratio has left $1\pm\epsilon$ in the direction of the push.

    Args:
        scale: `population`, `sample` (Bessel + 1e-4) or `none`: what advantages are divided by.
        denominator: `group` divides by all samples, `kept` by those with a weight other than 0; sampled tier only.
        clip: ε of the clipped surrogate, once the policy is not the law any more; None leaves the ratio unclipped.

    Raises:
        InputValueError: An option is out of range.

    Sign: raises what is above its group's mean, pushes down what is below.

    Source: Shao et al. 2024, arXiv 2402.03300; one update a group as in Yao et al. 2025, arXiv 2510.04028.

    Deviations: the population deviation without a constant is the default; no KL term.

    Example:
        >>> Grpo().label
        'GRPO'
    """

    rule: ClassVar[str] = "none"
    suffix: ClassVar[str] = ""
    scale: Scale = "population"
    denominator: Denominator = "group"
    clip: float | None = None

    def __post_init__(self) -> None:
        if self.scale not in ("population", "sample", "none") or self.denominator not in ("group", "kept"):
            given = f"scale={self.scale!r}, denominator={self.denominator!r}"
            raise InputValueError(given, "population, sample or none; group or kept", "population and group are ours")
        if self.clip is not None and not 0 < self.clip < 1:
            raise InputValueError(f"clip={self.clip}", "between 0 and 1", "0.2 is usual")

    @property
    def label(self) -> str:  # noqa: D102
        notes = ["" if self.scale == "population" else f"{self.scale} scale", self.denominator]
        notes = [note for note in notes if note not in ("", "group")]
        return f"GRPO{self.suffix}" + (f" ({', '.join(notes)})" if notes else "")

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        return self.expected_arms([self], Policy(policy.log[None]), replace(ctx, law=ctx.law[None]))[0]

    def stack_key(self) -> Hashable:  # noqa: D102
        return "grpo", self.scale, self.denominator

    @classmethod
    def expected_arms(cls, arms: Sequence[Any], policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        bandit, levels = ctx.bandit, tuple(ctx.bandit.levels.tolist())
        table = group_table(bandit.levels, ctx.group, arms[0].scale)
        weights = torch.stack([arm._table_weights(levels, ctx.group) for arm in arms])
        mass = (ctx.law[..., None] * bandit.level_of).sum(-2)
        # (A, ..., X, n) @ (A, ..., n, K): expected weight of each level; then of each action.
        spare = (1,) * (policy.log.ndim - 3)

        def mean(weights: Tensor) -> Tensor:
            of_levels = table.chances(mass) @ weights.mT.reshape(len(arms), *spare, *weights.mT.shape[1:])
            return (of_levels[..., None, :] * bandit.level_of).sum(-1)

        # What the law never draws has no ratio: a data set without an action says nothing about it.
        drawn = torch.where(ctx.law > 0, policy.p, 0.0)
        clips = torch.tensor([arm.clip or torch.inf for arm in arms]).reshape(-1, *spare, 1, 1)
        if bool(clips.isinf().all()):
            return likelihood_direction(drawn * mean(weights), policy)
        ratio = policy.p / ctx.law
        up = torch.where(ratio > 1 + clips, 0.0, mean(weights.clamp(min=0)))
        down = torch.where(ratio < 1 - clips, 0.0, mean(weights.clamp(max=0)))
        return likelihood_direction(drawn * (up + down), policy)

    def _table_weights(self, levels: tuple[float, ...], group: int) -> Tensor:
        if self.denominator == "kept":
            raise InputValueError("the exact direction with denominator='kept'", "'group'", "use tier='sampled'")
        return _ruled_table(self.rule, levels, group, self.scale)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        weights = _ruled(self.rule, advantages_of_groups(batch.rewards, self.scale))
        if self.denominator == "kept":
            weights = over_kept(weights)
        if batch.fresh:
            return weights  # the ratio is 1
        clip = float("inf") if self.clip is None else self.clip
        with torch.enable_grad():
            log_ratio = (batch.log_probs - batch.log_old).requires_grad_()
            gain = clipped_gain(log_ratio, weights, min(clip, 1.0), clip).sum()
        return torch.autograd.grad(gain, log_ratio)[0]


def _ruled(rule: str, advantages: Tensor) -> Tensor:
    return weigh_each(CREDIT.make(rule), advantages, advantages > 0)


@lru_cache(maxsize=64)
def _ruled_table(rule: str, levels: tuple[float, ...], group: int, scale: Scale) -> Tensor:
    # (K, n) weights: the table of advantages under the rule. It depends on nothing that moves.
    return _ruled(rule, group_table(torch.tensor(levels, dtype=torch.float64), group, scale).advantages)
