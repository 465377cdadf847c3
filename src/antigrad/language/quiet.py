"""What other libraries draw and say: bars only for people who look, and no word of names that they change."""

from __future__ import annotations

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
    from transformers.utils import logging

    hide = logging.is_progress_bar_enabled() and (always or not sys.stderr.isatty())
    if hide:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if hide:
            logging.enable_progress_bar()


@contextmanager
def no_renamings() -> Generator[None]:
    """Leave out what transformers says to TRL: that an option of it has a new name. A user can do nothing about it.

    Yields:
        Nothing; call inside.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*gradient_checkpointing.* is deprecated", FutureWarning)
        yield
