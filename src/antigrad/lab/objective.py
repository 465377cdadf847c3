"""What an objective of the laboratory is: the expected update of the logits, and the update of drawn samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, Self, cast

import torch
from torch import Tensor

from antigrad.credit import CreditRule, Group
from antigrad.lab.bandit import Bandit


@dataclass(frozen=True)
class Policy:
    """A categorical policy by its log-probabilities; leading axes are arms, rates and seeds.

    Args:
        log: (..., X, V) log π, in nats.
    """

    log: Tensor

    @cached_property
    def p(self) -> Tensor:
        """(..., X, V) probabilities."""
        return self.log.exp()

    @classmethod
    def of(cls, logits: Tensor) -> Self:
        """Normalise logits.

        Args:
            logits: (..., X, V) z.

        Returns:
            The policy softmax(z).
        """
        return cls(logits.log_softmax(-1))


@dataclass(frozen=True)
class Context:
    """What an objective sees beside the policy.

    Args:
        bandit: Rewards, reference and kernels.
        law: (..., X, V) law μ that actions are drawn from, constant for the gradient.
        group: G, samples per prompt.
    """

    bandit: Bandit
    law: Tensor
    group: int = 8

    @cached_property
    def log_reference(self) -> Tensor:
        """(X, V) log π_ref."""
        return self.bandit.reference.log()


@dataclass(frozen=True)
class Batch:
    """Groups that were drawn: G actions for each of B prompts.

    Args:
        actions: (..., B, G) actions.
        rewards: (..., B, G) their rewards.
        log_probs: (..., B, G) their log-probabilities under the policy now.
        log_old: (..., B, G) the same under the law that drew them.
        log_reference: (..., B, G) the same under the reference.
        policy: The policy at the drawn prompts, (..., B, V).
        fresh: Whether the policy now is the one that drew.
    """

    actions: Tensor
    rewards: Tensor
    log_probs: Tensor
    log_old: Tensor
    log_reference: Tensor
    policy: Policy
    fresh: bool = True

    def of_arms(self, arms: slice) -> Batch:
        """Take some arms.

        Args:
            arms: Which.

        Returns:
            Their groups.
        """
        named = ("actions", "rewards", "log_probs", "log_old", "log_reference")
        some = {name: getattr(self, name)[arms] for name in named}
        return replace(self, policy=Policy(self.policy.log[arms]), **some)


class Objective(ABC):
    r"""One objective, as an exact direction and as weights of samples.

    $$g=\mathbb E\Big[\frac1G\sum_iw_i(e_{a_i}-\pi)\Big],\qquad\hat g=\frac1G\sum_iw_i(e_{a_i}-\pi),\qquad\sum_vg_v=0$$

    g is an ascent direction in the logits. Subclasses are frozen dataclasses, one per file; their
    fields are their options.
    """

    @property
    @abstractmethod
    def label(self) -> str:
        """Short name for figures, with the options that matter."""

    @abstractmethod
    def expected(self, policy: Policy, ctx: Context) -> Tensor:
        """Direction of the mean-field and dataset tiers.

        Args:
            policy: (..., X, V).
            ctx: Reference, sampling law, kernels.

        Returns:
            (..., X, V) g, summing to 0 over actions.
        """

    @abstractmethod
    def weigh(self, batch: Batch, ctx: Context) -> Tensor:
        """Weights of drawn samples.

        Args:
            batch: The groups.
            ctx: Reference, sampling law, kernels.

        Returns:
            (..., B, G) w, such that ĝ is their score-function mean over G.
        """

    def sampled(self, batch: Batch, ctx: Context) -> Tensor:
        """Direction of the sampled tier.

        Args:
            batch: The groups.
            ctx: Reference, sampling law, kernels.

        Returns:
            (..., B, V) ĝ, summing to 0 over actions.
        """
        weights = self.weigh(batch, ctx) / batch.actions.shape[-1]
        base = -batch.policy.p * weights.sum(-1, keepdim=True)
        return base.scatter_add(-1, batch.actions.expand(weights.shape), weights)

    def stack_key(self) -> Hashable:
        """What arms must have in common to be computed at once by `expected_arms`.

        Returns:
            A key.
        """
        return type(self), self

    @classmethod
    def expected_arms(cls, arms: Sequence[Any], policy: Policy, ctx: Context) -> Tensor:
        """Directions of several arms with one `stack_key`.

        Args:
            arms: A objectives.
            policy: (A, ..., X, V).
            ctx: With a law of that shape.

        Returns:
            (A, ..., X, V) directions.
        """
        return torch.stack(
            [arm.expected(Policy(policy.log[i]), replace(ctx, law=ctx.law[i])) for i, arm in enumerate(arms)]
        )

    def record(self) -> dict[str, Any]:
        """Name and options, for the record of a run.

        Returns:
            A flat mapping.
        """
        options = {item.name: getattr(self, item.name) for item in fields(cast(Any, self)) if item.init}
        return {"objective": self.label, **options}


def likelihood_direction(weighted_law: Tensor, policy: Policy) -> Tensor:
    r"""Gradient of $\sum_am_a\log\pi_a$ with respect to the logits.

    Args:
        weighted_law: (..., X, V) m: the sampling law times each action's weight.
        policy: (..., X, V).

    Returns:
        (..., X, V) $m-\pi\sum_am_a$.
    """
    return weighted_law - policy.p * weighted_law.sum(-1, keepdim=True)


Denominator = Literal["group", "kept"]
"""What weights are a mean over: all samples, or those of the batch with a weight other than 0."""


def over_kept(weights: Tensor) -> Tensor:
    """Turn weights of a mean over all samples into those of a mean over the samples that are kept.

    Args:
        weights: (..., B, G) weights; 0 is dropped.

    Returns:
        (..., B, G) weights, larger by the share that is kept.
    """
    kept = (weights != 0).sum((-1, -2), keepdim=True).clamp(min=1)
    return weights * (weights.shape[-1] * weights.shape[-2]) / kept


def weigh_each(rule: CreditRule, advantages: Tensor, correct: Tensor) -> Tensor:
    """Apply a credit rule that looks at each response alone to samples of any shape.

    Groups that are not mixed are weighed too: NSR pushes on groups that are all wrong.

    Args:
        rule: For example `negatives_only`, `nsr`, `w_reinforce`; not one that looks at the whole group.
        advantages: Advantages, any shape.
        correct: True where the verifier accepts, the same shape.

    Returns:
        Weights, the same shape.
    """
    flat = advantages.reshape(-1)
    mask = torch.ones(len(flat), 1, dtype=torch.bool)
    group = Group(torch.zeros(len(flat), 1, dtype=torch.long), mask, correct.expand_as(advantages).reshape(-1), flat)
    return rule.weigh(group).reshape(advantages.shape)
