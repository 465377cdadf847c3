"""The bars that transformers draws while it reads and writes weights: only for people who look."""

from __future__ import annotations

import sys
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
