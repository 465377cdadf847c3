"""Your own simulation as a page: the verdict on its claim, paths, comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Column, Page, Section, Table, Verdict
from antigrad.core.runs import RunFolder
from antigrad.lab.figures import lines
from antigrad.lab.run.page import head
from antigrad.lab.simulation.settings import SimulateConfig
from antigrad.lab.study import Study, counted

_NAMES = {"kl": "KL to the start", "entropy": "entropy", "reward": "mean reward", "correct": "share correct"}


def sections(arms: Mapping[str, Mapping[str, Any]], config: SimulateConfig) -> list[Section]:
    """Figures of the arms.

    Args:
        arms: Rows by objective as it was given.
        config: Tier, step size, seeds.

    Returns:
        Rewards over the steps, and a table of every metric at equal steps and at equal reward.
    """
    tier = config.tier.replace("_", "-")
    note = f"Tier: {tier}, η = {config.eta:g}"
    note += "." if config.tier == "mean_field" else f", {counted(config.seeds)}: means."
    curves = {row["label"]: (row["steps"], row["reward"]) for row in arms.values()}
    some = next(iter(arms.values()))
    metrics = list(some["at"][0]["values"])
    columns = [Column("arm", "arm"), Column("equal", "equal"), Column("place", "at", "number")]
    columns += [Column(name, _NAMES.get(name) or name, "number", "empty: not every seed got there") for name in metrics]
    shown: list[dict[str, Any]] = []
    for spot, rows in _by_spot(arms):
        for label, values in rows:
            means = {name: _mean(one) for name, one in values.items()}
            shown.append({"arm": label, "equal": spot["equal"], "place": spot["place"]} | means)
    equal = "Along a horizontal at equal reward, along a vertical at equal steps."
    return [
        lines("Reward", curves, "step", "mean reward", f"{note} {equal}"),
        Table("At equal reward and at equal steps", columns, shown, note),
    ]


def _by_spot(arms: Mapping[str, Mapping[str, Any]]) -> list[tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]]:
    some = next(iter(arms.values()))
    return [
        (spot, [(row["label"], row["at"][number]["values"]) for row in arms.values()])
        for number, spot in enumerate(some["at"])
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None and value == value]
    return sum(there) / len(there) if values and len(there) == len(values) else None


def unclaimed(arms: Mapping[str, Mapping[str, Any]], config: SimulateConfig) -> Verdict:
    """Say what came out where no claim was stated: the mean reward at the last step.

    Args:
        arms: Rows by objective as it was given.
        config: Tier and seeds.

    Returns:
        The verdict.
    """
    ends = {row["label"]: (row["steps"][-1], row["reward"][0], row["reward"][-1]) for row in arms.values()}
    order = sorted(ends, key=lambda label: -ends[label][2])
    first, (steps, start, end) = order[0], ends[order[0]]
    answer = f"{first}: from {start:.3f} to {end:.3f} in {steps:,} steps"
    if order[1:]:
        answer += f", ahead of {', '.join(f'{label} ({ends[label][2]:.3f})' for label in order[1:4])}"
    exact = config.tier == "mean_field"
    sure = "Mean-field: exact." if exact else f"Means over {counted(config.seeds)}, not tested."
    advice = "State a claim (--claim) to have it tested against these numbers."
    question = "Which objective raises the mean reward most?" if order[1:] else "How far does the mean reward rise?"
    return Verdict(question, f"{answer}.", sure, advice)


def describe(run: RunFolder, study: Study, row: Mapping[str, Any], verdict: Verdict, parts: Sequence[Section]) -> None:
    """Write the page.

    Args:
        run: The run.
        study: What was claimed.
        row: Its finding and its words.
        verdict: What the page begins with.
        parts: Figures and tables.
    """
    claimed = [head(study, row)] if row["finding"] != "none" else []
    Page(study.title, verdict, [*claimed, *parts]).write(run)
