"""Best-of-N with its sampling law brought up to date every k steps, and every objective online and offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from antigrad.core.page import Column, Section, Table
from antigrad.lab.bandit import Bandit
from antigrad.lab.figures import bars, compared, lines, thin
from antigrad.lab.measures import divergences
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.objectives.reinforce_std import ReinforceStd
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.presets import peak
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, told
from antigrad.lab.table_one import NAMES
from antigrad.lab.trace import comparison


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `on_policy.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    at, periods, levels = settings["compare_at"], settings["periods"], settings["levels"]
    steps = sorted({*settings["keep"], at})
    for centre in settings["centres"]:
        name = NAMES[centre]
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
    both, table = _both(settings)
    numbers |= both
    far, near = (
        (numbers[f"bon/{NAMES[c]}/every={periods[0]},step={at}"] or 0)
        - (numbers[f"bon/{NAMES[c]}/every={periods[-1]},step={at}"] or 0)
        for c in settings["centres"]
    )
    first = NAMES[settings["centres"][0]]
    where = [f"every {period}: {told(numbers[f'bon/{first}/every={period},step={at}'])}" for period in periods]
    top = max(levels[settings["centres"][0]])
    when = [f"{told(numbers[f'bon/{first}/every={period},steps_to={top:g}'], 'd')}" for period in periods]
    says = (
        f"After {at} steps on {first} (peak away from the reference) Best-of-{settings['n']} reaches "
        f"{'; '.join(where)}; reward {top:g} takes it {', '.join(when)} steps. Fresh samples gain {far:.3f} there and "
        f"{near:.3f} on {NAMES[settings['centres'][1]]}, which overlaps."
    )
    sections += [_figure(settings, numbers), table]
    return Result("agrees" if far > near > 0 else "disagrees", says, numbers, sections)


def _distance(pi: Tensor, world: Bandit) -> Tensor:
    return divergences(pi, world)[0]


def _both(settings: Mapping[str, Any]) -> tuple[dict[str, float | int | None], Table]:
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
    for centre in settings["centres"]:
        levels = settings["levels"][centre]
        for law in ("online", "offline"):
            trace = simulate(peak([centre]), arms, eta, settings["steps"], law=law, keep="end", levels=levels)
            for place, arm in enumerate(trace.arms):
                rewards = trace.accuracy[:, place, 0, 0]
                for step in sorted({*settings["keep"], at}):
                    found[f"{law}/{arm}@{NAMES[centre]},step={step}"] = float(rewards[step])
                crossed = [int(trace.first(level)[0][place, 0, 0]) for level in levels]
                row: dict[str, Any] = {"peak": NAMES[centre], "arm": arm, "law": law, "reward": float(rewards[at])}
                to = {f"to_{n}": None if step < 0 else step for n, step in enumerate(crossed)}
                shown.append(row | {f"level_{n}": level for n, level in enumerate(levels)} | to)
    columns = [Column("peak", "reward"), Column("arm", "arm"), Column("law", "drawn from")]
    columns.append(Column("reward", f"reward at step {at}", "number", "equal steps"))
    for n in range(max(map(len, settings["levels"].values()))):
        columns.append(Column(f"level_{n}", "a reward of", "number"))
        columns.append(Column(f"to_{n}", "is reached at step", "integer", "equal accuracy; empty: not reached"))
    note = "Mean-field, one token, η = 1 (IPO 0.3)."
    return found, Table("Every objective at equal steps and at equal accuracy", columns, shown, note)


def _figure(settings: Mapping[str, Any], numbers: Mapping[str, float | int | None]) -> Section:
    at = settings["compare_at"]
    arms = list(dict.fromkeys(key.split("/")[1].split("@")[0] for key in numbers if key.startswith("online/")))
    groups = {
        f"{NAMES[centre]} {law}": {arm: [numbers[f"{law}/{arm}@{NAMES[centre]},step={at}"] or 0.0] for arm in arms}
        for centre in settings["centres"]
        for law in ("offline", "online")
    }
    note = "Mean-field, one token, η = 1 (IPO 0.3). Equal steps; the table below has equal accuracy."
    return bars(f"Reward after {at} steps", groups, "reward", note)
