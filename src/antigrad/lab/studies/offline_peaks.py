"""Offline objectives on a peaked reward: exact, on data sets, and on the token bandit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from antigrad.core.page import Column, Section, Table
from antigrad.lab.figures import bars, compared, moving_law
from antigrad.lab.measures import accuracy
from antigrad.lab.objective import Context, Objective, Policy
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.objectives.slic import Slic
from antigrad.lab.presets import peak
from antigrad.lab.sampling import empirical_laws
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, counted, missing, told
from antigrad.lab.table_one import EVERY, NAMES, final, reached, scores
from antigrad.lab.trace import Trace, comparison


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `offline_peaks.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    for centre in settings["centres"]:
        trace = exact(centre, settings)
        for place, arm in enumerate(trace.arms):
            for step, reward in zip(
                trace.steps.tolist(), accuracy(trace.pi[:, place, 0, 0], trace.bandit), strict=True
            ):
                numbers[f"mean_field/{arm}@{NAMES[centre]},step={step}"] = float(reward)
        rows = comparison(
            trace, lambda pi, world=trace.bandit: pi.amax((-1, -2)), levels=settings["levels"][centre],
            steps=settings["keep"][1:],
        )  # fmt: skip
        note = f"Mean-field, offline, {NAMES[centre]} (peak at {centre}), η = 1, IPO 0.3."
        sections.append(compared(f"Mass of the likeliest action, {NAMES[centre]}", rows, "largest probability", note))
        shown = [arm for arm in ("BoN10", "IPO(10)") if arm in trace.arms]
        laws = {arm: trace.pi[:, trace.arms.index(arm), 0, 0, 0] for arm in shown}
        sections.append(moving_law(f"The law over actions, {NAMES[centre]}", laws, trace.steps.tolist(), note))
        drawn, chart = on_data_sets(centre, settings)
        numbers |= drawn
        sections.append(chart)
    numbers |= data_limits(settings)
    token = settings["token"]
    found = scores("token", tuple(token["seeds"]), token["steps"])
    groups: dict[str, dict[str, list[float]]] = {}
    for objective in ("BoN10", "IPO(10)"):
        groups[objective] = {
            f"{NAMES[centre]} {where}": final(found, f"{where} {objective}", centre)
            for centre in settings["centres"]
            for where in ("offline", "on-policy T=10")
        }
    for objective, cells in groups.items():
        for place, values in cells.items():
            numbers[f"token/{objective}@{place}"] = sum(values) / len(values)
    trained = f"Trained transformer (token bandit), {counted(len(token['seeds']))}"
    note = f"{trained}: reward after {token['steps']} steps, mean and range; equal accuracy is in the table below."
    sections.append(bars("The token bandit", groups, "reward", note))
    passages = [
        {
            "arm": objective,
            "place": f"{NAMES[centre]} {where}",
            **{f"to_{level:g}": reached(found, f"{where} {objective}", centre, level) for level in token["levels"]},
        }
        for objective in groups
        for centre in settings["centres"]
        for where in ("offline", "on-policy T=10")
    ]
    columns = [Column("arm", "arm"), Column("place", "reward and data")]
    columns += [
        Column(f"to_{level:g}", f"steps to reward {level:g}", "integer", "empty: not reached")
        for level in token["levels"]
    ]
    note = f"{trained}: first evaluation, every {EVERY} steps up to {token['steps']}, at which a reward is reached."
    sections.append(Table("The token bandit at equal accuracy", columns, passages, note))
    gain = {
        centre: (numbers[f"token/IPO(10)@{NAMES[centre]} offline"] or 0)
        / (numbers[f"token/BoN10@{NAMES[centre]} offline"] or 1)
        for centre in settings["centres"]
    }
    away, near = gain[settings["centres"][0]], gain[settings["centres"][1]]
    few, last = settings["data"]["draws"][0], settings["keep"][-1]
    exactly = {arm: told(numbers.get(f"mean_field/{arm}@R1,step={last}")) for arm in ("IPO(10)", "BoN10", "RWR(0.1)")}
    m = settings["sets"]["draws"]
    on_sets = {
        (arm, name): told(numbers[f"dataset/{arm}@{name},m={m}"])
        for arm in ("IPO(10)", "BoN10")
        for name in ("R1", "R2")
    }
    says = (
        f"In the token bandit offline IPO earns {away:.2f} times what offline Best-of-N earns where the peak is away "
        f"from the reference (R1) and {near:.2f} times where it overlaps (R2), over {counted(len(token['seeds']))}. "
        f"With one token and exact expectations, which cover everything, offline IPO of margin 10 reaches "
        f"{exactly['IPO(10)']} on R1, Best-of-N {exactly['BoN10']} and RWR(0.1) {exactly['RWR(0.1)']}, the latter "
        f"{numbers[f'dataset/limit/RWR(0.1)@m={few}']:.3f} in the limit of data sets of {few} draws. On data sets of "
        f"{m} draws IPO reaches {on_sets['IPO(10)', 'R1']} on R1 and {on_sets['IPO(10)', 'R2']} on R2, Best-of-N "
        f"{on_sets['BoN10', 'R1']} and {on_sets['BoN10', 'R2']}."
    )
    if missing(away, near):
        return Result("open", says, numbers, sections)
    return Result("agrees" if away > near > 1 else "mixed" if away > 1 else "disagrees", says, numbers, sections)


def exact(centre: float, settings: Mapping[str, Any]) -> Trace:
    """Follow every offline objective exactly.

    Args:
        centre: Of the reward.
        settings: Steps, margins.

    Returns:
        The trace.
    """
    arms: list[Objective] = [
        PrefFt(),
        BestOfN(),
        Rwr(),
        *(Ipo(margin) for margin in settings["margins"]),
        Dpo(),
        Dpo(1.0),
    ]
    arms.append(Slic(10.0))
    eta = torch.tensor([[0.3 if isinstance(arm, Ipo) else 1.0] for arm in arms], dtype=torch.float64)
    return simulate(
        peak([centre]), arms, eta, settings["steps"], law="offline",
        keep=settings["keep"], levels=settings["levels"][centre],
    )  # fmt: skip


def on_data_sets(centre: int, settings: Mapping[str, Any]) -> tuple[dict[str, float | int | None], Section]:
    """Follow offline objectives on small data sets of the reference, one a seed.

    Args:
        centre: Of the reward.
        settings: With `sets`: draws, seeds, steps.

    Returns:
        Last rewards, means over data sets, and the comparison of the mass on actions that were not drawn.
    """
    given = settings["sets"]
    arms: list[Objective] = [PrefFt(), BestOfN(), Rwr(), Ipo(10.0), Dpo()]
    eta = torch.tensor([[0.3 if isinstance(arm, Ipo) else 1.0] for arm in arms], dtype=torch.float64)
    places = sorted({step for step in settings["keep"] if 0 < step < given["steps"]} | {given["steps"]})
    trace = simulate(
        peak([centre]), arms, eta, given["steps"], "dataset", draws=given["draws"], seeds=given["seeds"],
        seed=given["seed"], keep=places, levels=settings["levels"][centre],
    )  # fmt: skip
    rewards = trace.accuracy[-1, :, 0].mean(-1)
    found: dict[str, float | int | None] = {
        f"dataset/{arm}@{NAMES[centre]},m={given['draws']}": float(reward)
        for arm, reward in zip(trace.arms, rewards, strict=True)
    }
    unseen = empirical_laws(trace.bandit.reference, given["draws"], given["seeds"], given["seed"]) == 0
    rows = comparison(trace, lambda pi: (pi * unseen).sum((-1, -2)), levels=settings["levels"][centre], steps=places)
    note = f"Dataset: {given['draws']} draws of the reference, {counted(given['seeds'], 'data set')}, mean and range; "
    note += f"{NAMES[centre]}, η = 1, IPO 0.3. Only data sets that get there count at equal accuracy."
    return found, compared(f"Mass on actions that a data set lacks, {NAMES[centre]}", rows, "probability", note)


def data_limits(settings: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Reward of the law that likelihood methods converge to, on data sets of m draws of the reference, R1.

    Args:
        settings: With `data`: draws, seeds.

    Returns:
        Mean over data sets and their lowest tenth.
    """
    given, world, found = settings["data"], peak([settings["centres"][0]]), {}
    for count in given["draws"]:
        law = empirical_laws(world.reference, count, given["seeds"], given["seed"])
        flat = Policy(world.reference.log().expand(law.shape))
        for arm in (PrefFt(), BestOfN(), Rwr()):
            # The direction is q − π: adding π gives the law q that the method converges to.
            limit = accuracy(arm.expected(flat, Context(world, law)) + flat.p, world)
            found[f"dataset/limit/{arm.label}@m={count}"] = float(limit.mean())
            found[f"dataset/limit/{arm.label}@m={count}/lowest_tenth"] = float(limit.quantile(0.1))
    return found
