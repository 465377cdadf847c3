"""What a ledger row should wake somebody up for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from antigrad.geometry.evidence import THRESHOLD

_NO_GRADIENT = "no gradient when step() began: call backward before it, and zero_grad after it"
_RISING = 1.5
"""How far t of the end slope must be below zero beside that growth, which noise alone does not bring."""
WANTED = ("up", "anchor")
"""Parts whose loss of ground is an alarm; the down part is what is given up."""


@dataclass
class Alarms:
    """Looks at each row as it comes and says what is wrong, in words.

    Args:
        patience: Logged steps in a row before a loss of ground is an alarm.
        against: Share of |g|² in blocks that significantly go up the loss.
        growth: Growth of |y| over recent rows above which a training diverges, if its steps end uphill.
        moved: Share of weights with a gradient below which the number format is too coarse.

    Source: thresholds are ours; no paper.

    Example:
        >>> alarms = Alarms(patience=1)
        >>> alarms.of({"effect": {"up": -1.0, "down": 2.0}})["up"]
        "the part 'up' lost ground in 1 logged step: lower the weight of the down part"
    """

    patience: int = 3
    against: float = 0.2
    growth: float = 3.0
    moved: float = 0.5
    _lost: dict[str, int] = field(default_factory=dict[str, int])
    _losses: list[float] = field(default_factory=list[float])

    def of(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Find what is wrong with a row.

        Args:
            row: A certificate's row; the rows before it are remembered.

        Returns:
            Kind of alarm and a sentence: what happened, what to try.
        """
        if row.get("skipped"):
            return {} if row.get("gradient", True) else {"gradient": _NO_GRADIENT}
        found = {name: self._parts(name, row) for name in WANTED}
        found |= {"weight": self._window(row), "blocks": self._blocks(row), "loss": self._loss(row)}
        found |= {"format": self._format(row), "broken": self._broken(row), "step": self._step(row)}
        found |= {"sum": self._sum(row)}
        return {kind: text for kind, text in found.items() if text}

    def _parts(self, name: str, row: Mapping[str, Any]) -> str | None:
        effect = (row.get("effect") or {}).get(name)
        if effect is None or not math.isfinite(effect):
            return None
        self._lost[name] = self._lost.get(name, 0) + 1 if effect < 0 else 0
        count = self._lost[name]
        if count < self.patience:
            return None
        steps = f"{count} logged step{'s' if count > 1 else ''}"
        return f"the part {name!r} lost ground in {steps}: lower the weight of the down part"

    def _window(self, row: Mapping[str, Any]) -> str | None:
        low, high, weight = row.get("lambda_lo"), row.get("lambda_hi"), row.get("down_weight")
        if low is None or high is None or weight is None or low < weight < high:
            return None
        if weight == low == 0:  # The step of the up part alone, where the parts are not in conflict.
            return None
        return f"the weight {weight:.3g} of the down part is outside ({low:.3g}, {high:.3g}), where every part gains"

    def _blocks(self, row: Mapping[str, Any]) -> str | None:
        share = row.get("share_against")
        if share is None or not share >= self.against:
            return None
        names = ", ".join(f"{name} ({part:.0%})" for name, part, _ in row.get("against") or [])
        return f"{share:.0%} of the step is in blocks that go up the loss: look at {names}"

    def _step(self, row: Mapping[str, Any]) -> str | None:
        if row.get("effective") == "no" and row.get("t") is not None:
            return "the steps go up the loss: lower the learning rate"
        growth, t = row.get("growth"), row.get("t")
        if growth is None or t is None or not (growth >= self.growth and t < -_RISING):
            return None
        return f"diverging: the gradient grew {growth:.1f}-fold and the steps end uphill; lower the learning rate"

    def _sum(self, row: Mapping[str, Any]) -> str | None:
        cosine = row.get("parts_cos")
        if cosine is None:
            return None
        return f"the parts have cosine {cosine:.3f} with the gradient of the step: clip by norm, not by value"

    def _loss(self, row: Mapping[str, Any]) -> str | None:
        loss = row.get("held_out_loss")
        if loss is None:
            return None
        if not math.isfinite(loss):
            return f"the held-out loss is {loss}: lower the learning rate"
        if (row.get("drop_t") or 0.0) < -THRESHOLD:
            return f"the step raised the held-out loss by {-row['drop_measured']:.3g}: lower the learning rate"
        self._losses = [*self._losses, loss][-self.patience - 1 :]
        if len(self._losses) <= self.patience or self._losses[-1] <= self._losses[0]:
            return None
        return f"the held-out loss rose over the last {self.patience} logged steps: lower the learning rate"

    def _format(self, row: Mapping[str, Any]) -> str | None:
        moved = row.get("moved_fraction")
        if moved is None or not moved < self.moved:
            return None
        return (
            f"only {moved:.0%} of the weights moved: the step is finer than their number format; keep them in float32"
        )

    def _broken(self, row: Mapping[str, Any]) -> str | None:
        names = row.get("non_finite") or []
        return f"not finite: {', '.join(names[:3])} ({len(names)} in all): lower the learning rate" if names else None
