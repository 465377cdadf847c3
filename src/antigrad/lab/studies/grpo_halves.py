"""GRPO, its positive and its negative half on three tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from antigrad.core.page import Column, Section, Table
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars, compared, masses
from antigrad.lab.gaps import above, passage_gap
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import H, O, Stages, stages
from antigrad.lab.studies.two_stage import NAMES
from antigrad.lab.study import Result, counted, settle, told
from antigrad.lab.trace import Row, comparison

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
    read: list[Comparison] = []
    for prompt, start in enumerate(starts):
        seen = stages(trace, prompt)
        read += overtaking(seen, start[O])
        for stage in seen:
            found = {"trough": stage.trough, "fall": stage.fall, "sign_change": stage.sign_change}
            found |= {"overtakes": stage.overtakes, "end_h": stage.end[H], "end_o": stage.end[O]}
            numbers |= {f"mean_field/{name}/{stage.arm}@o={start[O]:g}": value for name, value in found.items()}
            rows.append({"start": ", ".join(map(str, start)), **vars(stage), "end_o": stage.end[O]})
    wins, drawn, sampled = sampled_wins(settings)
    read += sampled
    numbers |= wins
    rare = min(start[O] for start in starts)
    over = {arm.label: numbers[f"mean_field/overtakes/{arm.label}@o={rare:g}"] for arm in ARMS}
    last_eta = settings["sampled"]["runs"][-1][0]
    won = {arm.label: wins[f"sampled/wins/{arm.label}@o={rare:g},eta={last_eta:g}"] or 0.0 for arm in ARMS}
    says = (
        f"From o = {rare:g} in the mean field and within {settings['steps']} steps O over H: "
        f"{told(over['GRPO'], 'd', 'step ')} (GRPO), {told(over['GRPO-P'], 'd', 'step ')} (positives only), "
        f"{told(over['GRPO-N'], 'd', 'step ')} (negatives only). Sampled at η = {last_eta:g} "
        f"with {settings['sampled']['seeds']} seeds O wins in {won['GRPO']:.0%}, {won['GRPO-P']:.0%} and "
        f"{won['GRPO-N']:.0%} of runs. To first order only positive advantages raise O; negatives alone give the "
        "freed mass back in proportion to the policy, which is to H."
    )
    rarest = next(start for start in starts if start[O] == rare)
    world_of_rare = three_token(rarest, settings["rewards"])
    alone = simulate(
        world_of_rare, ARMS, settings["eta"], max(settings["equal_steps"]), group=group,
        levels=settings["levels"], keep="all",
    )  # fmt: skip
    table = comparison(alone, _ratio, levels=settings["levels"], steps=settings["equal_steps"])
    for other in ("GRPO", "GRPO-P"):
        says_of = f"π(O) of GRPO-N above {other} from o = {rare:g}"
        read += above(alone, "GRPO-N", other, _rare, says_of, levels=settings["levels"], steps=settings["equal_steps"])
    paths = {arm: alone.pi[:, place, 0, 0, 0] for place, arm in enumerate(alone.arms)}
    note = f"Mean-field, G = {group}, η = {settings['eta']:g}, from {tuple(rarest)}."
    sections: list[Section] = [
        masses("Mass over time, arm by arm", paths, NAMES, note, {}),
        compared("π(O) / π(H), equal accuracy and equal steps", table, "o / h", note, log=True),
        _wins(wins, settings),
        compared("π(O) when the mean reward is the same", drawn, "π(O)", f"Sampled, G = {group}, η = {last_eta:g}, "
                 f"from {tuple(rarest)}, {counted(settings['sampled']['seeds'])}: mean and range."),
        _table(rows, settings),
    ]  # fmt: skip
    # Without an exploration stage nothing is prolonged towards it.
    return settle(read, says, numbers, sections, ready=bool(won["GRPO"]) or over["GRPO"] is not None)


def overtaking(seen: Sequence[Stages], o: float) -> list[Comparison]:
    """What the sentence covers of one start: with negatives only O gets over H, and sooner.

    Args:
        seen: Stages of the three arms.
        o: π(O) at the start.

    Returns:
        The comparisons, in steps.
    """
    when = {
        stage.arm: (float(stage.steps + 1 if stage.overtakes is None else stage.overtakes), stage.overtakes is not None)
        for stage in seen
    }
    return [
        Comparison(f"O over H sooner by GRPO-N than by {other} from o = {o:g}", "once", "",
                   [passage_gap(when["GRPO-N"], when[other])])
        for other in ("GRPO", "GRPO-P")
    ]  # fmt: skip


def sampled_wins(settings: Mapping[str, Any]) -> tuple[dict[str, float | int | None], list[Row], list[Comparison]]:
    """Share of sampled runs in which O has more than half of the mass at the end.

    Args:
        settings: With `sampled`: seeds, and pairs of step size and steps.

    Returns:
        `sampled/wins/ARM@o=…,eta=…` and its share; π(O) at equal mean reward and at equal steps, from the rarest O at
        the last step size; what the sentence covers of all of them.
    """
    given, found, rows, read = settings["sampled"], dict[str, float | int | None](), list[Row](), list[Comparison]()
    rare = min(start[O] for start in settings["starts"])
    for eta, steps in given["runs"]:
        for start in settings["starts"]:
            places = sorted({step for step in settings["equal_steps"] if step < steps} | {steps})
            trace = simulate(
                three_token(start, settings["rewards"]), ARMS, eta, steps, "sampled", group=settings["group"],
                seeds=given["seeds"], seed=given["seed"], keep=places, levels=settings["levels"],
            )  # fmt: skip
            share = (trace.at(steps)[..., 0, O] > 0.5).double().mean(-1)[:, 0]
            found |= {
                f"sampled/wins/{arm}@o={start[O]:g},eta={eta:g}": float(share[place])
                for place, arm in enumerate(trace.arms)
            }
            for other in ("GRPO", "GRPO-P"):
                says = f"π(O) of GRPO-N above {other} from o = {start[O]:g}, η = {eta:g}, drawn"
                read += above(trace, "GRPO-N", other, _rare, says, levels=settings["levels"], steps=places[-1:])
            if start[O] == rare:
                rows = comparison(trace, lambda pi: pi[..., 0, O], levels=settings["levels"], steps=places)
    return found, rows, read


def _wins(wins: Mapping[str, float | int | None], settings: Mapping[str, Any]) -> Section:
    seeds, groups = settings["sampled"]["seeds"], dict[str, dict[str, list[float]]]()
    for key, value in wins.items():
        arm, place = key.removeprefix("sampled/wins/").split("@")
        share = float(value or 0.0)
        error = (share * (1 - share) / seeds) ** 0.5
        groups.setdefault(arm, {})[place] = [share - error, share, share + error]
    text = (
        f"Sampled, G = {settings['group']}, {counted(seeds)}: share of runs that end with π(O) above ½, ± its standard "
    )
    text += "error."
    return bars("How often O wins", groups, "share of runs", text)


def _rare(pi: Tensor) -> Tensor:
    return pi[..., 0, O]


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
