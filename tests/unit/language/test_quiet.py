"""No bars in a log file; as before afterwards."""

import pytest
from transformers.utils import logging

from antigrad.language.quiet import quiet


@pytest.mark.parametrize(
    ("terminal", "always", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_bars_are_for_terminals(terminal: bool, always: bool, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    before = logging.is_progress_bar_enabled()
    with quiet(always=always):
        assert logging.is_progress_bar_enabled() is (shown and before)
    assert logging.is_progress_bar_enabled() is before
