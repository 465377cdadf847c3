"""Alarms of DPO: what has gone on for too long is said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        self.patience = patience
        self._running = {"both": 0, "saturated": 0}
        self._raised: set[str] = set()

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
        texts = {"both": _BOTH, "saturated": _SATURATED}
        found: list[str] = []
        for name, bad in seen.items():
            if bad is not None:
                self._running[name] = self._running[name] + 1 if bad else 0
            if self._running[name] >= self.patience and name not in self._raised:
                self._raised.add(name)
                found.append(texts[name].format(n=self._running[name]))
        return found
