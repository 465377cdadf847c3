"""`antigrad unlearn compare`: every method on one's own case, over seeds, beside retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from antigrad.core.errors import AntigradError
from antigrad.core.progress import Task, progress
from antigrad.core.runs import RunFolder
from antigrad.unlearning.compare.findings import summary_of
from antigrad.unlearning.compare.page import describe
from antigrad.unlearning.compare.settings import CompareConfig
from antigrad.unlearning.compare.work import (
    ORIGINAL,
    RETRAIN,
    SEARCH_SEED,
    TWIN,
    Place,
    Prepared,
    outcome,
    prepare,
    reference,
    search,
)

FREE = ("output", "resume", "cache")
Key = tuple[Any, ...]
Work = Callable[[Prepared, Any], dict[str, Any]]


def compare(config: CompareConfig) -> RunFolder:
    """Compare unlearning methods with retraining.

    Args:
        config: See `CompareConfig`.

    Returns:
        The run: one row for each method, case and seed; the page and the summary.

    Raises:
        AntigradError: Settings, model, data or output folder are not usable.
    """
    config.check()
    prepared = prepare(config)
    settings = asdict(config) | {name: _absolute(getattr(config, name)) for name in ("data", "test", "weights")}
    run = RunFolder.start(config.output, job="unlearn compare", config=settings, resume=config.resume, free=FREE)
    seeds = range(config.seed, config.seed + config.seeds)
    places = [Place(split, seed) for split in range(len(config.split)) for seed in seeds]
    tuned = [Place(split, config.seed + SEARCH_SEED) for split in range(len(config.split))] if config.search else []
    methods = [ORIGINAL, RETRAIN, *((TWIN,) if config.twin else ()), *config.compared()]
    total = len(places) * (1 + len(methods)) + len(tuned) * (1 + len(config.compared()))
    with progress("comparison", total) as bar:
        todo = [((place.split, place.seed), place) for place in [*tuned, *places]]
        for key, row in _each(run, prepared, "reference", ("split", "seed"), reference, todo, bar):
            _keep(run, key, row)
        rows = {(row["split"], row["seed"]): row for row in run.ledger.rows("reference")}
        searches = [
            ((place.split, spec), (spec, place, rows[place.split, place.seed]))
            for place in tuned
            for spec in config.compared()
        ]
        for key, row in _each(run, prepared, "search", ("split", "method"), search, searches, bar):
            _keep(run, key, row)
        factors = {(row["split"], row["method"]): row["factor"] for row in run.ledger.rows("search")}
        outcomes = [
            (
                (place.split, place.seed, spec),
                (spec, factors.get((place.split, spec), 1.0), place, rows[place.split, place.seed]),
            )
            for place in places
            for spec in methods
        ]
        for key, row in _each(run, prepared, "outcome", ("split", "seed", "method"), outcome, outcomes, bar):
            _keep(run, key, row)
    describe(run, config)
    run.write_summary(summary_of(run, config))
    return run


def _each(
    run: RunFolder,
    prepared: Prepared,
    kind: str,
    names: Sequence[str],
    work: Work,
    pieces: Sequence[tuple[Key, Any]],
    bar: Task,
) -> Iterator[tuple[Key, dict[str, Any] | AntigradError]]:
    # Independent pieces that are not done yet; one that is refused does not stop the others.
    rows = [*run.ledger.rows(kind), *(row for row in run.ledger.rows("left out") if row["of"] == kind)]
    done = {tuple(row[name] for name in names) for row in rows if all(name in row for name in names)}
    for key, given in pieces:
        if key not in done:
            try:
                found: dict[str, Any] | AntigradError = work(prepared, given)
            except AntigradError as error:
                if kind == "reference":
                    raise
                found = error
            if isinstance(found, AntigradError):
                yield key, {"kind": "left out", "of": kind, "reason": str(found), **dict(zip(names, key, strict=True))}
            else:
                yield key, found
        bar.advance(" ".join(map(str, key)))


def _keep(run: RunFolder, key: Key, row: dict[str, Any] | AntigradError) -> None:
    if isinstance(row, AntigradError):
        raise row
    run.ledger.append(row)


def _absolute(path: str) -> str:
    return str(Path(path).resolve()) if path and Path(path).exists() else path
