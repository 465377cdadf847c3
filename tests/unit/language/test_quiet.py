"""No bars in a log file; as before afterwards."""

import logging

import pytest
from transformers.utils import logging as theirs

from antigrad.language.quiet import no_renamings, quiet


@pytest.mark.parametrize(
    ("terminal", "always", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_bars_are_for_terminals(terminal: bool, always: bool, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    before = theirs.is_progress_bar_enabled()
    with quiet(always=always):
        assert theirs.is_progress_bar_enabled() is (shown and before)
    assert theirs.is_progress_bar_enabled() is before


def test_tokens_that_are_aligned_are_not_spoken_of() -> None:
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    logger = logging.getLogger("transformers.trainer_utils")
    logger.addHandler(listener)
    try:
        with no_renamings():
            logger.warning("The tokenizer has new PAD/BOS/EOS tokens that differ from the model config.")
            logger.warning("something else")
        logger.warning("The tokenizer has new PAD/BOS/EOS tokens")
    finally:
        logger.removeHandler(listener)
    assert said == ["something else", "The tokenizer has new PAD/BOS/EOS tokens"]
