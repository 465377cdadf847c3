r"""Stage measures from rollouts: does training exploit what is explored, or raise what is rare.

| symbol | meaning |
| --- | --- |
| $a_i$ | cluster of response i of a group: responses with the same tokens |
| mode | the most sampled cluster of the group, of all, correct or not |
| $O$ | a rare correct response of the base model |
| $\pi_0,\pi_T$ | base model, model after training |
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal, TypeVar

import torch

from antigrad.core.errors import InputValueError
from antigrad.objectives import group_advantages
from antigrad.objectives.grpo import Scale

Cluster = TypeVar("Cluster", bound=Hashable)
Boundary = Literal["expansion", "shrinkage", "neither"]


def mode_of(clusters: Sequence[Cluster], log_probs: Sequence[float]) -> Cluster:
    """Find the most sampled cluster.

    Args:
        clusters: Cluster of each response.
        log_probs: Log-likelihood of each response: of clusters sampled equally often the likelier one is taken.

    Returns:
        The cluster.

    Example:
        >>> mode_of(["a", "b", "b"], [-1.0, -2.0, -2.0]), mode_of(["a", "b"], [-2.0, -1.0])
        ('b', 'b')
    """
    likeliest: dict[Cluster, float] = {}
    for cluster, log_prob in zip(clusters, log_probs, strict=True):
        likeliest[cluster] = max(log_prob, likeliest.get(cluster, log_prob))
    return max(likeliest, key=lambda cluster: (clusters.count(cluster), likeliest[cluster]))


def positive_mass(
    rewards: Sequence[float], clusters: Sequence[Cluster], mode: Cluster, scale: Scale = "population"
) -> tuple[float, float]:
    r"""Positive advantage of one group, and how much of it is not the mode's.

    $$E_t=\frac{\sum_i\hat A_i^+\mathbf 1[a_i\ne\text{mode}]}{\sum_i\hat A_i^+}$$

    Args:
        rewards: Reward of each response.
        clusters: Cluster of each response.
        mode: The group's mode.
        scale: What advantages are divided by, see `group_advantages`.

    Returns:
        Numerator and denominator of E_t for this group; over groups both are added up. Both are 0 in a group
        whose rewards are all equal.

    Sign: E_t > ½ is exploration: most of what is pulled up is not what the model does most.

    Source: ours; at the boundary of exploitation and exploration E_t = ½ in the three-action model of
        Yao et al. 2025, arXiv 2510.04028.

    Deviations: none.

    Example:
        >>> rare, whole = positive_mass([0.0, 0.0, 0.0, 1.0, 1.0], ["a", "a", "a", "b", "a"], "a")
        >>> rare / whole
        0.5
    """
    if len(rewards) < 2:
        return 0.0, 0.0
    advantages = group_advantages(torch.tensor(rewards, dtype=torch.float64), scale=scale).clamp(min=0).tolist()
    rare = [value for value, cluster in zip(advantages, clusters, strict=True) if cluster != mode]
    return sum(rare), sum(advantages)


def rarest(log_probs: Sequence[float], limit: int) -> list[int]:
    """Choose the rare ones of the distinct correct responses that a base model gave to one question.

    Rare are those with the least share among its correct ones. The share is read off the log-likelihood
    itself, not off how often each was sampled, which is once for nearly all. The likeliest is never rare.

    Args:
        log_probs: Log-likelihood of each distinct correct response, nats.
        limit: How many at most.

    Returns:
        Places, from the rarest on; none if there is one correct response only.

    Example:
        >>> rarest([-1.0, -5.0, -3.0], 2), rarest([-1.0], 2)
        ([1, 2], [])
    """
    order = sorted(range(len(log_probs)), key=lambda place: log_probs[place])
    return order[:-1][:limit]


def boundary(before: float, after: float, k: int) -> Boundary:
    r"""Say whether a correct response came within reach of k samples, or left it.

    $$\text{expansion: }\pi_T(O)\ge\max(1/k,\pi_0(O)),\qquad\text{shrinkage: }\pi_0(O)\ge1/k>\pi_T(O)$$

    Args:
        before: ln π_0(O).
        after: ln π_T(O).
        k: Samples.

    Returns:
        `expansion`, `shrinkage` or `neither`.

    Raises:
        InputValueError: k is below 1.

    Source: after Yao et al. 2025, arXiv 2510.04028; with the condition on π_0 as derived here.

    Deviations: a model that did not move at all is `neither`: it expanded nothing.

    Example:
        >>> boundary(-9.0, -1.0, 4), boundary(-1.0, -9.0, 4), boundary(-9.0, -8.0, 4)
        ('expansion', 'shrinkage', 'neither')
    """
    if k < 1:
        raise InputValueError(f"k={k}", "at least 1", "raise it")
    reach = -math.log(k)
    if after >= max(reach, before) and after != before:
        return "expansion"
    return "shrinkage" if before >= reach > after else "neither"
