"""One row a logged step, and alarms that are raised once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from transformers import TrainerCallback

Row = dict[str, Any]
Append = Callable[[Row], None]

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
        self.patience = patience
        self._running = {"falling": 0, "collapse": 0, "idle": 0}
        self._raised: set[str] = set()
        self._entropy: float | None = None

    def __call__(self, row: Mapping[str, Any]) -> list[str]:
        """Look at a row.

        Args:
            row: Logs of a step; figures that it lacks leave their alarm as it is.

        Returns:
            Alarms raised by it.
        """
        delta, entropy, mixed = (row.get(key) for key in ("credit/delta_correct_step", "entropy", "credit/mixed"))
        if entropy is not None and self._entropy is None and entropy > 0:
            self._entropy = entropy
        seen = {
            "falling": None if delta is None else delta < 0,
            "collapse": None if entropy is None or self._entropy is None else entropy < 0.1 * self._entropy,
            "idle": None if mixed is None else mixed == 0,
        }
        texts = {"falling": _FALLING, "collapse": _COLLAPSE, "idle": _IDLE}
        found: list[str] = []
        for name, bad in seen.items():
            if bad is not None:
                self._running[name] = self._running[name] + 1 if bad else 0
            if self._running[name] >= self.patience and name not in self._raised:
                self._raised.add(name)
                found.append(texts[name].format(n=self._running[name]))
        return found


class AfterStep(TrainerCallback):
    """Measures steps; `GRPOTrainer` adds it itself.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the step, if it is one that is measured.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **kwargs: Not used.
        """
        self._trainer.measure_step()


class StepCallback(TrainerCallback):
    """Writes a row a logged step and evaluation, and raises alarms.

    Args:
        append: Takes a row; called in the first process only.
        say: Takes an alarm.
        alarms: Their state; rows that an interrupted run wrote should have gone through it.
    """

    def __init__(self, append: Append, say: Callable[[str], None], alarms: StepAlarms) -> None:
        self._append, self._say, self._alarms = append, say, alarms

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Write what is logged.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            logs: Figures.
            **kwargs: Not used.
        """
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        kind = "evaluation" if any(name.startswith("eval_") for name in logs) else "train"
        figures = {name.removeprefix("eval_"): value for name, value in logs.items() if _finite(value)}
        alarms = self._alarms(figures) if kind == "train" else []
        self._append({"kind": kind, "step": state.global_step} | figures)
        for text in alarms:
            self._append({"kind": "alarm", "step": state.global_step, "text": text})
            self._say(text)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
