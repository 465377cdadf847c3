"""`antigrad lab run NAME | all`: compute studies, write their verdicts and one page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from antigrad.core.errors import AntigradError, raise_all
from antigrad.core.page_bounds import SHOWN, bounded
from antigrad.core.runs import RunFolder
from antigrad.core.spread import Piece, Where, spread
from antigrad.lab.run.page import describe, summary_of
from antigrad.lab.run.settings import LabConfig
from antigrad.lab.study import Study, run_study, verdict


def lab(config: LabConfig) -> RunFolder:
    """Compute studies.

    Args:
        config: See `LabConfig`.

    Returns:
        The run: a ledger with one row per study, their figures in `artifacts/`, the page, the summary.

    Raises:
        AntigradError: The settings or the output folder are not usable.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> run = lab(LabConfig("displacement", Path(tempfile.mkdtemp()) / "run", workers=1))
        >>> round(run.summary["displacement/GRPO@0.98/action=0"], 4)
        -0.0059
    """
    studies = config.check()
    settings = asdict(config) | {"studies": {study.name: study.resolved(full=config.full) for study in studies}}
    free = ("output", "resume", "workers")
    run = RunFolder.start(config.folder, job="lab run", config=settings, resume=config.resume, free=free)
    with run.refusals():
        _compute(config, run, studies)
    describe(run, studies, full=config.full)
    run.write_summary(summary_of(run.ledger.rows("study")))
    return run


def _compute(config: LabConfig, run: RunFolder, studies: Sequence[Study]) -> None:
    done = {row["study"] for row in run.ledger.rows("study")}
    # Studies that train share what they train.
    pieces = [Piece(study.name, study, together="trained" if study.trains else "") for study in studies]
    pieces.sort(key=lambda piece: piece.key not in config.studies)  # what may be refused, before hours of the others
    problems: list[AntigradError] = []
    work, where = partial(_piece, config.full, config.seed), Where(workers=config.workers)
    for piece, found in spread(work, pieces, where=where, title="studies", done=done, own_threads=True):
        if isinstance(found, AntigradError):
            if piece.key in config.studies:
                raise found
            problems.append(found)
            continue
        row, sections = found
        run.write_json(f"{piece.key}.json", sections)
        run.ledger.append(row)
    if len(problems) == 1:
        raise problems[0]
    raise_all("studies", [str(problem) for problem in problems])


Done = tuple[dict[str, Any], list[dict[str, Any]]]
"""A row of the ledger, and the sections of the page as JSON."""


def _piece(full: bool, seed: int, _: None, study: Study) -> Done:
    return compute(study, full, seed)


def compute(study: Study, full: bool, seed: int) -> Done:
    """Compute one study, in whatever process.

    Args:
        study: Which.
        full: The full setting.
        seed: Added to every seed.

    Returns:
        Its row of the ledger and its sections.
    """
    start = time.perf_counter()
    result = run_study(study, full=full, seed=seed)
    row: dict[str, Any] = {"kind": "study", "study": study.name, "finding": result.finding, "tier": study.tier}
    row |= {"seconds": round(time.perf_counter() - start, 1), "verdict": verdict(study, result)}
    return row | {"numbers": result.numbers}, [asdict(bounded(section, SHOWN)) for section in result.sections]
