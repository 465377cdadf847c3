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
    assert Alarms().of(row(step_share_against=0.9, share_against=0.19, against=[("a", 0.19, -8.0)])) == {}
    found = Alarms().of(row(share_against=0.25, against=[("b", 0.2, -5.0), ("a", 0.05, -9.0)], worst=[["c", -1.0]]))
    assert found["blocks"] == "25% of the step is in blocks that go up the loss: look at b (20%), a (5%)"


def test_steps_that_go_up_and_a_step_that_raised_a_held_out_loss() -> None:
    assert Alarms().of(row(effective="unresolved", t=-9.0)) == {}
    assert Alarms().of(row(effective="no", t=-9.0)) == {"step": "the steps go up the loss: lower the learning rate"}
    assert Alarms().of(row(held_out_loss=1.0, drop_measured=-0.5, drop_t=-2.9)) == {}
    found = Alarms().of(row(held_out_loss=1.0, drop_measured=-0.5, drop_t=-3.1))
    assert found == {"loss": "the step raised the held-out loss by 0.5: lower the learning rate"}


def test_a_step_without_a_gradient_says_so_though_it_is_skipped() -> None:
    assert "zero_grad after it" in Alarms().of(row(skipped=True, gradient=False))["gradient"]
    assert Alarms().of(row(skipped=True, gradient=True)) == {}


def test_skipped_steps_are_quiet_and_do_not_count() -> None:
    alarms = Alarms(patience=1)
    assert alarms.of(row(skipped=True, effect={"up": -1.0}, moved_fraction=0.0)) == {}
    assert alarms.of(row(moved_fraction=0.3))["format"].startswith("only 30% of the weights moved")
