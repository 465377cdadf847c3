"""Alarms of trainings on the policy's own answers: what has gone on for too long is said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.posttraining.train.running import Falling, Running

REUSED = (
    "a round of fresh answers gave nothing to train on, and the rows of the round before are used again: try more "
    "--samples, a higher --sampling_temperature, or questions of another difficulty"
)
_COLLAPSE = (
    "the entropy is below a tenth of the first step's in {n} logged steps running: the policy's own answers become "
    "alike; stop here, try a smaller --learning_rate, or a negative gradient (train grpo, train dpo)"
)


class AnswerAlarms:
    """Watches logged rows, and says once what has gone on for too long.

    Args:
        patience: Rows running before an alarm; that a round is used again is said at once.

    Example:
        >>> alarms = AnswerAlarms()
        >>> [len(alarms(row)) for row in ({"entropy": 1.0}, {"round/reused": 1.0}, {"round/reused": 1.0})]
        [0, 1, 0]
    """

    def __init__(self, patience: int = 3) -> None:
        self._running, self._reused = Running({"collapse": _COLLAPSE}, patience), Running({"reused": REUSED}, 1)
        self._collapsed = Falling()

    def __call__(self, row: Mapping[str, Any]) -> list[str]:
        """Look at a row.

        Args:
            row: Logs of a step; figures that it lacks leave their alarm as it is.

        Returns:
            Alarms raised by it.
        """
        found = self._running({"collapse": self._collapsed(row.get("entropy"))})
        return found + self._reused({"reused": "round/reused" in row})
