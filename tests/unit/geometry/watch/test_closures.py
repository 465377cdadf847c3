"""Closures are called by the optimizer alone, and the gradient of its own call is the one that is certified."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.core.parts import Parts
from antigrad.geometry import Watch
from helpers.watching import batch, flat, parts_of, same


def plain(seed: int = 0) -> nn.Module:
    """A model without dropout and running means."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5))


Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
MAKERS: dict[str, Make] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=4),
    "LBFGS-wolfe": lambda p: torch.optim.LBFGS(p, lr=1.0, max_iter=4, line_search_fn="strong_wolfe"),
}


def disturbed(make: Make, watched: bool, logs: list[float], **options: Any) -> tuple[nn.Module, Watch | None]:
    """A training whose closure draws from every random stream there is, and from an iterator."""
    random.seed(1)
    np.random.seed(2)
    model = plain()
    optimizer = make(list(model.parameters()))
    batches: Iterator[tuple[Tensor, Tensor]] = (batch(seed) for seed in range(10_000))
    watch = Watch(optimizer, model=model, every=1, **options) if watched else None
    torch.manual_seed(3)

    def closure() -> Tensor:
        optimizer.zero_grad()
        inputs, labels = next(batches)
        noise = random.random() + float(np.random.rand()) + float(torch.rand(()))
        loss = cross_entropy(model(inputs * (1 + 0.1 * noise)), labels)
        logs.append(float(loss.detach()))
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    if watch is not None:
        watch.close()
    return model, watch


@pytest.mark.parametrize("name", MAKERS)
def test_closures_with_any_randomness_and_an_iterator_stay_bit_for_bit(name: str) -> None:
    quiet: list[float] = []
    seen: list[float] = []
    expected, _ = disturbed(MAKERS[name], False, quiet)
    model, watch = disturbed(MAKERS[name], True, seen)
    assert same(model, expected)
    assert seen == quiet  # The user's own logs too: nothing was evaluated additionally.
    assert watch is not None
    assert [row["step"] for row in watch.rows] == list(range(5))
    moved = [row for row in watch.rows if not row["skipped"]]  # A line search may find nothing to its liking.
    assert len(moved) >= 4
    assert {row["independent"] for row in moved[:-1]} == {"lagged"}


@pytest.mark.parametrize("zeroes", [True, False])
def test_a_closure_that_adds_to_what_is_there_is_certified_with_the_whole(zeroes: bool) -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    calls: list[int] = []
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(0, 8, 2):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            (cross_entropy(model(inputs), labels) / 2).backward()  # The first half of an accumulation.

            def closure(seed: int = seed) -> Tensor:
                calls.append(seed)
                if zeroes:
                    optimizer.zero_grad()
                inputs, labels = batch(seed + 1)
                loss = cross_entropy(model(inputs), labels) / 2
                loss.backward()
                return loss

            optimizer.step(closure)
    assert calls == [0, 2, 4, 6]
    assert [row["in_batch"]["cos"] for row in watch.rows] == pytest.approx([1.0] * 4, abs=1e-6)
    assert [row["in_batch"]["rho"] for row in watch.rows] == pytest.approx([0.1] * 4, rel=1e-4)


@pytest.mark.parametrize("name", ["LBFGS", "LBFGS-wolfe"])
def test_the_gradient_of_a_closure_is_that_of_the_place_where_the_step_starts(name: str) -> None:
    model = plain()
    optimizer = MAKERS[name](list(model.parameters()))
    truths: list[tuple[float, float | None]] = []
    move: Tensor | None = None

    def closure() -> Tensor:
        optimizer.zero_grad()
        inputs, labels = batch(0)
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        return loss

    with Watch(optimizer, model=model, every=1) as watch:
        for _ in range(4):
            inputs, labels = batch(0)
            loss = cross_entropy(model(inputs), labels)
            slope = -flat(list(torch.autograd.grad(loss, list(model.parameters()))))
            lagged = None if move is None else float(move @ slope / move.norm() / slope.norm())
            old = flat(list(model.parameters()))
            optimizer.step(closure)
            move = flat(list(model.parameters())) - old
            truths.append((float(move @ slope / move.norm() / slope.norm()), lagged))
    for row, (own, _), after in zip(watch.rows, truths, [*(lagged for _, lagged in truths[1:]), None], strict=True):
        assert row["in_batch"]["cos"] == pytest.approx(own, abs=1e-4)
        assert row["cos"] == (None if after is None else pytest.approx(after, abs=1e-4))


def test_parts_taken_in_a_closure_are_those_of_its_first_evaluation() -> None:
    model = plain()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    with Watch(optimizer, model=model, every=1) as watch:
        expected: list[dict[str, float]] = []
        for seed in range(3):

            def closure(seed: int = seed) -> Tensor:
                optimizer.zero_grad()
                parts = parts_of(model, *batch(seed))
                watch.backward(parts)
                return parts.total()

            parts = parts_of(model, *batch(seed))
            slopes = {
                name: -flat(list(torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)))
                for name, loss in parts.items()
            }
            old = flat(list(model.parameters()))
            optimizer.step(closure)
            move = flat(list(model.parameters())) - old
            expected.append({name: float(slope @ move) for name, slope in slopes.items()})
    for row, effect in zip(watch.rows, expected, strict=True):
        assert row["effect"] == pytest.approx(effect, rel=1e-3, abs=1e-7)


def test_parts_of_an_accumulation_are_not_those_of_the_closure_of_a_perturbed_place() -> None:
    class Perturbing(torch.optim.SGD):
        """Moves before it evaluates, as SAM does; the parts were taken before the step."""

        def step(self, closure: Any = None) -> Any:  # type: ignore[override]
            with torch.no_grad():
                kept = [p.detach().clone() for p in self.param_groups[0]["params"]]
                for parameter in self.param_groups[0]["params"]:
                    parameter.add_(parameter.grad)
            closure()
            with torch.no_grad():
                for parameter, old in zip(self.param_groups[0]["params"], kept, strict=True):
                    parameter.copy_(old)
            return super().step()

    model = plain()
    optimizer = Perturbing(model.parameters(), lr=0.1)
    with Watch(optimizer, model=model, every=1) as watch:

        def closure() -> Tensor:
            optimizer.zero_grad()
            parts: Parts = parts_of(model, *batch(0))
            watch.backward(parts)
            return parts.total()

        closure()
        slope = -flat([p.grad for p in model.parameters()])  # type: ignore[misc]
        old = flat(list(model.parameters()))
        optimizer.step(closure)
        move = flat(list(model.parameters())) - old
    row = watch.rows[0]
    assert row["in_batch"]["cos"] == pytest.approx(float(move @ slope / move.norm() / slope.norm()), abs=1e-5)
    assert sum(row["effect"].values()) == pytest.approx(float(move @ slope), rel=1e-4)
