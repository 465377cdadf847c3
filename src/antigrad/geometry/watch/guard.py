"""A training that is watched must not die of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

LOG = logging.getLogger("antigrad.watch")


class Guard:
    """Runs the work of a watch, and keeps its errors from the training.

    Until the first row is written errors are raised: a watch that was asked for what can't be had says so before
    there is work to lose. From then on they are logged, and the training continues.
    """

    def __init__(self) -> None:
        self.settled = False
        self._said: set[str] = set()

    def __call__(self, work: Callable[[], object], failed: Callable[[str], object]) -> bool:
        """Run something.

        Args:
            work: What to do.
            failed: Called with the reason where it fails.

        Returns:
            Whether it was done.

        Raises:
            Exception: Whatever it raises, while no row has been written.
        """
        try:
            work()
        except Exception as error:
            if not self.settled:
                raise
            reason = f"{type(error).__name__}: {error}"
            LOG.error("could not watch this step, and the training continues: %s", reason, exc_info=self._new(reason))
            failed(reason)
            return False
        return True

    def _new(self, reason: str) -> bool:
        new = reason not in self._said
        self._said.add(reason)
        return new
