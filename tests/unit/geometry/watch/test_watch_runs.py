"""Rows in memory and in run folders, the page, going on, rotation, granularities, held-out data."""

import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from antigrad.core import RunFolder
from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry import Watch, ladder
from antigrad.report import write_report
from helpers.watching import batch, parts_of


def plain(seed: int = 0) -> nn.Module:
    """A model without dropout and running means."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5))


def train(model: nn.Module, optimizer: Any, watch: Watch, steps: range) -> None:
    """Some steps of a watched training."""
    for seed in steps:
        optimizer.zero_grad()
        watch.backward(parts_of(model, *batch(seed)))
        optimizer.step()


def test_rows_go_into_the_run_and_its_page_is_there(tmp_path: Path) -> None:
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    heard: list[int] = []
    with Watch(optimizer, model=model, every=2, run=tmp_path / "r", on_row=lambda r: heard.append(r["step"])) as watch:
        train(model, optimizer, watch, range(5))
    run = RunFolder.open(tmp_path / "r")
    rows = run.ledger.rows("certificate")
    assert [row["step"] for row in rows] == heard == [0, 2, 4]
    assert rows[0]["in_batch"]["cos"] == watch.rows[0]["in_batch"]["cos"]
    page = write_report(run).read_text()
    assert all(text in page for text in ("0.weight", "2.bias", "on the next batch"))


def test_a_run_that_is_given_keeps_its_own_page(tmp_path: Path) -> None:
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    run = RunFolder.start(tmp_path / "mine", job="train", config={})
    with Watch(optimizer, model=model, every=1, run=run) as watch:
        train(model, optimizer, watch, range(2))
    assert len(run.ledger.rows("certificate")) == 2
    assert not (run.path / "artifacts" / "page.json").exists()


def test_a_resumed_watch_goes_on_where_the_first_was() -> None:
    def training() -> tuple[nn.Module, torch.optim.Optimizer]:
        model = plain()
        return model, torch.optim.SGD(model.parameters(), lr=0.05)

    model, optimizer = training()
    with Watch(optimizer, model=model, every=3, weight="safe") as whole:
        train(model, optimizer, whole, range(12))
    model, optimizer = training()
    with Watch(optimizer, model=model, every=3, weight="safe") as first:
        train(model, optimizer, first, range(6))
    state = json.loads(json.dumps(first.state_dict()))
    with Watch(optimizer, model=model, every=3, weight="safe") as second:
        second.load_state_dict(state)
        train(model, optimizer, second, range(6, 12))
    assert [row["step"] for row in [*first.rows, *second.rows]] == [0, 3, 6, 9]
    assert [row["down_weight"] for row in second.rows] == [row["down_weight"] for row in whole.rows[2:]]
    assert second.rows[-1]["effect"] == whole.rows[-1]["effect"]


def test_rotation_takes_every_block_in_its_turn() -> None:
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Watch(optimizer, model=model, every=1, rotate=3) as watch:
        train(model, optimizer, watch, range(6))
    turns = [set(row["in_batch"]["block_cos"]) for row in watch.rows]
    assert turns[:3] == turns[3:]
    assert set.union(*turns[:3]) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert sum(len(turn) for turn in turns[:3]) == 4
    assert sum(row["share"] for row in watch.rows[:3]) == pytest.approx(1)


@pytest.mark.parametrize("granularity", ["layer", "row", "coordinate"])
def test_rungs_are_those_of_the_ladder(granularity: Any) -> None:
    model = plain().double()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-3)
    inputs, labels = batch(0)
    with Watch(optimizer, model=model, every=1, granularity=granularity) as watch:
        cross_entropy(model(inputs.double()), labels).backward()
        old = {name: p.detach().clone() for name, p in model.named_parameters()}
        descents = {name: -p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        optimizer.step()
        steps = {name: p.detach() - old[name] for name, p in model.named_parameters()}
    expected = ladder(steps, descents)
    row = watch.rows[0]["in_batch"]
    rungs = ["layer", "row", "coordinate"][: ["layer", "row", "coordinate"].index(granularity) + 1]
    for rung in rungs:
        assert row[f"kappa_{rung}"] == pytest.approx(expected[rung], rel=1e-6) or math.isinf(expected[rung])
    assert row["granularity"] == [r for r in ("global", *rungs) if math.isfinite(expected[r])][-1]


def test_a_held_out_loss_measures_the_drop() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    inputs, labels = batch(99, size=200)

    def held_out() -> torch.Tensor:
        return cross_entropy(model(inputs), labels)

    with Watch(optimizer, model=model, every=1, held_out=held_out) as watch:
        losses = [float(held_out().detach())]
        for seed in range(3):
            train(model, optimizer, watch, range(seed, seed + 1))
            losses.append(float(held_out().detach()))
    for row, before, after in zip(watch.rows, losses, losses[1:], strict=False):
        assert row["independent"] == "held_out"
        assert row["held_out_loss"] == pytest.approx(before, rel=1e-5)
        assert row["drop_measured"] == pytest.approx(before - after, abs=1e-5)
        assert row["cos_disc"] * row["drop_measured"] > 0
        assert row["drop_predicted"] == pytest.approx(row["drop_measured"], rel=0.2, abs=2e-3)


def test_held_out_losses_that_cannot_be_used() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for loss, wanted in (
        (lambda: 1.0, "held_out returned float"),
        (lambda: torch.ones(2), r"held_out returned Tensor \(2,\)"),
    ):
        with Watch(optimizer, model=model, held_out=loss) as watch, pytest.raises(InputValueError, match=wanted):
            train(model, optimizer, watch, range(1))
    other = plain(1)
    with (
        Watch(optimizer, model=model, held_out=lambda: cross_entropy(other(batch(0)[0]), batch(0)[1])) as watch,
        pytest.raises(InputValueError, match=r"reaches none of the watched parameters"),
    ):
        train(model, optimizer, watch, range(1))
    with pytest.raises(InputTypeError, match="to watch"):
        Watch(3)  # type: ignore[arg-type]


def test_overshoot_is_a_step_past_the_valley() -> None:
    flags = []
    for rate in (0.4, 1.6):  # The minimum of ½θ² is one step of size 1 away.
        point = nn.Parameter(torch.tensor([1.0]))
        optimizer = torch.optim.SGD([point], lr=rate)
        with Watch(optimizer, every=1) as watch:
            for _ in range(3):
                optimizer.zero_grad()
                (0.5 * point.square()).sum().backward()
                optimizer.step()
        flags.append([row["overshoot"] for row in watch.rows])
    assert flags == [[False, False, None], [True, True, None]]


def test_alarms_are_said_once_and_stand_in_every_row_that_has_evidence(caplog: pytest.LogCaptureFixture) -> None:
    point = nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer = torch.optim.SGD([point], lr=0.1, maximize=True)
    with caplog.at_level(logging.WARNING, "antigrad.watch"), Watch(optimizer, every=1) as watch:
        for _ in range(8):
            optimizer.zero_grad()
            point.square().sum().backward()
            optimizer.step()
    said = [any("100% of the step is in blocks that go up" in alarm for alarm in row["alarms"]) for row in watch.rows]
    assert said == [False, False, False, True, True, True, True, False]  # Four rows are evidence; the last has none.
    assert [row["effective"] for row in watch.rows] == [*["unresolved"] * 3, *["no"] * 4, None]
    assert sum("blocks that go up the loss" in message for message in caplog.messages) == 1


def test_a_run_that_is_resumed_goes_on_with_the_evidence_of_its_rows(tmp_path: Path) -> None:
    def training(folder: Path, steps: range, start: int, state: Any = None) -> Any:
        model = plain()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        if state is not None:
            model.load_state_dict(state[0])
            optimizer.load_state_dict(state[1])
        with Watch(optimizer, model=model, every=1, run=folder, start=start) as watch:
            train(model, optimizer, watch, steps)
        return watch.rows, (model.state_dict(), optimizer.state_dict())

    whole, _ = training(tmp_path / "whole", range(24), 0)
    _, state = training(tmp_path / "parts", range(12), 0)
    second, _ = training(tmp_path / "parts", range(12, 24), 12, state)
    # The row before the break lost its next batch; all values but that one are there.
    assert [row["t_values"] for row in second[:3]] == [12, 13, 14]
    assert [row["t_values"] for row in whole[12:15]] == [13, 14, 15]
    assert second[-2]["t_values"] == whole[-2]["t_values"] == 20
    assert second[-2]["cos"] == pytest.approx(whole[-2]["cos"], rel=1e-6)
