"""Small worlds of the laboratory, and batches drawn from them."""

from random import Random

import pytest
import torch
from torch import Tensor

from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Batch, Context, Policy
from antigrad.lab.studies import implicit_reward, offline_peaks, reuse, token_bandit
from antigrad.lab.table_one import arms, name_of
from antigrad.lab.training import Arm, Score

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


def trained_as(
    rewards: dict[str, float],
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
    steps: int = 100,
    centres: tuple[int, ...] = (70, 20),
    otherwise: float = 0.5,
) -> list[tuple[Arm, Score]]:
    """Scores of the arms as if they had been trained: those named (`R1 offline BoN10`), the others alike.

    Each arm and seed is a little off, so that seeds have a spread.
    """
    found: list[tuple[Arm, Score]] = []
    for place, arm in enumerate(arms(steps, centres)):
        reward = rewards.get(f"{name_of(arm.centre)} {arm.name}", otherwise)
        for step in (max(1, steps // 2), steps):
            for number, seed in enumerate(seeds):
                own = reward * step / steps + 1e-3 * Random(100 * place + number).random()
                found.append((arm, Score(place, seed, step, 10, own, 1.0, -1.0)))
    return found


def nothing_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies that train take made scores: their settings are checked, not their networks."""

    def scores(_kind: str, seeds: tuple[int, ...], steps: int, centres: tuple[int, ...] = (70, 20)) -> object:
        return trained_as({}, seeds, steps, centres)

    def train(_world: object, todo: list[Arm], seeds: tuple[int, ...], *_: object) -> list[Score]:
        return [
            Score(place, seed, step, 10, step / arm.steps, 1.0, -1.0)
            for place, arm in enumerate(todo) for seed in seeds for step in (max(1, arm.steps // 2), arm.steps)
        ]  # fmt: skip

    for study in (offline_peaks, reuse, token_bandit):
        monkeypatch.setattr(study, "scores", scores)
    monkeypatch.setattr(implicit_reward, "train", train)
    monkeypatch.setattr(implicit_reward, "reference", lambda *_: {})
