"""What a row wakes somebody up for."""

from typing import Any

import pytest

from antigrad.geometry.watch.alarms import Alarms


def row(**figures: Any) -> dict[str, Any]:
    """A row in which all is well, but for some figures."""
    return {"skipped": False, "effect": {"up": 1.0, "down": 1.0, "anchor": 1.0}, "moved_fraction": 1.0, **figures}


@pytest.mark.parametrize("name", ["up", "anchor"])
def test_a_part_that_loses_ground_again_and_again(name: str) -> None:
    alarms = Alarms(patience=2)
    lost = {"up": 1.0, "down": 1.0, "anchor": 1.0, name: -1.0}
    assert alarms.of(row(effect=lost)) == {}
    found = alarms.of(row(effect=lost))
    assert found == {name: f"the part {name!r} lost ground in 2 logged steps: lower the weight of the down part"}
    assert alarms.of(row()) == {}
    assert alarms.of(row(effect=lost)) == {}


def test_the_down_part_may_be_given_up() -> None:
    alarms = Alarms(patience=1)
    assert alarms.of(row(effect={"up": 1.0, "down": -1.0})) == {}


@pytest.mark.parametrize(("weight", "wrong"), [(0.4, True), (1.0, False), (2.5, True)])
def test_a_weight_outside_the_window(weight: float, wrong: bool) -> None:
    found = Alarms().of(row(lambda_lo=0.5, lambda_hi=2.0, down_weight=weight))
    assert ("weight" in found) is wrong


def test_no_down_part_at_all_is_inside_a_window_that_begins_at_nothing() -> None:
    assert Alarms().of(row(lambda_lo=0.0, lambda_hi=float("inf"), down_weight=0.0)) == {}
    assert "weight" in Alarms().of(row(lambda_lo=0.1, lambda_hi=float("inf"), down_weight=0.0))


def test_a_held_out_loss_that_is_no_number_does_not_rise() -> None:
    alarms = Alarms(patience=1)
    assert alarms.of(row(held_out_loss=1.0)) == {}
    assert alarms.of(row(held_out_loss=float("nan"))) == {"loss": "the held-out loss is nan: lower the learning rate"}
    assert alarms.of(row(held_out_loss=0.9)) == {}


def test_a_held_out_loss_that_rises() -> None:
    alarms = Alarms(patience=2)
    losses = [1.0, 1.1, 1.2, 0.9, 0.8, 0.7]
    assert ["loss" in alarms.of(row(held_out_loss=loss)) for loss in losses] == [False, False, True, *[False] * 3]


def test_blocks_that_go_up_the_loss() -> None:
    assert Alarms().of(row(step_share_against=0.19, worst=[["a", -0.1]])) == {}
    found = Alarms().of(row(step_share_against=0.25, worst=[["a", -0.1], ["b", 0.2]]))
    assert found["blocks"] == "25% of the step is in blocks that go up the loss: look at a, b"


def test_skipped_steps_are_quiet_and_do_not_count() -> None:
    alarms = Alarms(patience=1)
    assert alarms.of(row(skipped=True, effect={"up": -1.0}, moved_fraction=0.0)) == {}
    assert alarms.of(row(moved_fraction=0.3))["format"].startswith("only 30% of the weights moved")
