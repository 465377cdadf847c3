"""Evaluations on the side leave a training as it was; a watch keeps its errors, and in the end nothing else."""

import gc
import logging
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.geometry import Watch
from helpers.watching import batch, same


class Moving(nn.Module):
    """Moves everything that can move in a forward: frozen copies, buffers, weights themselves, and its own counts."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.norm = nn.Linear(12, 5), nn.BatchNorm1d(5)
        self.averaged = nn.Parameter(torch.ones(5), requires_grad=False)
        self.swapped = nn.Parameter(torch.ones(5), requires_grad=False)
        self.register_buffer("rebound", torch.zeros(2))
        self.calls, self.drop = 0, nn.Dropout(0.3)

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        with torch.no_grad():
            self.averaged.mul_(0.99)
            self.swapped.data = self.swapped.data * 0.9
            self.layer.weight.data.clamp_(-0.25, 0.25)
            self.rebound = self.rebound + 1
        noise = random.random() + float(np.random.rand())
        outputs = self.drop(self.norm(self.layer(inputs * (1 + 0.01 * noise))))
        return outputs * self.averaged * self.swapped * (1 + 0.01 * self.calls)


def train(watch: Callable[[torch.optim.Optimizer, nn.Module], Watch] | None) -> tuple[Moving, Watch | None]:
    """Some steps, all random streams seeded."""
    random.seed(1)
    np.random.seed(2)
    model = Moving()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    watched = None if watch is None else watch(optimizer, model)
    torch.manual_seed(3)
    for seed in range(6):
        optimizer.zero_grad()
        inputs, labels = batch(seed)
        cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    if watched is not None:
        watched.close()
    return model, watched


@pytest.mark.parametrize("each", [False, True])
def test_a_model_that_moves_itself_in_forward_is_left_alone_by_held_out_losses(each: bool) -> None:
    inputs, labels = batch(99)

    def watch(optimizer: torch.optim.Optimizer, model: nn.Module) -> Watch:
        reduction = "none" if each else "mean"
        loss = lambda: cross_entropy(model(inputs), labels, reduction=reduction)  # noqa: E731
        return Watch(optimizer, model=model, every=1, held_out=loss)

    expected, _ = train(None)
    model, watched = train(watch)
    assert same(model, expected)
    assert model.calls == expected.calls == 6
    assert watched is not None
    assert [row["independent"] for row in watched.rows] == ["held_out"] * 6
    assert model.swapped.requires_grad is False


def plain() -> nn.Module:
    """A model without dropout and running means."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5))


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
    """Some steps of a training."""
    for seed in range(count):
        optimizer.zero_grad()
        inputs, labels = batch(seed)
        cross_entropy(model(inputs), labels).backward()
        optimizer.step()


def tensors_behind(thing: object) -> list[Tensor]:
    """All tensors that something holds, however deep, but for what belongs to modules of code."""
    seen: set[int] = set()
    found: list[Tensor] = []
    todo = [thing]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or type(one).__name__ in ("module", "function", "frame"):
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            found.append(one)
            continue
        todo += gc.get_referents(one)
    return found


def test_nothing_but_rows_is_kept_after_close() -> None:
    inputs, labels = batch(99)
    for options in ({}, {"independent": "none"}, {"held": True}, {"every": 3}):
        model = plain()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        if options.pop("held", False):
            options["held_out"] = lambda model=model: cross_entropy(model(inputs), labels)
        watch = Watch(optimizer, model=model, **({"every": 1} | options))  # type: ignore[arg-type]
        steps(model, optimizer, 4)
        assert tensors_behind(watch)
        watch.close()
        assert tensors_behind(watch) == []
        assert len(watch.rows) in (2, 4)
        assert watch.state_dict()["step"] == 4
        watch.close()


def test_an_error_after_the_first_row_is_logged_and_training_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    model, plainly = plain(), plain()
    inputs, labels = batch(99)
    calls: list[int] = []

    def held_out() -> Tensor:
        calls.append(1)
        if len(calls) in (5, 6):
            raise MemoryError("no room")
        return cross_entropy(model(inputs), labels)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with (
        caplog.at_level(logging.WARNING, "antigrad.watch"),
        Watch(optimizer, model=model, every=1, held_out=held_out) as w,
    ):
        steps(model, optimizer, 5)
    steps(plainly, torch.optim.SGD(plainly.parameters(), lr=0.1), 5)
    assert same(model, plainly)
    assert ["failed" in row for row in w.rows] == [False, False, True, True, False]
    assert [row["step"] for row in w.rows] == list(range(5))
    assert "could not be watched: MemoryError: no room" in w.rows[2]["alarms"][0]
    assert "training continues" in caplog.text
    assert w.rows[4]["independent"] == "held_out"


def test_an_error_before_the_first_row_is_raised() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def held_out() -> Tensor:
        raise KeyError("typo")

    with Watch(optimizer, model=model, every=1, held_out=held_out), pytest.raises(KeyError, match="typo"):
        steps(model, optimizer, 1)


def test_what_a_listener_raises_reaches_the_training_that_it_is_to_stop() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def stop(row: Any) -> None:
        if row["step"] == 2:
            raise StopIteration

    watch = Watch(optimizer, model=model, every=1, on_row=stop)
    with pytest.raises(StopIteration):
        steps(model, optimizer, 6)
    assert [row["step"] for row in watch.rows] == [0, 1, 2]
    watch.close()


def test_parts_that_stop_agreeing_are_an_alarm_and_no_end() -> None:
    from antigrad.core.parts import Parts

    point = nn.Parameter(torch.ones(6, dtype=torch.float64))
    optimizer = torch.optim.SGD([point], lr=1e-3)
    with Watch(optimizer, every=1) as watch:
        for step in range(4):
            optimizer.zero_grad()
            parts = Parts(up=point.square().sum(), down=-0.1 * point.sum(), anchor=torch.zeros(()))
            watch.take(parts)
            (parts.total() + (7.0 * (point * torch.arange(6.0)).sum() if step == 2 else 0.0)).backward()
            optimizer.step()
    assert [row["parts_cos"] is not None for row in watch.rows] == [False, False, True, False]
    assert any("clip by norm" in alarm for alarm in watch.rows[2]["alarms"])
