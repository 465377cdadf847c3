"""Alarms of trainings on own answers and on pairs: once, and each for its own reason."""

import pytest

from antigrad.posttraining.train.dpo.alarms import PairAlarms
from antigrad.posttraining.train.rounds.alarms import AnswerAlarms


@pytest.mark.parametrize("kind", [AnswerAlarms, PairAlarms])
def test_a_round_whose_rows_are_used_again_is_said_at_once_and_once(kind: type) -> None:
    alarms = kind()
    rows = [{"loss": 1.0, "round/accuracy": 0.5}, {"loss": 1.0, "round/reused": 1.0}, {"round/reused": 1.0}]
    found = [alarms(row) for row in rows]
    assert [len(one) for one in found] == [0, 1, 0]
    assert "used again" in found[1][0] and "--samples" in found[1][0]


def test_answers_that_become_alike_are_said() -> None:
    alarms = AnswerAlarms(patience=2)
    found = [alarms({"entropy": value}) for value in (1.0, 0.2, 0.09, 0.09, 0.09)]
    assert [len(one) for one in found] == [0, 0, 0, 1, 0]
    assert "a tenth" in found[3][0]


def test_both_rewards_below_zero_and_saturation_are_said_after_five_rows() -> None:
    alarms = PairAlarms()
    found = [alarms({"rewards/chosen": -0.1, "rewards/rejected": -0.5}) for _ in range(6)]
    assert [len(one) for one in found] == [0, 0, 0, 0, 1, 0]
    apart = PairAlarms()
    found = [apart({"loss": 0.001, "rewards/accuracies": 1.0}) for _ in range(6)]
    assert [len(one) for one in found] == [0, 0, 0, 0, 1, 0]
    assert not any(PairAlarms()({"rewards/chosen": 0.1, "rewards/rejected": -0.5}) for _ in range(9))
