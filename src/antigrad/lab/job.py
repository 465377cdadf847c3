"""`antigrad lab run NAME | all`: compute studies, write their verdicts and one page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from antigrad.core.errors import AntigradError, did_you_mean, raise_all
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
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
    todo = [study for study in studies if study.name not in done]
    with progress("studies", len(studies), done=len(done)) as bar:
        for study, (row, sections) in _computed(todo, config):
            run.write_json(f"{study.name}.json", sections)
            run.ledger.append(row)
            bar.advance(study.name)
    describe(run, studies, full=config.full)
    run.write_summary(summary_of(run.ledger.rows("study")))
    return run


Done = tuple[dict[str, Any], list[dict[str, Any]]]
"""A row of the ledger, and the sections of the page as JSON."""


def _computed(todo: list[Study], config: LabConfig) -> Iterator[tuple[Study, Done]]:
    if config.workers == 1 or len(todo) < 2:
        for study in todo:
            yield study, compute(study, config.full, config.seed)
        return
    # Studies that train share what they train: one process for them, and the others beside it.
    context = get_context("spawn")
    with ExitStack() as stack:
        training, others = (
            stack.enter_context(ProcessPoolExecutor(count, context, initializer=torch.set_num_threads, initargs=(1,)))
            for count in (1, config.workers - 1)
        )
        waiting: dict[Future[Done], Study] = {
            (training if study.trains else others).submit(compute, study, config.full, config.seed): study
            for study in todo
        }
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


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
