"""`antigrad lab run NAME | all`: compute studies, write their verdicts and one page."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from antigrad.core.errors import AntigradError, did_you_mean, raise_all
from antigrad.core.runs import RunFolder
from antigrad.core.spread import Piece, Where, spread
from antigrad.lab.page import describe, summary_of
from antigrad.lab.study import Study, load, names, run_study, verdict

_DEFAULT = Path("runs/lab")


@dataclass(frozen=True)
class LabConfig:
    """Settings of the laboratory.

    Args:
        study: Name of a study, a YAML file that changes the settings of one, or `all`.
        output: Folder of the run. The default gets the name of a single study behind it: `runs/lab-NAME`.
        full: More seeds and steps: minutes a study instead of seconds.
        seed: Added to every seed of the studies.
        workers: Studies computed at the same time, on one thread each; the figures do not depend on it.
        resume: Go on with the run in `output`; studies that are done are kept.
        studies: Name of a study, and those of its settings that are different. The record of a run has all of them
            here, so that it repeats the run.
    """

    study: str = "all"
    output: Path = _DEFAULT
    full: bool = False
    seed: int = 0
    workers: int = 2
    resume: bool = False
    studies: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def folder(self) -> Path:
        """Where the run is written."""
        if self.output == _DEFAULT and self.study != "all":
            return _DEFAULT.with_name(f"lab-{Path(self.study).stem}")
        return self.output

    def check(self) -> list[Study]:
        """Check every setting and read the studies.

        Returns:
            The studies, in order.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = [f"seed={self.seed}: at least 0 is needed"] if self.seed < 0 else []
        problems += [f"workers={self.workers}: at least 1 is needed"] if self.workers < 1 else []
        studies: list[Study] = []
        try:
            studies = [load(name) for name in (names() if self.study == "all" else [self.study])]
        except AntigradError as error:
            problems.append(str(error))
        known = [study.name for study in studies]
        problems += [f"studies: {did_you_mean(name, known)}" for name in self.studies if studies and name not in known]
        own = {study.name: self.studies.get(study.name) or {} for study in studies}
        problems += [problem for study in studies for problem in study.misfits(own[study.name])]
        raise_all("settings of lab", problems)
        return [study.changed(own[study.name]) for study in studies]


def lab(config: LabConfig) -> RunFolder:
    """Compute studies.

    Args:
        config: See `LabConfig`.

    Returns:
        The run: a ledger with one row a study, their figures in `artifacts/`, the page, the summary.

    Raises:
        AntigradError: The settings or the output folder are not usable.

    Example:
        >>> import tempfile
        >>> run = lab(LabConfig("displacement", Path(tempfile.mkdtemp()) / "run", workers=1))
        >>> round(run.summary["displacement/GRPO@0.98/action=0"], 4)
        -0.0059
    """
    studies = config.check()
    settings = asdict(config) | {"studies": {study.name: study.resolved(full=config.full) for study in studies}}
    free = ("output", "resume", "workers")
    run = RunFolder.start(config.folder, job="lab run", config=settings, resume=config.resume, free=free)
    done = {row["study"] for row in run.ledger.rows("study")}
    # Studies that train share what they train.
    pieces = [Piece(study.name, study, together="trained" if study.trains else "") for study in studies]
    problems: list[AntigradError] = []
    work, where = partial(_piece, config.full, config.seed), Where(workers=config.workers)
    for piece, found in spread(work, pieces, where=where, title="studies", done=done, own_threads=True):
        if isinstance(found, AntigradError):
            problems.append(found)
            continue
        row, sections = found
        run.write_json(f"{piece.key}.json", sections)
        run.ledger.append(row)
    if len(problems) == 1:
        raise problems[0]
    raise_all("studies", [str(problem) for problem in problems])
    describe(run, studies, full=config.full)
    run.write_summary(summary_of(run.ledger.rows("study")))
    return run


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
    return row | {"numbers": result.numbers}, [asdict(section) for section in result.sections]
