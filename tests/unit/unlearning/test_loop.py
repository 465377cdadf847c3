"""The loop: what it says of steps that are watched."""

import logging

import pytest

from antigrad.unlearning.loop import unlearn
from antigrad.unlearning.methods import METHODS
from helpers.unlearning import context


def test_a_watch_warns_once_of_each_kind_in_a_run(caplog: pytest.LogCaptureFixture) -> None:
    """Each epoch has a watch of its own; rows keep what each step had."""
    rows: list[dict[str, object]] = []
    with caplog.at_level(logging.WARNING, "antigrad.watch"):
        for _ in range(2):
            caplog.clear()
            method = METHODS.make("neg_grad_plus(epochs=6,learning_rate=0.1)")
            unlearn(method, context(count=400), every=1, on_row=lambda row: rows.append(dict(row)))
            outside = [record for record in caplog.records if "outside" in record.getMessage()]
            assert len(outside) == 1  # In the second run too.
    assert sum(any("outside" in text for text in row["alarms"]) for row in rows) > 10  # type: ignore[attr-defined]
    assert not logging.getLogger("antigrad.watch").filters
