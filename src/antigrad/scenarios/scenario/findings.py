"""What the rows add up to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from antigrad.core.runs import RunFolder
from antigrad.scenarios.certificate import AVOIDABLE, FORESIGHT, UNAVOIDABLE
from antigrad.scenarios.scenario.rows import NO_CANDIDATE
from antigrad.scenarios.tools import CONTACT, HIT, MISS, PLANNER

Row = dict[str, Any]
Figures = dict[str, float | int | str | None]
_VERDICTS = (AVOIDABLE, FORESIGHT, UNAVOIDABLE)
_DRAWN = ("open", "open_s", "ledger")
_COUNTED = (
    "status",
    "piece",
    "trace",
    "job",
    "scene",
    "note",
    "notes",
    "iterations",
    "descended",
    "warnings",
    "format",
)
DEEP = 1.0
"""m off the road, beyond what it was before, that counts as off-road."""


def jobs_of(run: RunFolder, *, light: bool = False) -> list[Row]:
    """Rows of the jobs of finished pieces; of a piece that was begun twice, the second time.

    Args:
        run: The run.
        light: Only what figures and tables say of them: see `whole`.

    Returns:
        The rows, in the order of the scenes.
    """
    done = {row["piece"] for row in run.ledger.stream("piece")}
    found: dict[tuple[Any, ...], Row] = {}
    for row in run.ledger.stream("job"):
        if row["piece"] in done:
            found[_key(row)] = _kept(row) if light else row
    return [found[key] for key in sorted(found)]


def whole(run: RunFolder, rows: Sequence[Row]) -> list[Row]:
    """Rows of jobs with all that the ledger has of them.

    Args:
        run: The run.
        rows: Which, as `jobs_of` gives them.

    Returns:
        The rows, in that order.
    """
    wanted = {_key(row) for row in rows}
    found = {_key(row): row for row in run.ledger.stream("job") if _key(row) in wanted}
    return [found[_key(row)] for row in rows]


def _key(row: Row) -> tuple[Any, ...]:
    return row["piece"], row["trace"], row.get("job", -1)


def _kept(row: Row) -> Row:
    # Of a hit all but what only its charts draw; of the others, what is counted.
    if row["status"] == HIT:
        return {key: value for key, value in row.items() if key not in _DRAWN and not key.startswith("cost/")}
    return {key: value for key, value in row.items() if key in _COUNTED or key.startswith("effect/")}


def ranked(rows: Sequence[Row]) -> list[Row]:
    """Hits, most useful first: avoidable before the rest, then those that stay closest to the record.

    Args:
        rows: Of jobs.

    Returns:
        The hits.
    """
    hits = [row for row in rows if row["status"] == HIT]
    order: dict[Any, int] = {verdict: place for place, verdict in enumerate(_VERDICTS)}
    return sorted(hits, key=lambda row: (order.get(row.get("verdict"), 9), row["log_deviation"] or math.inf))


def best_of_scenes(rows: Sequence[Row]) -> list[Row]:
    """The first hit of each scene in the ranking.

    Args:
        rows: Of jobs.

    Returns:
        One row per scene that was hit.
    """
    best: dict[str, Row] = {}
    for row in ranked(rows):
        best.setdefault(row["trace"], row)
    return list(best.values())


def wilson(count: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a rate.

    Args:
        count: Successes.
        of: Trials.
        z: Of the normal distribution; 1.96 for 95 %.

    Returns:
        Low and high; 0 and 1 without trials.

    Source: Wilson 1927.

    Example:
        >>> [round(end, 3) for end in wilson(26, 33)]
        [0.622, 0.893]
    """
    if not of:
        return 0.0, 1.0
    rate, square = count / of, z * z / of
    centre, half = rate + square / 2, z * math.sqrt((rate * (1 - rate) + square / 4) / of)
    return (centre - half) / (1 + square), (centre + half) / (1 + square)


def summary_of(run: RunFolder, rows: Sequence[Row] | None = None) -> Figures:
    """Headline figures of a run.

    Args:
        run: The run.
        rows: Of its jobs, where they were read already.

    Returns:
        Flat figures.
    """
    refused = {row["source"] for row in run.ledger.stream("refused")}
    return figures_of(jobs_of(run, light=True) if rows is None else rows, len(refused))


def figures_of(rows: Sequence[Row], refused: int = 0) -> Figures:
    """What rows add up to.

    Args:
        rows: Of jobs; `trace` says which belong to one scene.
        refused: Files that could not be read.

    Returns:
        Flat figures; shares are of the scenes that could be attacked, or of the scenes hit.
    """
    scenes = _scenes(rows, lambda row: True)
    without, contact = (_scenes(rows, lambda row, s=s: row["status"] == s) for s in (NO_CANDIDATE, CONTACT))
    failed = _scenes(rows, lambda row: row["status"] == PLANNER)
    hits, best = ranked(rows), best_of_scenes(rows)
    mapped = [row for row in best if row["off_road"] is not None]
    judged = [row["verdict"] for row in hits if row.get("verdict")]
    attacked = len(_scenes(rows, lambda row: row["status"] in (HIT, MISS)))  # in at least one job, to its end
    low, high = wilson(len(best), attacked)
    certified = [row for row in best if row.get("verdict")]
    figures: Figures = {
        "scenes": len(scenes),
        "jobs": len([row for row in rows if row["status"] != NO_CANDIDATE]),
        "refused": refused,
        "scenes_without_candidate": len(without),
        "scenes_with_contact_at_start": len(contact),
        "scenes_where_planner_failed": len(failed),
        "scenes_attacked": attacked,
        "scenes_hit": len(best),
        "success": len(best) / attacked if attacked else None,
        "success_low": low,
        "success_high": high,
        "jobs_hit": len(hits),
        "jobs_avoidable": None if len(judged) < len(hits) else judged.count(AVOIDABLE),
        "iterations_median": _median(row["iterations"] for row in best),
        "deviation_mean_m": _mean(row["log_deviation"] for row in best),
        "off_road_share": _share(mapped, lambda row: _excess(row) > DEEP),
        "off_road_increase_m": _mean(max(0.0, _excess(row)) for row in mapped),
        "third_contact_share": _share(best, third_contact),
        "ego_at_fault_share": _share(best, lambda row: row["ego_at_fault"]),
        "ego_strikes_share": _share(best, lambda row: row["ego_strikes"]),
        "lead_median_s": _median(row["lead_s"] for row in certified if row["lead_s"] is not None),
        "braking_suffices_share": _share(certified, lambda row: row["braking"]),
    }
    for verdict in _VERDICTS:
        figures[f"{verdict.replace(' ', '_')}_share"] = _share(certified, lambda row, v=verdict: row["verdict"] == v)
    return figures


def third_contact(row: Row) -> bool:
    """Whether the striker went through a third object that it kept clear of before.

    Args:
        row: A job.

    Returns:
        True for a contact that the log lacks.
    """
    now, before = row["third_gap"], row["third_gap_before"]
    return now is not None and now <= 0 and not (before is not None and before <= 0)


def _excess(row: Row) -> float:
    return row["off_road"] - (row["off_road_before"] or 0.0)


def _scenes(rows: Sequence[Row], of: Callable[[Row], bool]) -> set[str]:
    return {row["trace"] for row in rows if of(row)}


def _share(rows: Sequence[Row], of: Callable[[Row], bool]) -> float | None:
    return sum(bool(of(row)) for row in rows) / len(rows) if rows else None


def _median(values: Any) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None


def _mean(values: Any) -> float | None:
    found = [value for value in values if value is not None]
    return statistics.fmean(found) if found else None
