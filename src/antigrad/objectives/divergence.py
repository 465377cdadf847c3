"""Kullback-Leibler divergences of categorical laws and their gradients with respect to logits."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    r"""Divergence of two categorical laws along the last axis.

    $$\mathrm{KL}(p\,\|\,q)=\sum_vp_v\log\frac{p_v}{q_v}$$

    Args:
        log_p: (..., V) log-probabilities, in nats.
        log_q: (..., V) the same of the law compared with.

    Returns:
        (...) nats; infinite where q is zero and p is not.

    Sign: minimising it in q (forward) covers the modes of p, minimising it in p (reverse) seeks one of them.

    Source: Kullback and Leibler 1951.

    Deviations: none.

    Example:
        >>> kl(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log()).item()
        0.143...
    """
    p = log_p.exp()
    return torch.where(p > 0, p * (log_p - log_q), 0.0).sum(-1)


def forward_kl_direction(log_policy: Tensor, target: Tensor) -> Tensor:
    r"""Descent direction of the forward divergence in the policy's logits.

    $$-\nabla_z\,\mathrm{KL}(q\,\|\,\pi)=q-\pi$$

    Args:
        log_policy: (..., V) log π.
        target: (..., V) q, probabilities.

    Returns:
        (..., V) change of the logits per unit step; sums to 0.

    Sign: moving along it raises the likelihood of draws of q.

    Source: derived; also the gradient of maximum likelihood on q.

    Deviations: none.

    Example:
        >>> forward_kl_direction(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75])).tolist()
        [-0.25, 0.25]
    """
    return target - log_policy.exp()


def reverse_kl_direction(log_policy: Tensor, log_target: Tensor) -> Tensor:
    r"""Descent direction of the reverse divergence in the policy's logits.

    $$-\nabla_z\,\mathrm{KL}(\pi\,\|\,q)=\pi\Big(\log\frac q\pi+\mathrm{KL}(\pi\,\|\,q)\Big)$$

    Args:
        log_policy: (..., V) log π.
        log_target: (..., V) log q, finite.

    Returns:
        (..., V) change of the logits per unit step; sums to 0.

    Raises:
        InputValueError: The target gives an action probability zero.

    Sign: moving along it lowers the policy where it is above the target.

    Source: derived; Tajwar et al. 2024, arXiv 2404.14367, Theorem 6.5 compares it with the forward one.

    Deviations: none.

    Example:
        >>> direction = reverse_kl_direction(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log())
        >>> [round(value, 4) for value in direction.tolist()]
        [-0.2747, 0.2747]
    """
    if not bool(log_target.isfinite().all()):
        raise InputValueError("a target probability of zero", "a target above 0 everywhere", "smooth the target")
    return log_policy.exp() * (log_target - log_policy + kl(log_policy, log_target)[..., None])
