"""Rounds: their rows, their files, who is asked, and what goes on where there is nothing to train on."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from antigrad.core import InputValueError
from antigrad.language.policy import load_policy
from antigrad.language.tasks import load_task
from antigrad.posttraining.pairs.generate import Answers, Count, ask, pairs_of
from antigrad.posttraining.train.rounds.callback import RoundCallback
from antigrad.posttraining.train.rounds.data import RoundData
from antigrad.posttraining.train.rounds.options import check_rounds
from antigrad.posttraining.train.rounds.questions import Questions
from antigrad.posttraining.train.rounds.round import Kept, Round, figures_of


def test_rows_come_once_each_before_any_comes_again() -> None:
    data = RoundData(10, seed=3)
    data.fill([{"n": n} for n in range(4)], 0)
    first = [data[place]["n"] for place in range(len(data))]
    assert len(first) == 10
    assert sorted(first[:4]) == sorted(first[4:8]) == [0, 1, 2, 3] and len(set(first[8:])) == 2
    data.fill([{"n": n} for n in range(4)], 1)
    assert [data[place]["n"] for place in range(10)] != first
    data.fill([{"n": n} for n in range(4)], 0)
    assert [data[place]["n"] for place in range(10)] == first
    data.fill([{"n": n} for n in range(20)], 0)
    assert len({data[place]["n"] for place in range(10)}) == 10


def test_figures_count_each_question_alike() -> None:
    train = [Count(0, 4, 4), Count(1, 2, 0), Count(2, 4, 1)]
    assert figures_of(train, []) == {
        "questions": 3,
        "answers": 10,
        "zero_variance": 2,
        "accuracy": pytest.approx((1 + 0 + 0.25) / 3),
    }
    assert figures_of(train, [Count(3, 4, 3)])["held_out_accuracy"] == 0.75


def test_what_is_kept_is_read_back_and_later_rounds_are_forgotten(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "rounds")
    assert kept.read(0) is None
    rounds = [Round([{"prompt": "é\u2028\x85", "weight": 0.1}], {"accuracy": 1 / 3}), Round([{"a": 1}, {"a": 2}], {})]
    for number, one in enumerate(rounds):
        kept.write(number, one)
    assert [kept.read(number) for number in (0, 1)] == rounds
    kept.forget_after(0)
    assert kept.read(0) == rounds[0] and kept.read(1) is None
    for content in ('{"half', '{"accuracy": 1}\n', "[]\n[]\n", ""):
        (tmp_path / "rounds" / "round-00001.jsonl").write_text(content)
        with pytest.raises(InputValueError, match="round-00001"):
            kept.read(1)


def test_options_that_would_train_on_the_first_round_s_rows() -> None:
    assert not check_rounds(0, {"precompute_ref_log_probs": True})
    assert not check_rounds(5, {"precompute_ref_log_probs": False})
    (said,) = check_rounds(5, {"precompute_ref_log_probs": True})
    assert said.startswith("trl.precompute_ref_log_probs with refresh=5")


@pytest.fixture(scope="module")
def asked() -> tuple[Any, Questions]:
    task = load_task("tiny_arithmetic(split=train)", count=5)
    return load_policy("tiny", device="cpu"), Questions(task, (0, 2, 4), (1, 3), 4, 1.0, 40, 7)


def test_a_question_s_answers_depend_on_the_round_and_on_no_other_question(asked: tuple[Any, Questions]) -> None:
    policy, questions = asked
    train, test = questions.ask(policy, 0)
    assert [one.place for one in train] == [0, 2, 4] and [one.place for one in test] == [1, 3]
    alone = list(ask(policy, questions.task, samples=4, temperature=1.0, max_new_tokens=40, seed=7, places=[4]))
    assert alone == [train[2]]
    again, other = questions.ask(policy, 1)[0], questions.ask(policy, 2)[0]
    assert again == questions.ask(policy, 1)[0]
    assert again != other and again != train
    for one in train:
        verdicts = [questions.task.correct(text, questions.task.questions[one.place]) for text in one.texts]
        assert verdicts == one.correct


def test_pairs_leave_out_what_is_empty_or_cut() -> None:
    task = load_task("tiny_arithmetic(split=train)", count=1)
    answers = Answers(
        0, ["1", "2", "3", " ", "5"], [True, True, False, False, False], [False, True, False, False, True]
    )
    assert answers.usable == [0, 2]
    assert [(pair.chosen, pair.rejected) for pair in pairs_of(task, [answers], 5, seed=0)] == [("1", "3")]


class Stub:
    """A trainer as far as rounds see one."""

    is_fsdp_enabled = is_deepspeed_enabled = False
    accelerator = SimpleNamespace(wait_for_everyone=lambda: None)

    def __init__(self) -> None:
        self.train_dataset: Any = [{"n": 0}]
        self._metrics: Any = {"train": defaultdict(list)}

    def tokenized(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows


def begun(callback: RoundCallback, step: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    callback.append = rows.append
    state = SimpleNamespace(global_step=step, is_world_process_zero=True, log_history=[])
    callback.on_epoch_begin(None, state, None)
    return rows


def test_a_round_with_nothing_to_train_on_takes_the_rows_before(asked: tuple[Any, Questions], tmp_path: Path) -> None:
    policy, questions = asked
    made: dict[int, list[dict[str, Any]]] = {1: [{"n": 1}], 2: [], 3: [], 4: [{"n": 4}]}

    def make(_: Any, answers: Sequence[Answers], number: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        assert [one.place for one in answers] == [0, 2, 4]
        return made[number], {"pairs": len(made[number])}

    trainer, kept = Stub(), Kept(tmp_path)
    callback = RoundCallback(trainer, policy, questions, make, kept, Round([{"n": 0}]), every=2, rows=3)
    policy.model.train()
    seen: list[tuple[int, Any]] = []
    for step in (0, 2, 4, 6, 8):
        (row,) = begun(callback, step)
        assert (row["kind"], row["step"], row["round"]) == ("round", step, step // 2)
        seen.append((trainer.train_dataset[0]["n"], row.get("reused")))
    assert seen == [(0, None), (1, None), (1, True), (1, True), (4, None)]
    logged = trainer._metrics["train"]  # what comes to alarms and trackers, once a round
    assert logged["round/pairs"] == [1, 0, 0, 1] and logged["round/reused"] == [1, 1]
    assert len(logged["round/accuracy"]) == 4 and all(0 <= one <= 1 for one in logged["round/accuracy"])
    assert len(trainer.train_dataset) == 6
    assert policy.model.training  # as it was
    policy.model.eval()
    # After a resume in the middle of round 2 nothing is drawn, and its rows are there again.
    made.clear()
    other = Stub()
    fresh = RoundCallback(other, policy, questions, make, kept, Round([{"n": 0}]), every=2, rows=3)
    (row,) = begun(fresh, 5)
    assert not other._metrics["train"]
    assert row["step"] == 4 and row["reused"] and other.train_dataset[0]["n"] == 1


def test_weights_in_shards_are_refused(asked: tuple[Any, Questions], tmp_path: Path) -> None:
    policy, questions = asked
    trainer = Stub()
    trainer.is_fsdp_enabled = True
    with pytest.raises(InputValueError, match="shards"):
        RoundCallback(trainer, policy, questions, lambda *_: ([], {}), Kept(tmp_path), Round([]), every=1, rows=1)
