"""Measures of categorical policies: pass@k, diversity, masses, divergences."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.lab.bandit import Bandit
from antigrad.objectives.divergence import kl


def accuracy(pi: Tensor, bandit: Bandit) -> Tensor:
    """Mean reward over prompts.

    Args:
        pi: (..., X, V) probabilities.
        bandit: The world.

    Returns:
        (...) rewards; accuracy where rewards are 0 or 1.
    """
    return (pi * bandit.rewards).sum(-1).mean(-1)


def entropy(pi: Tensor) -> Tensor:
    """Entropy along the last axis.

    Args:
        pi: (..., V) probabilities.

    Returns:
        (...) nats.

    Example:
        >>> round(entropy(torch.tensor([0.5, 0.5, 0.0])).item(), 4)
        0.6931
    """
    return -torch.xlogy(pi, pi).sum(-1)


def pass_at_k(pi: Tensor, bandit: Bandit, k: int) -> Tensor:
    r"""Exact pass@k: $1-(1-p)^k$, the mean over prompts.

    Args:
        pi: (..., X, V) probabilities.
        bandit: Which actions are correct.
        k: Attempts.

    Returns:
        (...) chances that one of k draws is correct.
    """
    p = (pi * bandit.correct).sum(-1)
    return (1 - (1 - p) ** k).mean(-1)


def effective_number(pi: Tensor, bandit: Bandit) -> Tensor:
    r"""Effective number of correct actions: exp of the entropy of the policy among them, mean over prompts.

    Args:
        pi: (..., X, V) probabilities.
        bandit: Which actions are correct.

    Returns:
        (...) numbers from 1 to how many are correct.

    Example:
        >>> from antigrad.lab.presets import correct_set
        >>> world = correct_set(4, 2, 0.5)
        >>> round(effective_number(world.reference, world).item(), 6)
        2.0
    """
    good = pi * bandit.correct
    return entropy(good / good.sum(-1, keepdim=True)).exp().mean(-1)


def divergences(pi: Tensor, bandit: Bandit) -> tuple[Tensor, Tensor]:
    """Divergences between policy and reference, both ways, mean over prompts.

    Args:
        pi: (..., X, V) probabilities.
        bandit: With the reference.

    Returns:
        KL(π‖π_ref) and KL(π_ref‖π), nats.
    """
    log_pi, log_ref = pi.log(), bandit.reference.log().expand(pi.shape)
    return kl(log_pi, log_ref).mean(-1), kl(log_ref, log_pi).mean(-1)


def log_ratio(pi: Tensor, bandit: Bandit, action: int, prompt: int = 0) -> Tensor:
    """Log-ratio of an action to the reference: its implicit reward in units of β.

    Args:
        pi: (..., X, V) probabilities.
        bandit: With the reference.
        action: Which action.
        prompt: Of which prompt.

    Returns:
        (...) nats.
    """
    return (pi[..., prompt, action] / bandit.reference[prompt, action]).log()
