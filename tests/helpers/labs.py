"""Small worlds of the laboratory, and batches drawn from them."""

import torch
from torch import Tensor

from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Batch, Context, Policy

GRADED = torch.tensor([0.0, 0.2, 0.2, 0.5, 0.8, 1.0, 1.0], dtype=torch.float64)


def dirichlet(*shape: int, seed: int = 0) -> Tensor:
    draws = -torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).log()
    return draws / draws.sum(-1, keepdim=True)


def world(rewards: Tensor = GRADED, seed: int = 1, **kernels: Tensor) -> Bandit:
    rewards = rewards.reshape(-1, rewards.shape[-1]).double()
    return Bandit(rewards, dirichlet(*rewards.shape, seed=seed), **kernels)


def batch(bandit: Bandit, policy: Policy, actions: Tensor, old: Policy | None = None) -> Batch:
    """Groups with given actions, (X, G)."""
    return Batch(
        actions,
        bandit.rewards.gather(-1, actions),
        policy.log.gather(-1, actions),
        (old or policy).log.gather(-1, actions),
        bandit.reference.log().gather(-1, actions),
        policy,
        fresh=old is None,
    )


def context(bandit: Bandit, law: Tensor, group: int = 8) -> Context:
    return Context(bandit, law, group)
