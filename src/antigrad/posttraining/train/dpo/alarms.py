"""Alarms of DPO: what has gone on for too long is said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.posttraining.train.rounds.alarms import REUSED
from antigrad.posttraining.train.running import Running

_BOTH = (
    "both rewards are below 0 in {n} logged steps running: the chosen responses lose likelihood too. antigrad diagnose "
    "pairs says through which pairs; try --credit vpo or safe, or --trl.loss_type '[sigmoid,sft]'"
)
_SATURATED = (
    "chosen and rejected are distinguished in all pairs of {n} logged steps running, and the loss is below 0.01: "
    "what is left of the steps moves little; stop here, or lower --beta"
)


class PairAlarms:
    """Watches logged rows, and says once what has gone on for too long.

    Args:
        patience: Rows running before an alarm.

    Example:
        >>> alarms = PairAlarms(patience=2)
        >>> row = {"rewards/chosen": -0.1, "rewards/rejected": -0.4}
        >>> [len(alarms(row)) for _ in range(3)]
        [0, 1, 0]
    """

    def __init__(self, patience: int = 5) -> None:
        self._running = Running({"both": _BOTH, "saturated": _SATURATED}, patience)
        self._reused = Running({"reused": REUSED}, 1)

    def __call__(self, row: Mapping[str, Any]) -> list[str]:
        """Look at a row.

        Args:
            row: Logs of a step; figures that it lacks leave their alarm as it is.

        Returns:
            Alarms raised by it.
        """
        up, down, loss = (row.get(key) for key in ("rewards/chosen", "rewards/rejected", "loss"))
        right = row.get("rewards/accuracies")
        seen = {
            "both": None if up is None or down is None else up < 0 and down < 0,
            "saturated": None if loss is None or right is None else loss < 0.01 and right == 1,
        }
        return self._running(seen) + self._reused({"reused": "round/reused" in row})
