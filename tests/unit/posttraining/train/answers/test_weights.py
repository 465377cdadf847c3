"""How much each own answer counts: Best-of-N, and reward-weighted regression."""

import math
from typing import Any

import pytest

from antigrad.core.errors import ManyInputsError
from antigrad.objectives import Rwr
from antigrad.posttraining.pairs.generate import Answers
from antigrad.posttraining.train.bon.job import Best
from antigrad.posttraining.train.bon.settings import TrainBonConfig
from antigrad.posttraining.train.rwr.job import Regression
from antigrad.posttraining.train.rwr.settings import TrainRwrConfig


def answers(correct: str, usable: str = "11111") -> Answers:
    marks = [mark == "1" for mark in correct]
    return Answers(0, ["a"] * len(marks), marks, [mark == "0" for mark in usable[: len(marks)]])


def test_best_of_n_takes_one_and_a_wrong_one_only_where_it_may() -> None:
    for only_correct in (False, True):
        best = Best(only_correct=only_correct)
        assert best(answers("0011")) == [0, 0, 1, 0]
        assert best(answers("0011", "1101")) == [0, 0, 0, 1]
        assert best(answers("00", "00")) == [0, 0]
    assert Best(only_correct=False)(answers("000", "011")) == [0, 1, 0]
    assert Best(only_correct=True)(answers("000", "011")) == [0, 0, 0]
    assert Best(only_correct=True)(answers("001", "110")) == [0, 0, 0]  # the correct one was cut off


def test_regression_by_hand() -> None:
    beta = 0.5
    raw = [1.0, math.exp(1 / beta), 1.0]
    assert Regression(Rwr(beta, raw=True))(answers("010")) == pytest.approx(raw)
    mean = sum(raw) / 3
    assert Regression(Rwr(beta))(answers("010")) == pytest.approx([one / mean for one in raw])
    # What is cut off counts neither itself nor in the mean.
    mean = (raw[0] + raw[1]) / 2
    assert Regression(Rwr(beta))(answers("010", "110")) == pytest.approx([raw[0] / mean, raw[1] / mean, 0])
    assert Regression(Rwr(beta))(answers("000")) == [1, 1, 1]
    assert Regression(Rwr(beta))(answers("00", "00")) == [0, 0]


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (
            TrainRwrConfig,
            {"beta": 0, "steps": 0, "samples": 0},
            ["beta=0", "steps=0", "samples=0"],
        ),
        (TrainRwrConfig, {"beta": 0.001, "raw": True}, ["0.1 or more"]),
        (TrainBonConfig, {"answers_a_step": 6, "rows_at_once": 4}, ["a multiple"]),
        (TrainBonConfig, {"trl": {"packing": True, "max_length": 9}}, ["trl.packing", "trl.max_length"]),
        (TrainBonConfig, {"trl": {"loss_type": "dft", "output_dir": "a"}}, ["dft", "set --output instead"]),
        (TrainBonConfig, {"trl": {"num_train_epochs": 2}}, ["set --steps"]),
        (TrainBonConfig, {"lora": {"rank": 4}}, ["lora.rank"]),
    ],
)
def test_bad_settings_all_at_once(
    kind: type[TrainBonConfig] | type[TrainRwrConfig], given: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(ManyInputsError) as caught:
        kind(**given, device="cpu")
    for text in says:
        assert text in str(caught.value)
