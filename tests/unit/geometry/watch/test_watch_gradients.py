"""Gradients that are missing, scaled, skipped, clipped, overwritten or not finite."""

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from antigrad.geometry import Watch
from helpers.optimizers import Lion
from helpers.watching import batch, flat, network


def rows_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, *, steps: int = 4, between: Any = None, **options: Any
) -> list[dict[str, Any]]:
    """Certificates of a training, with something done between backward and step."""
    with Watch(optimizer, model=model, every=1, **options) as watch:
        for seed in range(steps):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            cross_entropy(model(inputs), labels).backward()
            if between is not None:
                between(seed)
            optimizer.step()
    return watch.rows


def plain(seed: int = 0) -> nn.Module:
    """A model without dropout and running means."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5))


def test_no_gradient_at_the_time_of_the_step() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows = rows_of(model, optimizer, between=lambda seed: optimizer.zero_grad() if seed == 1 else None)
    assert [row["skipped"] for row in rows] == [False, True, False, False]
    assert [row["gradient"] for row in rows] == [True, False, True, True]
    assert rows[1]["alarms"] == ["no gradient when step() began: call backward before it, and zero_grad after it"]


def test_gradients_zeroed_in_place_are_a_skipped_step() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows = rows_of(model, optimizer, between=lambda _: optimizer.zero_grad(set_to_none=False))
    assert all(row["skipped"] and row["cos"] is None and row["alarms"] == [] for row in rows)


def test_parameters_without_a_gradient_take_no_part() -> None:
    model = plain()
    model.add_module("unused", nn.Linear(2, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(2):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            cross_entropy(model[:3](inputs), labels).backward()  # type: ignore[index]
            optimizer.step()
    assert set(watch.rows[0]["block_cos"]) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    used = sum(parameter.numel() for parameter in model[:3].parameters())  # type: ignore[index]
    assert watch.rows[0]["share"] == pytest.approx(used / (used + 6))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_names_its_block_and_training_goes_on(bad: float) -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    weight: nn.Parameter = model[2].weight  # type: ignore[index,assignment]

    def spoil(seed: int) -> None:
        if seed == 1:
            kept.append(weight.detach().clone())
            assert weight.grad is not None
            weight.grad[0, 0] = bad
        elif seed == 2:
            weight.data.copy_(kept[0])
            weight.grad = torch.zeros_like(weight)
            for other in model.parameters():
                other.grad = torch.ones_like(other)

    kept: list[torch.Tensor] = []
    rows = rows_of(model, optimizer, between=spoil)
    assert [row["non_finite"] for row in rows] == [[], ["2.weight"], [], []]
    assert rows[1]["cos"] is None
    assert any("not finite: 2.weight (1 in all)" in alarm for alarm in rows[1]["alarms"])
    assert rows[2]["in_batch"]["cos"] == pytest.approx(1)


def test_a_lagged_gradient_that_is_not_finite_leaves_the_row_without_one() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def spoil(seed: int) -> None:
        if seed == 3:
            model[0].bias.grad[0] = math.nan  # type: ignore[index,union-attr]

    rows = rows_of(model, optimizer, between=spoil)
    assert rows[1]["independent"] == "lagged"
    assert rows[2]["independent"] is None
    assert rows[2]["in_batch"]["cos"] == pytest.approx(1)


def test_clipping_between_backward_and_step_is_part_of_what_was_given() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows = rows_of(model, optimizer, between=lambda _: nn.utils.clip_grad_norm_(model.parameters(), 1e-2))
    for row in rows:
        assert row["in_batch"]["cos"] == pytest.approx(1, abs=1e-6)
        assert row["in_batch"]["drop_predicted"] == pytest.approx(0.1 * 1e-4, rel=1e-3)


def test_a_gradient_that_the_optimizer_writes_over_is_copied_before() -> None:
    kept, quiet = plain(), plain()
    found = rows_of(kept, Lion(kept.parameters(), lr=1e-3, overwrite=True), independent="none")
    expected = rows_of(quiet, Lion(quiet.parameters(), lr=1e-3), independent="none")
    for key in ("cos", "drop_predicted", "rho"):
        assert [row["in_batch"][key] for row in found] == [row["in_batch"][key] for row in expected]


@pytest.mark.parametrize("fused", [False, True])
def test_gradient_scaling_is_divided_out(fused: bool) -> None:
    model = plain()
    expected = rows_of(model, torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused))
    scaled = plain()
    optimizer = torch.optim.Adam(scaled.parameters(), lr=1e-3, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with Watch(optimizer, model=scaled, every=1) as watch:
        for seed in range(4):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            scaler.scale(cross_entropy(scaled(inputs), labels)).backward()
            scaler.step(optimizer)
            scaler.update()
    for ours, theirs in zip(watch.rows, expected, strict=True):
        for figure in ("cos", "drop_predicted", "scale", "rho"):
            assert ours["in_batch"][figure] == pytest.approx(theirs["in_batch"][figure], rel=1e-4), figure
        assert ours["independent"] == theirs["independent"]
    for ours, theirs in zip(watch.rows[:-1], expected, strict=False):
        assert ours["drop_predicted"] == pytest.approx(theirs["drop_predicted"], rel=1e-3)


def test_a_step_that_the_scaler_skips_is_no_step() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(3):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            scaler.scale(cross_entropy(model(inputs), labels)).backward()
            if seed == 1:
                model[0].bias.grad[0] = math.inf  # type: ignore[index,union-attr]
            scaler.step(optimizer)
            scaler.update()
    assert [row["step"] for row in watch.rows] == [0, 1]
    assert all(row["in_batch"]["cos"] == pytest.approx(1, abs=1e-6) for row in watch.rows)


def test_the_closure_is_never_asked_an_additional_time() -> None:
    model = network("mlp")
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=1)
    calls: list[int] = []

    def closure() -> torch.Tensor:
        calls.append(1)
        optimizer.zero_grad()
        inputs, labels = batch(0)
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        return loss

    with Watch(optimizer, model=model, every=4) as watch:
        for _ in range(6):
            optimizer.step(closure)
    assert len(calls) == 6
    assert [row["step"] for row in watch.rows] == [0, 4]


@pytest.mark.parametrize("calls", [1, 2])
def test_halves_of_an_accumulation_judge_each_other(calls: int) -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    halves: list[torch.Tensor] = []
    with Watch(optimizer, model=model, every=1, independent="split") as watch:
        for place, half in enumerate((slice(0, 12), slice(12, 24))):
            inputs, labels = batch(0)
            loss = cross_entropy(model(inputs[half]), labels[half]) / 2
            halves.append(flat(list(torch.autograd.grad(loss, list(model.parameters()), retain_graph=True))))
            loss.backward()
            if place < calls:
                watch.half()
        if calls == 2:  # Said after both halves, so that what clipping does is not taken for the second.
            nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optimizer.step()
    first, second = halves
    row = watch.rows[0]
    assert row["independent"] == "split"
    assert row["cos"] == pytest.approx(float(first @ second / first.norm() / second.norm()), abs=1e-5)
    assert row["cos"] < 0.9 < row["in_batch"]["cos"]
