"""`antigrad unlearn compare`: every method on your own case, over seeds, beside retraining."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from antigrad.core.errors import AntigradError
from antigrad.core.runs import RunFolder
from antigrad.core.spread import Piece, spread
from antigrad.unlearning.asked import PLACE, check_methods
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
    has_files,
    outcome,
    prepare,
    reference,
    search,
)
from antigrad.unlearning.sources import load
from antigrad.unlearning.splits import SPLITS

FREE = ("output", "resume", "cache", *PLACE)
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
    _check(config)
    run = RunFolder.start(
        config.output, job="unlearn compare", config=config.recorded(), resume=config.resume, free=FREE
    )
    with run.refusals():
        _compare(config, run)
    return run


def _check(config: CompareConfig) -> None:
    # Bad input is reported before a folder is made.
    source = load(config.given())
    check_methods(config.compared(), source.model)
    for spec in config.split:
        SPLITS.make(spec)(source.train, source.test, config.seed)


def _compare(config: CompareConfig, run: RunFolder) -> None:
    seeds = range(config.seed, config.seed + config.seeds)
    places = [Place(split, seed) for split in range(len(config.split)) for seed in seeds]
    tuned = [Place(split, config.seed + SEARCH_SEED) for split in range(len(config.split))] if config.search else []
    _all(run, config, "reference", reference, [Piece((one.split, one.seed), one) for one in [*tuned, *places]])
    rows = {(row["split"], row["seed"]): row for row in run.ledger.rows("reference")}
    searches = [
        Piece((one.split, spec), (spec, one, rows[one.split, one.seed])) for one in tuned for spec in config.compared()
    ]
    _all(run, config, "search", search, searches)
    factors = {(row["split"], row["method"]): row["factor"] for row in run.ledger.rows("search")}
    methods = [ORIGINAL, RETRAIN, *((TWIN,) if config.twin else ()), *config.compared()]
    outcomes = [
        Piece((one.split, one.seed, spec), (spec, factors.get((one.split, spec), 1.0), one, rows[one.split, one.seed]))
        for one in places
        for spec in methods
    ]
    _all(run, config, "outcome", outcome, outcomes)
    describe(run, config)
    run.write_summary(summary_of(run, config))


NAMES = {"reference": ("split", "seed"), "search": ("split", "method"), "outcome": ("split", "seed", "method")}
"""Kind of row, and what its key is made of."""


def _all(run: RunFolder, config: CompareConfig, kind: str, work: Work, pieces: Sequence[Piece[Any]]) -> None:
    # What is not done yet; a method that refuses does not stop the others, a reference does.
    names = NAMES[kind]
    rows = [*run.ledger.rows(kind), *(row for row in run.ledger.rows("left out") if row["of"] == kind)]
    if kind == "reference":
        rows = [row for row in rows if has_files(run, row)]
    done = {tuple(row[name] for name in names) for row in rows}
    some = spread(work, pieces, prepare=partial(prepare, config), where=config.where(), title=f"{kind}s", done=done)
    for piece, found in some:
        if not isinstance(found, AntigradError):
            run.ledger.append(found)
        elif kind == "reference":
            raise found
        else:
            key = dict(zip(names, piece.key, strict=True))
            run.ledger.append({"kind": "left out", "of": kind, "reason": str(found), **key})
