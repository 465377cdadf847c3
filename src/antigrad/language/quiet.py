"""What other libraries draw and say: bars only for people who look, and no word of names that they change."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def quiet(*, always: bool = False) -> Generator[None]:
    """Draw no bars where standard error is no terminal.

    Args:
        always: Not on a terminal either.

    Yields:
        Nothing; load or save inside.
    """
    from transformers.utils import logging as theirs

    hide = theirs.is_progress_bar_enabled() and (always or not sys.stderr.isatty())
    if hide:
        theirs.disable_progress_bar()
    try:
        yield
    finally:
        if hide:
            theirs.enable_progress_bar()


@contextmanager
def no_renamings() -> Generator[None]:
    """Leave out what a user can do nothing about.

    What transformers says to TRL: that an option of it has a new name; and that a model's configuration has other
    special tokens than its tokenizer, which are those of the tokenizer from then on.

    Yields:
        Nothing; call inside.
    """
    logger = logging.getLogger("transformers.trainer_utils")
    logger.addFilter(_no_alignment)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*gradient_checkpointing.* is deprecated", FutureWarning)
            yield
    finally:
        logger.removeFilter(_no_alignment)


def _no_alignment(record: logging.LogRecord) -> bool:
    return "PAD/BOS/EOS" not in str(record.msg)
