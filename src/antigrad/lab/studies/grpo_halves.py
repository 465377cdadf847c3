"""GRPO, its positive and its negative half on three tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from antigrad.core.page import Column, Section, Table
from antigrad.lab.figures import bars, compared, masses
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import H, O, stages
from antigrad.lab.studies.two_stage import NAMES
from antigrad.lab.study import Result, counted
from antigrad.lab.trace import comparison

ARMS = (Grpo(), GrpoP(), GrpoN())


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `grpo_halves.yaml`.

    Returns:
        What was found.
    """
    starts, group = settings["starts"], settings["group"]
    trace = simulate(three_token(starts, settings["rewards"]), ARMS, settings["eta"], settings["steps"], group=group)
    numbers: dict[str, float | int | None] = {}
    rows: list[dict[str, Any]] = []
    for prompt, start in enumerate(starts):
        for stage in stages(trace, prompt):
            key = f"{stage.arm}@o={start[O]:g}"
            numbers |= {
                f"trough/{key}": stage.trough,
                f"fall/{key}": stage.fall,
                f"sign_change/{key}": stage.sign_change,
            }
            numbers |= {f"overtakes/{key}": stage.overtakes, f"end_h/{key}": stage.end[H], f"end_o/{key}": stage.end[O]}
            rows.append({"start": ", ".join(map(str, start)), **vars(stage), "end_o": stage.end[O]})
    wins = sampled_wins(settings)
    numbers |= wins
    rare = min(start[O] for start in starts)
    over = {arm.label: numbers[f"overtakes/{arm.label}@o={rare:g}"] for arm in ARMS}
    first_eta = settings["sampled"]["runs"][-1][0]
    won = {arm.label: wins[f"wins/{arm.label}@o={rare:g},eta={first_eta:g}"] or 0.0 for arm in ARMS}
    slowest = over["GRPO-N"] is None or all(over["GRPO-N"] >= (value or 0) for value in over.values())
    told = {arm: "never" if step is None else f"step {step}" for arm, step in over.items()}
    says = (
        f"From o = {rare:g} in the mean field O overtakes H at {told['GRPO']} (GRPO), {told['GRPO-P']} (positives "
        f"only) and {told['GRPO-N']} (negatives only) within {settings['steps']} steps. Sampled at η = {first_eta:g} "
        f"with {settings['sampled']['seeds']} seeds O wins in {won['GRPO']:.0%}, {won['GRPO-P']:.0%} and "
        f"{won['GRPO-N']:.0%} of runs. To first order only positive advantages raise O; negatives alone give the "
        "freed mass back in proportion to the policy, which is to H."
    )
    world_of_rare = three_token(starts[-1], settings["rewards"])
    alone = simulate(
        world_of_rare, ARMS, settings["eta"], max(settings["equal_steps"]), group=group,
        levels=settings["levels"], keep="all",
    )  # fmt: skip
    table = comparison(alone, _ratio, levels=settings["levels"], steps=settings["equal_steps"])
    paths = {arm: alone.pi[:, place, 0, 0, 0] for place, arm in enumerate(alone.arms)}
    note = f"Mean-field, G = {group}, η = {settings['eta']:g}, from {tuple(starts[-1])}."
    sections: list[Section] = [
        masses("Mass over time, arm by arm", paths, NAMES, note, {}),
        compared("π(O) / π(H), equal accuracy and equal steps", table, "o / h", note),
        _wins(wins, settings),
        _table(rows, settings),
    ]
    return Result("disagrees" if slowest and won["GRPO-N"] < won["GRPO"] else "agrees", says, numbers, sections)


def sampled_wins(settings: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Share of sampled runs in which O has more than half of the mass at the end.

    Args:
        settings: With `sampled`: seeds, and pairs of step size and steps.

    Returns:
        `wins/ARM@o=…,eta=…` and its share.
    """
    given, found = settings["sampled"], {}
    world = three_token(settings["starts"], settings["rewards"])
    for eta, steps in given["runs"]:
        trace = simulate(
            world,
            ARMS,
            eta,
            steps,
            "sampled",
            group=settings["group"],
            seeds=given["seeds"],
            seed=given["seed"],
            keep="end",
        )
        share = (trace.at(steps)[..., O] > 0.5).double().mean(2)[:, 0]
        for place, arm in enumerate(trace.arms):
            for prompt, start in enumerate(settings["starts"]):
                found[f"wins/{arm}@o={start[O]:g},eta={eta:g}"] = float(share[place, prompt])
    return found


def _wins(wins: Mapping[str, float | int | None], settings: Mapping[str, Any]) -> Section:
    seeds, groups = settings["sampled"]["seeds"], dict[str, dict[str, list[float]]]()
    for key, value in wins.items():
        arm, place = key.removeprefix("wins/").split("@")
        share = float(value or 0.0)
        error = (share * (1 - share) / seeds) ** 0.5
        groups.setdefault(arm, {})[place] = [share - error, share, share + error]
    text = (
        f"Sampled, G = {settings['group']}, {counted(seeds)}: share of runs that end with π(O) above ½, ± its standard "
    )
    text += "error."
    return bars("How often O wins", groups, "share of runs", text)


def _ratio(pi: Tensor) -> Tensor:
    return pi[..., 0, O] / pi[..., 0, H]


def _table(rows: list[dict[str, Any]], settings: Mapping[str, Any]) -> Table:
    columns = [
        Column("start", "(h, o, l) at the start"),
        Column("arm", "arm"),
        Column("trough", "π(O) smallest at step", "integer"),
        Column("fall", "fell by a factor", "number"),
        Column("sign_change", "advantage of H < 0 at", "integer"),
        Column("overtakes", "O over H at", "integer", "empty: not within these steps"),
        Column("end_o", "π(O) at the end", "number"),
    ]
    return Table(
        f"Stages in {settings['steps']} steps", columns, rows, "Mean-field; each start is a prompt of its own."
    )
