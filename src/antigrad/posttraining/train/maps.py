"""TRL maps every data set three times: without a bar each."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def silent_maps() -> Generator[None]:
    """Keep the bars of `datasets` off the screen.

    Yields:
        Nothing; map inside.
    """
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()
