"""Alarms of a training: once, after enough rows running, and each for its own reason."""

from antigrad.posttraining.train.grpo.alarms import StepAlarms


def raised(rows: list[dict[str, float]], patience: int = 3) -> list[list[str]]:
    alarms = StepAlarms(patience)
    return [alarms(row) for row in rows]


def test_correct_answers_that_fall_for_long_are_said_once() -> None:
    falls = [{"credit/delta_correct_step": -0.1}] * 5
    assert [len(found) for found in raised(falls)] == [0, 0, 1, 0, 0]
    assert "lost likelihood in 3 measured steps" in raised(falls)[2][0]
    assert not any(raised([{"credit/delta_correct_step": 0.1}] * 5))


def test_a_rise_between_begins_the_count_again_and_a_row_without_the_figure_does_not() -> None:
    fall, rise, silent = {"credit/delta_correct_step": -1.0}, {"credit/delta_correct_step": 1.0}, {"loss": 0.0}
    assert not any(raised([fall, fall, rise, fall, fall]))
    assert [len(found) for found in raised([fall, silent, fall, silent, fall])] == [0, 0, 0, 0, 1]


def test_entropy_is_held_against_the_first_rows() -> None:
    rows = [{"entropy": 2.0}, {"entropy": 0.21}, {"entropy": 0.19}, {"entropy": 0.19}]
    assert [len(found) for found in raised(rows, patience=2)] == [0, 0, 0, 1]
    assert "entropy" in raised(rows, patience=2)[3][0]


def test_groups_without_contrast() -> None:
    rows = [{"credit/mixed": 0.0}] * 3
    assert "no group had correct and wrong" in raised(rows)[2][0]
    assert not any(raised([{"credit/mixed": 0.1}] * 3))


def test_a_policy_far_from_its_reference_is_said() -> None:
    alarms = StepAlarms(patience=2)
    found = [alarms({"kl": kl}) for kl in (0.1, 0.3, 0.1, 0.3, 0.3, 0.3)]
    assert [len(one) for one in found] == [0, 0, 0, 0, 1, 0]
    assert "0.2 nats per token in 2 logged steps" in found[4][0]


def test_a_balance_that_drifts_from_the_first_steps_is_said() -> None:
    for sign in (1, -1):
        alarms = StepAlarms(patience=2)
        found = [alarms({"credit/balance": sign * balance}) for balance in (0.5, 0.7, 0.9, 0.1, 0.0)]
        assert [len(one) for one in found] == [0, 0, 0, 1, 0]
        assert "moved by more than 0.3" in found[3][0]
    steady = StepAlarms(patience=2)
    assert not any(steady({"credit/balance": 0.9}) for _ in range(9))
