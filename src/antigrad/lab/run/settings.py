"""Settings of the laboratory: which studies, how large, where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antigrad.core.errors import AntigradError, did_you_mean, raise_all
from antigrad.core.settings import Settings
from antigrad.lab.study import Study, load, names

_DEFAULT = Path("runs/lab")


@dataclass(frozen=True)
class LabConfig(Settings):
    """Settings of the laboratory.

    Args:
        study: Name of a study, a YAML file that changes the settings of one, or `all`.
        output: Folder of the run. The default gets the name of a single study behind it: `runs/lab-NAME`.
        full: More seeds and steps: minutes per study instead of seconds.
        seed: Added to every seed of the studies.
        workers: Studies computed at the same time, on one thread each; the figures do not depend on it.
        resume: Resume the run in `output`; studies that are done are kept.
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
