r"""What a verdict reads: every comparison that a sentence covers, at equal steps and at equal reward, over seeds.

| symbol | meaning |
| --- | --- |
| $d_s$ | gap of seed s: above 0 where the sentence is right, NaN where it was not reached |
| exact | nothing is drawn: the sign of the only gap decides |
| drawn | Student's t on the gaps of at least six seeds decides, by Holm over all drawn comparisons of one sentence |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from antigrad.core.page import Column, Section, Table
from antigrad.core.significance import LEAST, LEVEL, Sign, holm, t_test

Finding = Literal["agrees", "disagrees", "mixed", "open"]
"""`open`: nothing is settled at equal steps, or nothing at equal reward."""
Equal = Literal["steps", "reward", "once"]
"""What is equal in a comparison; `once` has neither: one update, a law, a time."""
Tier = Literal["mean-field", "sampled", "dataset", "trained"]

_EXACT = 1e-9
"""A gap of an exact comparison that is none."""
_NAMED = 4
"""Comparisons named in a sentence; the table has all."""


@dataclass(frozen=True)
class Comparison:
    """One comparison that a sentence covers.

    Args:
        says: What the sentence expects, in a few words.
        equal: What is equal in it.
        place: At what step or reward.
        gaps: One a seed, above 0 where the sentence is right; NaN where it was not reached.
        tier: Where the figures come from.
        exact: Nothing is drawn: one gap, whose sign decides.
    """

    says: str
    equal: Equal
    place: str
    gaps: Sequence[float]
    tier: Tier = "mean-field"
    exact: bool = True


@dataclass(frozen=True)
class Reading:
    """A comparison and what it speaks for.

    Args:
        of: The comparison.
        mean: Mean gap; NaN where a seed did not get there.
        low: Lower end of the 95% interval of the mean over seeds; NaN if exact or with one seed.
        high: Its upper end.
        p: After Holm; NaN if exact.
        speaks: 1 for the sentence, −1 against it, 0 settles nothing.
    """

    of: Comparison
    mean: float
    low: float
    high: float
    p: float
    speaks: Sign


def read(comparisons: Sequence[Comparison]) -> list[Reading]:
    """Weigh all comparisons of one sentence.

    Args:
        comparisons: What the sentence covers.

    Returns:
        One reading each, in order. The chance that a drawn one speaks without a difference is at most `LEVEL`.

    Example:
        >>> up = Comparison("a above b", "steps", "step 9", [1.0, 1.1, 0.9, 1.0, 1.2, 0.8], "sampled", exact=False)
        >>> few = Comparison("a above c", "steps", "step 9", [1.0, 1.1], "sampled", exact=False)
        >>> [reading.speaks for reading in read([up, few, Comparison("a above d", "once", "", [-0.1])])]
        [1, 0, -1]
    """
    drawn = {str(n): t_test(one.gaps) for n, one in enumerate(comparisons) if not one.exact and _whole(one)}
    adjusted = holm(drawn)
    return [_reading(one, adjusted.get(str(n), 1.0)) for n, one in enumerate(comparisons)]


def _whole(one: Comparison) -> bool:
    return len(one.gaps) > 0 and all(math.isfinite(gap) for gap in one.gaps)


def _reading(one: Comparison, p: float) -> Reading:
    if not _whole(one):
        return Reading(one, math.nan, math.nan, math.nan, math.nan, 0)
    mean = sum(one.gaps) / len(one.gaps)
    speaks: Sign = 0
    if abs(mean) > _EXACT if one.exact else p <= LEVEL:
        speaks = 1 if mean > 0 else -1
    if one.exact:
        return Reading(one, mean, math.nan, math.nan, math.nan, speaks)
    half = _half_width(one.gaps, mean)
    return Reading(one, mean, mean - half, mean + half, p, speaks)


def _half_width(gaps: Sequence[float], mean: float) -> float:
    count = len(gaps)
    if count < 2:
        return math.nan
    from scipy.stats import t

    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / (count - 1))
    return float(t.ppf(1 - LEVEL / 2, count - 1)) * deviation / math.sqrt(count)


def finding(readings: Sequence[Reading]) -> Finding:
    """Say what all readings together come to.

    Args:
        readings: Of one sentence.

    Returns:
        `agrees` or `disagrees` where everything that was compared speaks for it, or what speaks is against it; `mixed`
        where some does and some does not; `open` where nothing speaks, at equal steps or at equal reward.

    Example:
        >>> both = [Comparison("a", "steps", "step 1", [1.0]), Comparison("a", "reward", "0.5", [-1.0])]
        >>> finding(read(both)), finding(read(both[:1])), finding(read([*both, Comparison("a", "once", "", [0.0])]))
        ('mixed', 'agrees', 'mixed')
    """
    for equal in ("steps", "reward"):
        here = [reading.speaks for reading in readings if reading.of.equal == equal]
        if here and not any(here):
            return "open"
    signs = Counter(reading.speaks for reading in readings)
    if not signs[1]:
        return "disagrees" if signs[-1] else "open"
    return "mixed" if signs[-1] or signs[0] else "agrees"


def in_words(readings: Sequence[Reading]) -> str:
    """Say how many comparisons speak for a sentence, and name what speaks against it.

    Args:
        readings: Of one sentence.

    Returns:
        Sentences.

    Example:
        >>> in_words(read([Comparison("a above b", "steps", "step 1", [-1.0])]))
        'Of 1 comparison 0 speak for the sentence, 1 against it and 0 settle nothing. Against it: a above b (step 1).'
    """
    signs = Counter(reading.speaks for reading in readings)
    count = len(readings)
    text = (
        f"Of {count} {'comparison' if count == 1 else 'comparisons'} {signs[1]} speak for the sentence, {signs[-1]} "
        f"against it and {signs[0]} settle nothing."
    )
    against = [reading.of for reading in readings if reading.speaks < 0]
    if against:
        text += f" Against it: {_listed(against)}."
    out = [reading.of for reading in readings if reading.speaks == 0]
    if out:
        text += f" Not settled: {_listed(out)}."
    few = {len(one.gaps) for one in out if not one.exact and len(one.gaps) < LEAST}
    if few:
        text += f" Seeds: {max(few)}; {LEAST} are the fewest with a verdict."
    return text


def _listed(comparisons: Sequence[Comparison]) -> str:
    # What is the same at several places is named once.
    places: dict[str, list[str]] = {}
    for one in comparisons:
        places.setdefault(one.says, []).append(one.place)
    named = [f"{says} ({', '.join(filter(None, at))})" if any(at) else says for says, at in places.items()]
    rest = len(named) - _NAMED
    return "; ".join(named[:_NAMED]) + (f"; and {rest} more in the table" if rest > 0 else "")


def figures(readings: Sequence[Reading]) -> dict[str, float | int | None]:
    """Counts for the summary.

    Args:
        readings: Of one sentence.

    Returns:
        `verdict/for`, `verdict/against`, `verdict/open`.
    """
    signs = Counter(reading.speaks for reading in readings)
    return {"verdict/for": signs[1], "verdict/against": signs[-1], "verdict/open": signs[0]}


_WORDS = {1: "for", 0: "settles nothing", -1: "against"}


def table(readings: Sequence[Reading]) -> Section:
    """All comparisons with their intervals.

    Args:
        readings: Of one sentence.

    Returns:
        A table.
    """
    columns = [
        Column("says", "what the sentence expects"),
        Column("speaks", "speaks"),
        Column(
            "mean",
            "gap",
            "signed",
            "above 0 where the sentence is right; 95% interval over seeds, none: exact, or one seed",
            spread=["low", "high"],
        ),
        Column("equal", "equal"),
        Column("place", "at"),
        Column("p", "p", "number", "Student's t, Holm over all drawn comparisons", more=True),
        Column("seeds", "seeds", "integer", more=True),
        Column("tier", "tier", more=True),
    ]
    rows: list[dict[str, Any]] = [
        {
            "says": one.of.says,
            "equal": "" if one.of.equal == "once" else one.of.equal,
            "place": one.of.place,
            "tier": one.of.tier,
            "mean": _shown(one.mean),
            "low": _shown(one.low),
            "high": _shown(one.high),
            "seeds": None if one.of.exact else len(one.of.gaps),
            "p": _shown(one.p),
            "speaks": _WORDS[one.speaks],
        }
        for one in readings
    ]
    tiers = " and ".join(dict.fromkeys(one.of.tier for one in readings))
    text = f"Tier: {tiers}. Exact comparisons go by their sign, drawn ones by their seeds."
    return Table("What the verdict reads", columns, rows, text)


def _shown(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
