"""What a model took to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antigrad.attacks.interval import Estimate
from antigrad.core.errors import InputValueError
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Better, Metric, exact


@dataclass(frozen=True)
class CostOf(Metric):
    """Time, optimizer steps, or passes over the forget set.

    Args:
        what: `seconds`, `steps` or `passes`.

    Raises:
        InputValueError: There is no such cost.

    Sign: lower is better.

    Source: run-time efficiency of the field's tables; no single paper.

    Deviations: seconds leave checkpoints and the guard's measurements out.

    Example:
        >>> CostOf("steps").title()
        'cost: optimizer steps'
    """

    label: ClassVar[str] = "cost"
    better: ClassVar[Better] = "lower"
    ideal: ClassVar[float | None] = 0.0

    what: Literal["seconds", "steps", "passes"] = "seconds"

    def __post_init__(self) -> None:
        if self.what not in ("seconds", "steps", "passes"):
            raise InputValueError(f"what={self.what!r}", "seconds, steps or passes", "choose one")

    def title(self) -> str:  # noqa: D102
        words = {"seconds": "seconds", "steps": "optimizer steps", "passes": "passes over the forget set"}
        return f"cost: {words[self.what]}"

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        return exact(float(getattr(seen.cost, self.what)))
