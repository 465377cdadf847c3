"""Best-of-N with its sampling law brought up to date every k steps, and every objective online and offline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from antigrad.core.page import Column, Section, Table
from antigrad.lab.bandit import Bandit
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars, compared, lines, thin
from antigrad.lab.gaps import passage_gap
from antigrad.lab.measures import divergences
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.objectives.reinforce_std import ReinforceStd
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.presets import is_rare, peak
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, settle, told, within
from antigrad.lab.table_one import levels_of, name_of
from antigrad.lab.trace import Trace, comparison


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `on_policy.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    at, periods = min(settings["compare_at"], settings["steps"]), settings["periods"]
    settings = {**settings, "compare_at": at, "keep": within(settings["keep"], settings["steps"])}
    levels = {centre: levels_of(settings["levels"], centre) for centre in settings["centres"]}
    # A comparison at equal accuracy wants two levels.
    levels = {centre: some if len(some) > 1 else [*some, some[0] / 2] for centre, some in levels.items()}
    settings["levels"] = levels
    steps = sorted({*settings["keep"], at})
    for centre in settings["centres"]:
        name = name_of(centre)
        sweep = simulate(
            peak([centre]), [BestOfN(settings["n"])] * len(periods), 1.0, settings["steps"], law=periods
        )  # fmt: skip
        sweep = replace(sweep, arms=[f"every {period}" for period in periods])
        rewards = sweep.accuracy[..., 0, 0]  # (T, A)
        for place, period in enumerate(periods):
            numbers |= {f"bon/{name}/every={period},step={step}": float(rewards[step, place]) for step in steps}
        rows = comparison(sweep, partial(_distance, world=sweep.bandit), levels=levels[centre], steps=steps[1:])
        for row, period in zip(rows, periods * len(levels[centre]), strict=False):
            key = f"bon/{name}/every={period},steps_to={row.place:g}"
            numbers[key] = int(row.step) if row.reached else None
        shown = thin(len(rewards))
        curves = {arm: (shown, rewards[shown, place]) for place, arm in enumerate(sweep.arms)}
        text = "Mean-field, η = 1. Equal accuracy is read along a horizontal, equal steps along a vertical."
        sections.append(
            lines(f"Best-of-{settings['n']}, {name}: law brought up to date", curves, "step", "reward", text)
        )
        note = f"Mean-field, {name}, Best-of-{settings['n']}, η = 1."
        sections.append(compared(f"How far from the reference, {name}", rows, "KL(π‖π_ref), nats", note))
    both, table, traces = _both(settings)
    numbers |= both
    gained = [
        (numbers[f"bon/{name_of(c)}/every={periods[0]},step={at}"] or 0)
        - (numbers[f"bon/{name_of(c)}/every={periods[-1]},step={at}"] or 0)
        for c in settings["centres"]
    ]
    first = name_of(settings["centres"][0])
    where = [f"every {period}: {told(numbers[f'bon/{first}/every={period},step={at}'])}" for period in periods]
    top = max(levels[settings["centres"][0]])
    when = [f"{told(numbers[f'bon/{first}/every={period},steps_to={top:g}'], 'd')}" for period in periods]
    gains = ", ".join(f"{gain:.3f} on {name_of(c)}" for gain, c in zip(gained, settings["centres"], strict=True))
    says = (
        f"After {at} steps on {first} Best-of-{settings['n']} reaches "
        f"{'; '.join(where)}; reward {top:g} takes it {', '.join(when)} steps. Fresh samples gain {gains}."
    )
    sections += [_figure(settings, numbers), table]
    return settle(covered(traces, settings), says, numbers, sections)


def covered(traces: Mapping[tuple[int, str], Trace], settings: Mapping[str, Any]) -> list[Comparison]:
    """What the sentence covers of every objective: fresh samples help where the peak is rare, and more than elsewhere.

    Args:
        traces: By centre and law, `online` or `offline`.
        settings: Centres, steps, levels.

    Returns:
        The comparisons: rewards at steps, and steps to a reward, in logarithms where two peaks are compared.
    """
    rare = [centre for centre in settings["centres"] if is_rare(centre)]
    common = [centre for centre in settings["centres"] if not is_rare(centre)]
    steps = [step for step in settings["keep"] if step > 0][-2:]
    found: list[Comparison] = []
    for place, arm in enumerate(next(iter(traces.values())).arms):
        paths = {key: trace.accuracy[:, place, 0, 0] for key, trace in traces.items()}
        gain = {c: {s: float(paths[c, "online"][s] - paths[c, "offline"][s]) for s in steps} for c in {*rare, *common}}
        for centre in rare:
            says = f"on-policy {arm} above offline on {name_of(centre)}"
            found += [Comparison(says, "steps", f"step {step}", [gain[centre][step]]) for step in steps]
            for level in settings["levels"][centre]:
                passed = [first_passage(paths[centre, law], level) for law in ("online", "offline")]
                found.append(Comparison(says, "reward", f"reward {level:g}", [passage_gap(*passed)]))
            for other in common:
                says = f"{arm} gains more by it on {name_of(centre)} than on {name_of(other)}"
                found += [
                    Comparison(says, "steps", f"step {step}", [gain[centre][step] - gain[other][step]])
                    for step in steps
                ]
                shared = [one for one in settings["levels"][centre] if one in settings["levels"][other]]
                for level in shared:
                    found.append(
                        Comparison(says, "reward", f"reward {level:g}", [_speed_up(paths, level, centre, other)])
                    )
    return found


def first_passage(path: Tensor, level: float) -> tuple[float, bool]:
    """First step with at least a reward.

    Args:
        path: (T + 1) rewards.
        level: The reward.

    Returns:
        The step and True; T + 1 and False if it never comes.
    """
    reached = (path >= level).nonzero().flatten()
    return (float(reached[0]), True) if len(reached) else (float(len(path)), False)


def _speed_up(paths: Mapping[tuple[int, str], Tensor], level: float, rare: int, common: int) -> float:
    # How many times sooner fresh samples are at one peak over the other, in logarithms. What never comes bounds it.
    online, offline, known, spared = (
        first_passage(paths[centre, law], level)
        for centre, law in ((rare, "online"), (rare, "offline"), (common, "online"), (common, "offline"))
    )
    ratio = math.log(max(offline[0], 1) / max(online[0], 1)) - math.log(max(spared[0], 1) / max(known[0], 1))
    # A passage that never comes makes a factor larger or smaller than it looks: only one sign is sure.
    sure_up = online[1] and spared[1]
    sure_down = offline[1] and known[1]
    if online[1] and offline[1] and known[1] and spared[1]:
        return ratio
    return ratio if (sure_up and ratio > 0) or (sure_down and ratio < 0) else math.nan


def _distance(pi: Tensor, world: Bandit) -> Tensor:
    return divergences(pi, world)[0]


def _both(
    settings: Mapping[str, Any],
) -> tuple[dict[str, float | int | None], Table, dict[tuple[int, str], Trace]]:
    # Every objective online and offline, one token: rewards at the steps kept, first steps at the levels.
    arms: list[Objective] = [
        PrefFt(),
        BestOfN(settings["n"]),
        Rwr(),
        Reinforce(),
        ReinforceStd(),
        Ipo(),
        Dpo(),
        Dpo(1.0),
    ]
    eta = torch.tensor([[0.3 if isinstance(arm, Ipo) else 1.0] for arm in arms], dtype=torch.float64)
    found, shown, at = dict[str, float | int | None](), list[dict[str, Any]](), settings["compare_at"]
    traces: dict[tuple[int, str], Trace] = {}
    for centre in settings["centres"]:
        levels = settings["levels"][centre]
        for law in ("online", "offline"):
            trace = simulate(peak([centre]), arms, eta, settings["steps"], law=law, keep="end", levels=levels)
            traces[centre, law] = trace
            for place, arm in enumerate(trace.arms):
                rewards = trace.accuracy[:, place, 0, 0]
                for step in sorted({*settings["keep"], at}):
                    found[f"{law}/{arm}@{name_of(centre)},step={step}"] = float(rewards[step])
                crossed = [int(trace.first(level)[0][place, 0, 0]) for level in levels]
                row: dict[str, Any] = {"peak": name_of(centre), "arm": arm, "law": law, "reward": float(rewards[at])}
                to = {f"to_{n}": None if step < 0 else step for n, step in enumerate(crossed)}
                shown.append(row | {f"level_{n}": level for n, level in enumerate(levels)} | to)
    columns = [Column("peak", "reward"), Column("arm", "arm"), Column("law", "drawn from")]
    columns.append(Column("reward", f"reward at step {at}", "number", "equal steps"))
    for n in range(max(map(len, settings["levels"].values()))):
        columns.append(Column(f"level_{n}", "a reward of", "number"))
        columns.append(Column(f"to_{n}", "is reached at step", "integer", "equal accuracy; empty: not reached"))
    note = "Mean-field, one token, η = 1 (IPO 0.3)."
    return found, Table("Every objective at equal steps and at equal accuracy", columns, shown, note), traces


def _figure(settings: Mapping[str, Any], numbers: Mapping[str, float | int | None]) -> Section:
    at = settings["compare_at"]
    arms = list(dict.fromkeys(key.split("/")[1].split("@")[0] for key in numbers if key.startswith("online/")))
    groups = {
        f"{name_of(centre)} {law}": {arm: [numbers[f"{law}/{arm}@{name_of(centre)},step={at}"] or 0.0] for arm in arms}
        for centre in settings["centres"]
        for law in ("offline", "online")
    }
    note = "Mean-field, one token, η = 1 (IPO 0.3). Equal steps; the table below has equal accuracy."
    return bars(f"Reward after {at} steps", groups, "reward", note)
