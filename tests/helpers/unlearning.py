"""Small deletions from the embedded digits networks."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits, fresh, trained
from antigrad.unlearning.loop import context_of
from antigrad.unlearning.methods.method import Context
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

SCENARIOS = ("class", "homogeneous")


@lru_cache
def data() -> tuple[Samples, Samples]:
    return digits()


def first(samples: Samples, count: int) -> Samples:
    return samples.take(torch.arange(len(samples)) < count)


def deletion(scenario: str = "class", *, count: int | None = None, digit: int = 3) -> Deletion:
    """One digit, or every tenth sample, of the first `count` training digits."""
    train, test = data()
    train = train if count is None else first(train, count)
    if scenario == "class":
        return Deletion(train, test, train.labels == digit, "class")
    return Deletion(train, test, torch.arange(len(train)) % 10 == 0, "homogeneous")


def context(scenario: str = "class", network: str = "digits-cnn", *, seed: int = 0, **options: Any) -> Context:
    return context_of(trained(network), deletion(scenario, **options), seed=seed, fresh=partial(fresh, network))


def state(model: SplitModel) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.module.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def shaken(given: Context, size: float = 0.02) -> SplitModel:
    """A copy of the original a little off: where it is, distances from it have no gradient."""
    model = given.original.copy()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in model.module.parameters():
            value += size * torch.randn(value.shape, generator=generator)
    return model


__all__ = ["SCENARIOS", "context", "data", "deletion", "first", "same", "shaken", "state"]
