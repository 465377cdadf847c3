"""`antigrad lab simulate`: follow objectives in a world of your own, and hold a claim against them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from antigrad.core.errors import AntigradError, raise_all
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.lab.bandit import Bandit
from antigrad.lab.evidence import figures, finding, in_words, read, table
from antigrad.lab.export import write_trace
from antigrad.lab.figures import thin
from antigrad.lab.objective import Objective
from antigrad.lab.run.page import study_verdict
from antigrad.lab.simulate import simulate
from antigrad.lab.simulation.claims import Claim
from antigrad.lab.simulation.findings import comparisons, numbers
from antigrad.lab.simulation.page import describe, sections, unclaimed
from antigrad.lab.simulation.rows import places, row_of
from antigrad.lab.simulation.settings import SimulateConfig
from antigrad.lab.study import OWN, Study
from antigrad.lab.trace import Trace


def lab_simulate(config: SimulateConfig) -> RunFolder:
    """Simulate.

    Args:
        config: See `SimulateConfig`.

    Returns:
        The run: a ledger with one row per arm, paths in `artifacts/` if wanted, the page, the summary.

    Raises:
        AntigradError: The settings or the output folder are not usable.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> config = SimulateConfig(
        ...     ["grpo", "grpo_n"], [0.8, 1, 0], [0.45, 0.1, 0.45], claim="action 1: grpo > grpo_n", steps=200,
        ...     output=Path(tempfile.mkdtemp()) / "run",
        ... )
        >>> lab_simulate(config).summary["finding"]
        'mixed'
    """
    bandit, arms, claims = config.check()
    _try(bandit, arms, config)
    run = RunFolder.start(config.output, job="lab simulate", config=config, resume=config.resume,
                          free=("output", "resume"))  # fmt: skip
    with run.refusals():
        _simulate(config, run, bandit, arms, claims)
    _finish(run, config, bandit, claims)
    return run


def _simulate(
    config: SimulateConfig, run: RunFolder, bandit: Bandit, arms: Sequence[Objective], claims: Sequence[Claim]
) -> None:
    done = {row["arm"] for row in run.ledger.rows("arm")}
    todo = [(spec, arm) for spec, arm in zip(config.objective, arms, strict=True) if spec not in done]
    with progress("arms", total=len(arms), done=len(done)) as bar:
        for number, (spec, arm) in enumerate(todo, len(done)):
            trace = follow(bandit, arm, config)
            if config.export != "none":
                write_trace(trace, run.artifact(f"path_{number}.{config.export}"))
            run.ledger.append(row_of(trace, spec, config, claims))
            bar.advance(spec)


def _try(bandit: Bandit, arms: Sequence[Objective], config: SimulateConfig) -> None:
    """Take one step of every arm, so that an arm which can't be followed in this world is refused before a run begins.

    Args:
        bandit: The world.
        arms: The objectives.
        config: All else.

    Raises:
        ManyInputsError: All arms that refuse, and why.
    """
    problems: list[str] = []
    for spec, arm in zip(config.objective, arms, strict=True):
        try:
            _follow(bandit, arm, config, steps=1, seeds=1, levels=[], keep=[0, 1])
        except AntigradError as error:
            problems.append(f"objective {spec}: {error}")
    raise_all("objectives of lab simulate", problems)


def follow(bandit: Bandit, arm: Objective, config: SimulateConfig) -> Trace:
    """Follow one arm; drawn arms share their random numbers.

    Args:
        bandit: The world.
        arm: The objective.
        config: All else.

    Returns:
        Its trace.
    """
    levels, steps = places(config, bandit)
    kept = sorted({*thin(config.steps + 1), *steps}) if config.export != "none" else [0, *steps]
    return _follow(bandit, arm, config, steps=config.steps, seeds=config.drawn, levels=levels, keep=kept)


def _follow(bandit: Bandit, arm: Objective, config: SimulateConfig, *, steps: int, seeds: int, **more: Any) -> Trace:
    return simulate(
        bandit, arm, config.eta, steps, config.tier, group=config.group, seeds=seeds, seed=config.seed,
        law=config.period, draws=config.draws if config.tier == "dataset" else None, prompts=config.prompts or None,
        **more,
    )  # fmt: skip


def _title(labels: Sequence[str]) -> str:
    named = ", ".join(labels) if len(labels) < 5 else f"{len(labels)} objectives"
    return f"Simulation of {named}"


def _finish(run: RunFolder, config: SimulateConfig, bandit: Bandit, claims: Sequence[Claim]) -> None:
    start = time.perf_counter()
    arms = {row["arm"]: row for row in run.ledger.rows("arm")}
    arms = {spec: arms[spec] for spec in config.objective}
    readings = read(comparisons(claims, arms, bandit, config.tier))
    words = f"{config.sentence or config.claim} " if claims else "No claim was stated. "
    stopped = [row["label"] for row in arms.values() if row["stopped"]]
    words += in_words(readings) if claims else ""
    words += f" Not finite at some step: {', '.join(stopped)}." if stopped else ""
    labels = [row["label"] for row in arms.values()]
    study = Study(
        "simulate", "", _title(labels), ", ".join(labels), OWN, config.sentence or config.claim,
        config.tier.replace("_", "-"), "", {},
    )  # fmt: skip
    row: dict[str, Any] = {"finding": finding(readings) if claims else "none", "verdict": words.strip()}
    row |= {"numbers": figures(readings), "seconds": round(time.perf_counter() - start, 1)}
    parts = sections(arms, config)
    verdict = study_verdict(study, row, None) if claims else unclaimed(arms, config)
    describe(run, study, row, verdict, [*parts, table(readings)] if claims else parts)
    run.write_summary({"finding": row["finding"], **figures(readings), **numbers(arms)})
