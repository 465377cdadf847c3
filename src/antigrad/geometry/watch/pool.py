"""What recent rows say together: whether the steps go down the loss, and which blocks of them go up."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from antigrad.geometry.angle import verdict
from antigrad.geometry.evidence import Evidence, critical, evidence
from antigrad.geometry.watch.table import Table

ROWS = 20
"""How many recent rows are pooled: at every tenth step, 200 steps."""
SPACING = 20
"""Steps whose products with one and the same held-out batch count as one value: momentum makes them alike."""
SHOWN = 3
"""How many blocks that go up are named."""


@dataclass(frozen=True)
class Products:
    """Products g·y of one step with one gradient, and what bounds them.

    Args:
        names: The layers.
        dot: (L,) g·y of each.
        size: (L,) |g||y| of each.
        whole: g·y over |g||y| of all together, the cosine.
        whole_dot: g·y of all together.
        whole_size: |g||y| of all together.
        share: (L,) each one's share of |g|².
        slope: |y| of all together.
    """

    names: Sequence[str]
    dot: Tensor
    size: Tensor
    whole: float
    whole_dot: float
    whole_size: float
    share: Tensor
    slope: float

    @classmethod
    def of(cls, table: Table) -> Products:
        """Take the products out of a table.

        Args:
            table: Sums of the step, on the CPU.

        Returns:
            Its products.
        """
        layers = table.by_layer()
        dot, step_sq = layers["dot"], layers["step_sq"]
        size = step_sq.sqrt() * layers["descent_sq"].sqrt()
        whole_dot, whole_sq = float(dot.sum()), float(step_sq.sum())
        slope = math.sqrt(float(layers["descent_sq"].sum()))
        whole_size = math.sqrt(whole_sq) * slope
        names = [block.name for block in layers.blocks]
        cos = whole_dot / whole_size if whole_size > 0 else math.nan
        return cls(names, dot, size, cos, whole_dot, whole_size, step_sq / (whole_sq or 1.0), slope)


def through(end: Products, start: Products | None) -> tuple[float, dict[str, float]]:
    r"""Mean slope over a step, from the one at its start and the one at its end, in the unit of a cosine.

    $$\frac{g\cdot y_{start}+g\cdot y_{end}}{2\,|g|\max(|y_{start}|,|y_{end}|)}$$

    To second order the numerator is the drop of the loss by the step. The slope at the start is that of the step's
    own batch, which flatters: below zero the step went up all the same. The slope at the end alone would call every
    step near a minimum one that goes up.

    Args:
        end: Products with the next batch's gradient.
        start: Products with the gradient that made the step; None if it is not known.

    Returns:
        That of the whole step, and of each layer that both have; NaN where it is not known.
    """
    if start is None or not start.whole_size > 0:
        return math.nan, {}
    sizes = dict(zip(start.names, zip(start.dot.tolist(), start.size.tolist(), strict=True), strict=True))
    layers: dict[str, float] = {}
    for name, dot, size in zip(end.names, end.dot.tolist(), end.size.tolist(), strict=True):
        own_dot, own_size = sizes.get(name, (0.0, 0.0))
        if size > 0 and own_size > 0:
            layers[name] = (own_dot + dot) / (2 * max(size, own_size))
    return (start.whole_dot + end.whole_dot) / (2 * max(start.whole_size, end.whole_size)), layers


class Pool:
    """Remembers the products of recent rows of one optimizer.

    Args:
        spacing: Rows within so many steps count as one value.
    """

    def __init__(self, spacing: int = 1) -> None:
        self._spacing = spacing
        self._fall, self._through = _Series(), _Series()
        self._layers: dict[str, _Series] = {}
        self._slopes: deque[float] = deque(maxlen=ROWS)
        self._names: tuple[str, ...] = ()

    def add(
        self,
        step: int,
        found: Products,
        start: Products | None,
        *,
        at_end: bool,
        alone: Evidence | None = None,
        of: str = "rows",
    ) -> dict[str, Any]:
        """Take in a row, and say what it and those before it say.

        Args:
            step: Its number.
            found: Products with a gradient that did not make the step.
            start: Those with the one that did.
            at_end: Whether that gradient is of the end of the step.
            alone: What this row says by itself, from micro-batches or samples; None if it has a single product.
            of: What `alone` is the spread over.

        Returns:
            `effective`, `t`, `t_values`, `t_of`, `through`, `t_through`, `block_through`, `against` (names, shares
            of |g|² and t of layers that significantly go up, the largest share first), `share_against`, `growth`
            (of |y| over the recent rows), `gradient_norm` |y| and `gradient_norm_before`, that of the gradient that
            made the step.
        """
        if at_end:
            whole, layers = through(found, start)
        else:
            cosines = zip(found.names, (found.dot / found.size).tolist(), strict=True)
            whole, layers = found.whole, {name: cos for name, cos in cosines if math.isfinite(cos)}
        self.remember(step, {"cos": found.whole, "through": whole, "block_through": layers})
        falls, slopes = alone or self._fall.evidence(), self._through.evidence()
        against = self._rising(found, layers)
        return {
            "effective": verdict(found.whole, falls.t, (slopes.t or 0.0) if at_end else None),
            "t": falls.t,
            "t_values": falls.count,
            "t_of": of if alone is not None else "rows",
            "through": whole if math.isfinite(whole) else None,
            "t_through": slopes.t,
            "block_through": layers,
            "against": against[:SHOWN],
            "share_against": sum(share for _, share, _ in against),
            "growth": self._growth(found, start),
            "gradient_norm": found.slope if math.isfinite(found.slope) else None,
            "gradient_norm_before": None if start is None or not math.isfinite(start.slope) else start.slope,
        }

    def remember(self, step: int, row: Mapping[str, Any]) -> None:
        """Take in a row that was written before, of a run that is resumed.

        Args:
            step: Its number.
            row: Its `cos`, `through`, `block_through`, and norms of gradients.
        """
        bucket = step // self._spacing
        self._fall.add(bucket, row.get("cos"))
        self._through.add(bucket, row.get("through"))
        for name, value in (row.get("block_through") or {}).items():
            self._layers.setdefault(name, _Series()).add(bucket, value)
        norm, before = row.get("gradient_norm"), row.get("gradient_norm_before")
        if norm is not None:  # not known to be of other layers
            if not self._slopes and before is not None:
                self._slopes.extend([before] * 3)
            self._slopes.append(norm)

    def _growth(self, found: Products, start: Products | None) -> float | None:
        # Medians of three rows: a single batch may have any gradient. Where the first step of all goes astray, the
        # gradient that made it is all there is to compare with.
        resumed = not self._names and bool(self._slopes)
        others, self._names = self._names != tuple(found.names), tuple(found.names)
        if others and not resumed:
            self._slopes = deque([] if start is None else [start.slope] * 3, maxlen=ROWS)
        self._slopes.append(found.slope)
        recent = list(self._slopes)
        middles = [median(recent[place : place + 3]) for place in range(len(recent) - 2)]
        return middles[-1] / min(middles) if len(middles) > 1 and min(middles) > 0 else None

    def _rising(self, found: Products, layers: Mapping[str, float]) -> list[tuple[str, float, float]]:
        seen = [name for name in layers if name in self._layers]
        if not seen:
            return []
        values = torch.tensor([self._layers[name].padded() for name in seen], dtype=torch.float64)
        known = ~values.isnan()
        count = known.sum(1).double()
        mean = values.nansum(1) / count
        spread = torch.where(known, values - mean[:, None], 0.0).square().sum(1) / (count - 1).clamp(min=1)
        t = mean / (spread / count).sqrt().clamp(min=1e-12)
        rises = t < -critical(count - 1, len(seen))
        shares = dict(zip(found.names, found.share.tolist(), strict=True))
        found_up = [(name, shares[name], float(t[place])) for place, name in enumerate(seen) if bool(rises[place])]
        return sorted(found_up, key=lambda one: -one[1])


class _Series:
    """Recent values of one thing, each the mean of a stretch of steps."""

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque(maxlen=ROWS)

    def add(self, bucket: int, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            return
        if self._buckets and self._buckets[-1][0] == bucket:
            last = self._buckets[-1]
            last[1], last[2] = last[1] + value, last[2] + 1
        else:
            self._buckets.append([bucket, value, 1])

    def values(self) -> list[float]:
        return [total / count for _, total, count in self._buckets]

    def padded(self) -> list[float]:
        values = self.values()
        return values + [math.nan] * (ROWS - len(values))

    def evidence(self) -> Evidence:
        return evidence(self.values())
