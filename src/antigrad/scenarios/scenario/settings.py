"""Settings of `antigrad scenario`, checked all at once before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import AntigradError, ManyInputsError, did_you_mean, raise_all
from antigrad.core.settings import Settings
from antigrad.core.spread import Where
from antigrad.scenarios.io import WRITERS, Source, find
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import Recipe, preset
from antigrad.scenarios.scenario.video import NO_VIDEO

WEIGHTS = ("fixed", "safe")
PICTURES = ("webp", "gif", "mp4")


@dataclass(frozen=True)
class ScenarioConfig(Settings):
    """Settings of an attack on recorded traffic.

    Args:
        scenes: Files and folders of scenes, of any known format; none: synthetic traffic.
        planner: What drives the ego: `idm`, `log_replay`, `constant_velocity`, `follower`, with options in brackets, or
            `module:function` of your own, which runs in a process of its own.
        preset: `regents_fixed`, `regents_paper`, `regents_released` or `king`.
        costs: Cost and weight, in place of the preset's.
        steering: Rules, in place of the preset's.
        without: Rules to leave out.
        jobs: `candidate`, `scene`, or empty for the preset's.
        iterations: At most; 0 for the preset's.
        weight: Of the part that lowers the safety margin: `fixed`, or `safe`: in each row at each update inside the
            window in which the anchors gain too.
        refresh: Iterations between two roll-outs of a planner that reacts; every hit is confirmed by a fresh one.
        deadline: s that a planner of your own may take for one roll-out.
        max_objects: Objects of a scene, the ego and those that come closest to it.
        batch: Scenes attacked together; a run that resumes keeps the batches that are done. 1: every scene by itself.
        synthetic: Scenes of synthetic traffic, where no others are given.
        agents: Objects of each of these.
        certify: Ask of every hit whether it could have been avoided, until when, and whose fault it was.
        write: Also write the attacked scenes: `antigrad`, `commonroad`, `openscenario`, `scenarionet`; empty for none.
        shown: Scenes that the page plays, at most, the best and the worst of the ranking; all are in the run folder.
        animate: Scenes of which a moving picture is made, at most.
        picture: `webp`, `gif`, or `mp4`, which needs the extra `video`.
        output: Folder of the run.
        seed: Of the synthetic traffic; the attack itself draws nothing.
        resume: Resume the run in `output`; batches of scenes that are done are kept.
        engine: `local`, or `ray`; the figures do not depend on it.
        workers: Batches attacked at the same time, on one thread each; one is this process itself.
        address: Of a Ray cluster, `HOST:PORT` or `auto`; empty starts Ray on this machine.
    """

    scenes: list[str] = field(default_factory=list[str])
    planner: str = "idm"
    preset: str = "regents_fixed"
    costs: dict[str, float] = field(default_factory=dict[str, float])
    steering: list[str] = field(default_factory=list[str])
    without: list[str] = field(default_factory=list[str])
    jobs: str = ""
    iterations: int = 0
    weight: str = "fixed"
    refresh: int = 5
    deadline: float = 30.0
    max_objects: int = 32
    batch: int = 16
    synthetic: int = 12
    agents: int = 16
    certify: bool = True
    write: str = ""
    shown: int = 8
    animate: int = 0
    picture: str = "webp"
    output: Path = Path("runs/scenario")
    seed: int = 0
    resume: bool = False
    engine: str = "local"
    workers: int = 1
    address: str = ""

    @property
    def where(self) -> Where:
        """Where batches are attacked."""
        return Where(self.engine, self.workers, self.address)

    def recipe(self) -> Recipe:
        """The preset with the changes asked for.

        Returns:
            The attack as plain values.
        """
        changes: dict[str, Any] = {"costs": self.costs, "steering": self.steering, "jobs": self.jobs}
        changes |= {"iterations": self.iterations}
        changed = preset(self.preset, {key: value for key, value in changes.items() if value})
        kept = [rule for rule in changed.steering if parse_spec(rule)[0] not in self.without]
        return preset(self.preset, {key: value for key, value in changes.items() if value} | {"steering": kept})

    def check(self) -> list[Source]:
        """Check every setting and find the scenes.

        Returns:
            Files of scenes, in order; none for synthetic traffic.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = self.where.problems()
        sources = [source for place in self.scenes for source in _tried(lambda: find(place), problems) or []]  # noqa: B023
        recipe = _tried(self.recipe, problems)
        if recipe is not None:
            problems += recipe.problems()
            problems += self._problems_of_without()
        planner = _tried(lambda: make_planner(self.planner, self.deadline), problems)
        if planner is not None and not self.address:  # a cluster may have what this machine has not
            problems += [f"planner {self.planner!r}: {why}" for why in (planner.problem(),) if why]
        if self.write:
            _tried(lambda: WRITERS.make(self.write), problems)
        if self.weight not in WEIGHTS:
            problems.append(f"weight {self.weight!r}: {did_you_mean(self.weight, WEIGHTS)}")
        least = {
            "iterations": 0,
            "refresh": 1,
            "max_objects": 2,
            "batch": 1,
            "synthetic": 1,
            "shown": 0,
            "seed": 0,
            "animate": 0,
        }
        least |= {"agents": 2}
        problems += [
            f"{name}={getattr(self, name)}: at least {low}" for name, low in least.items() if getattr(self, name) < low
        ]
        problems += [f"agents={self.agents}: at most 32"] if self.agents > 32 else []
        if self.picture not in PICTURES:
            problems.append(f"picture {self.picture!r}: {did_you_mean(self.picture, PICTURES)}")
        if self.picture == "mp4" and self.animate and find_spec("av") is None:
            problems.append(f"picture='mp4': {NO_VIDEO}")
        raise_all("settings of scenario", problems)
        return sources

    def _problems_of_without(self) -> list[str]:
        known = [parse_spec(rule)[0] for rule in self.steering or preset(self.preset).steering]
        return [f"without {name!r}: {did_you_mean(name, known)}" for name in self.without if name not in known]


def _tried(work: Callable[[], Any], problems: list[str]) -> Any:
    try:
        return work()
    except ManyInputsError as error:
        problems += error.problems
    except AntigradError as error:
        problems.append(str(error))
    return None
