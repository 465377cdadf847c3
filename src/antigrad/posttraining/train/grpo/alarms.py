"""Alarms of GRPO: what has gone on for too long is said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.posttraining.train.running import Falling, Running

KL_BOUND, DRIFT_BOUND = 0.2, 0.3
"""Ours: 0.2 nats per token are 20 on a response of a hundred."""
_FALLING = (
    "correct answers lost likelihood in {n} measured steps running: try --credit nthr(anchor=others) or w_reinforce, "
    "a smaller --learning_rate, or a KL term (--trl.beta 1e-3)"
)
_COLLAPSE = (
    "the entropy is below a tenth of the first step's in {n} logged steps running: try --trl.entropy_coef 1e-3, "
    "--trl.epsilon_high 0.28, or --credit nsr"
)
_IDLE = (
    "no group had correct and wrong responses in {n} logged steps running: nothing is learned from them; easier or "
    "harder questions, more --rollouts, or --resample; or the verifier's threshold does not fit its rewards"
)
_KL = (
    f"the KL to the reference is above {KL_BOUND} nats per token in {{n}} logged steps running: try a larger "
    "--trl.beta, a smaller --learning_rate, or fewer --updates"
)
_DRIFT = (
    "the balance of the advantages (sum over tokens by sum of magnitudes) has moved by more than "
    f"{DRIFT_BOUND} from the first step's in {{n}} logged steps running: one sign of the gradient outweighs the other; "
    "look at the lengths of correct and wrong responses, try --trl.loss_type dr_grpo, or another --credit"
)


class StepAlarms:
    """Watches logged rows, and says once what has gone on for too long.

    Args:
        patience: Rows running before an alarm.

    Example:
        >>> alarms = StepAlarms(patience=2)
        >>> [len(alarms({"credit/delta_correct_step": -0.1})) for _ in range(3)]
        [0, 1, 0]
    """

    def __init__(self, patience: int = 3) -> None:
        texts = {"falling": _FALLING, "collapse": _COLLAPSE, "idle": _IDLE, "kl": _KL, "drift": _DRIFT}
        self._running, self._collapsed = Running(texts, patience), Falling()
        self._balance: float | None = None

    def __call__(self, row: Mapping[str, Any]) -> list[str]:
        """Look at a row.

        Args:
            row: Logs of a step; figures that it lacks leave their alarm as it is.

        Returns:
            Alarms raised by it.
        """
        delta, mixed = row.get("credit/delta_correct_step"), row.get("credit/mixed")
        kl, balance = row.get("kl"), row.get("credit/balance")
        if self._balance is None:
            self._balance = balance
        return self._running({
            "falling": None if delta is None else delta < 0,
            "collapse": self._collapsed(row.get("entropy")),
            "idle": None if mixed is None else mixed == 0,
            "kl": None if kl is None else kl > KL_BOUND,
            "drift": None if balance is None or self._balance is None else abs(balance - self._balance) > DRIFT_BOUND,
        })  # fmt: skip
