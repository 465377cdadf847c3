"""`antigrad scenario`: scenes in; attacked, certified, ranked scenes, their traces and a page out."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save

from antigrad.core.checkpoints import digest, flaw, tell
from antigrad.core.errors import AntigradError, raise_all
from antigrad.core.files import write_atomic
from antigrad.core.runs import RunFolder
from antigrad.core.spread import Piece, spread
from antigrad.scenarios.io import Source
from antigrad.scenarios.scenario.animation import animation, frames
from antigrad.scenarios.scenario.findings import best_of_scenes, jobs_of, summary_of
from antigrad.scenarios.scenario.page import describe
from antigrad.scenarios.scenario.piece import Found, Given, work, write_scenes
from antigrad.scenarios.scenario.settings import ScenarioConfig
from antigrad.scenarios.scenario.trace import ended


def scenario(config: ScenarioConfig) -> RunFolder:
    """Bend recorded traffic until the planner under test is in danger.

    Args:
        config: See `ScenarioConfig`.

    Returns:
        The run: a ledger with one row a job; `artifacts/traces/*.safetensors` with one scene each, the page and the
        summary; moving pictures in `artifacts/animations` and attacked scenes in `artifacts/scenes` if they were asked
        for.

    Raises:
        AntigradError: The settings or the output folder are not usable, or no scene could be read.
    """
    sources = config.check()
    settings = asdict(config) | {"scenes": [str(Path(place).resolve()) for place in config.scenes]}
    settings |= {"recipe": asdict(config.recipe())}
    run = RunFolder.start(
        config.output,
        job="scenario",
        config=settings,
        resume=config.resume,
        free=("output", "resume", "shown", "animate", "picture", "engine", "workers", "address"),
    )
    with run.refusals():
        _scenario(config, run, sources)
    return run


def _scenario(config: ScenarioConfig, run: RunFolder, sources: list[Source]) -> None:
    pieces = pieces_of(config, sources)
    done = {row["piece"] for row in run.ledger.stream("piece") if _intact(run, row)}
    cut = [Piece(given.number, given, f"batch {given.number + 1}") for given in pieces]
    for piece, found in spread(
        partial(work, config), cut, where=config.where, title="batches of scenes", done=done, prepare=None
    ):
        if isinstance(found, AntigradError):
            raise found
        keep(run, config, piece.given, found)
    if next(run.ledger.stream("job"), None) is None:
        raise_all("scenes", [row["reason"] for row in run.ledger.rows("refused")] or ["none was found"])
    describe(run, config)
    for place, row in enumerate(best_of_scenes(jobs_of(run, light=True))[: config.animate]):
        pictures = frames(ended(run, row), row["striker"], row["contact_step"], dt=row["dt"])
        name = f"animations/{place:03d}-{_plain(row['scene'])}.{config.picture}"
        write_atomic(run.artifact(name), animation(pictures, 2 * row["dt"], config.picture))
    run.write_summary(summary_of(run))


def pieces_of(config: ScenarioConfig, sources: list[Source]) -> list[Given]:
    """Cut the work into pieces that need no other one.

    Args:
        config: The job's.
        sources: Files; none for synthetic traffic.

    Returns:
        The pieces; the cut depends on nothing but the settings and the files.
    """
    if not sources:
        starts = range(0, config.synthetic, config.batch)
        return [
            Given(number, synthetic=(first, min(config.batch, config.synthetic - first)))
            for number, first in enumerate(starts)
        ]
    cuts = range(0, len(sources), config.batch)
    return [Given(number, sources=sources[first : first + config.batch]) for number, first in enumerate(cuts)]


def keep(run: RunFolder, config: ScenarioConfig, given: Given, found: Found) -> None:
    """Keep what a piece found: files first, its rows, and last the row that says that all of it is there.

    Args:
        run: The run.
        config: The job's.
        given: The piece.
        found: What it found.
    """
    scenes = {row["place"]: str(row["scene"]) for row in found.rows}
    names = {
        place: f"traces/{given.number:05d}-{place:03d}-{_plain(scene)}.safetensors" for place, scene in scenes.items()
    }
    for place, name in names.items():
        write_atomic(run.artifact(name), save(found.traces[place], {"scene": scenes[place]}))
    write_scenes(config, found, run.artifact(f"scenes/{given.number:05d}"))
    for row in found.rows:
        run.ledger.append(
            {name: value for name, value in row.items() if name != "place"} | {"trace": names[row["place"]]}
        )
    for row in found.refused:
        run.ledger.append(row)
    counts = {"jobs": len(found.rows), "refused": len(found.refused)}
    traces = {name: digest(run.artifact(name)) for name in names.values()}
    run.ledger.append({"kind": "piece", "piece": given.number, **counts, "traces": traces})


def _intact(run: RunFolder, row: dict[str, Any]) -> bool:
    # A piece one of whose traces is damaged or gone is done again.
    for name, sha256 in row.get("traces", {}).items():
        wrong = flaw(run.artifact(name), sha256)
        if wrong is not None:
            tell(f"{name} {wrong}: batch {row['piece'] + 1} is done again")
            return False
    return True


def _plain(name: str) -> str:
    # A file name, whatever the scene is called: never a way out of the folder.
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in name).strip("-")[:60] or "scene"
