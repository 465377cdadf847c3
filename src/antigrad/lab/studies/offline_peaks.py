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
from antigrad.lab.sampling import draw
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, counted
from antigrad.lab.table_one import NAMES, final, reached, scores
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
                numbers[f"exact/{arm}@{NAMES[centre]},step={step}"] = float(reward)
        rows = comparison(
            trace, lambda pi, world=trace.bandit: pi.amax((-1, -2)), levels=settings["levels"][centre],
            steps=settings["keep"][1:],
        )  # fmt: skip
        note = f"Mean-field, offline, {NAMES[centre]} (peak at {centre}), η = 1, IPO 0.3."
        sections.append(compared(f"Mass of the likeliest action, {NAMES[centre]}", rows, "largest probability", note))
        shown = [arm for arm in ("BoN10", "IPO(10)") if arm in trace.arms]
        laws = {arm: trace.pi[:, trace.arms.index(arm), 0, 0, 0] for arm in shown}
        sections.append(moving_law(f"The law over actions, {NAMES[centre]}", laws, trace.steps.tolist(), note))
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
    note = f"Token bandit, reward after {token['steps']} steps, {counted(len(token['seeds']))}: mean and range."
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
    note = f"Token bandit, at equal reward: first evaluation of {token['steps']} steps at which it is reached."
    sections.append(Table("The token bandit at equal accuracy", columns, passages, note))
    gain = {
        centre: (numbers[f"token/IPO(10)@{NAMES[centre]} offline"] or 0)
        / (numbers[f"token/BoN10@{NAMES[centre]} offline"] or 1)
        for centre in settings["centres"]
    }
    away, near = gain[settings["centres"][0]], gain[settings["centres"][1]]
    few = settings["data"]["draws"][0]
    says = (
        f"In the token bandit offline IPO earns {away:.2f} times what offline Best-of-N earns where the peak is away "
        f"from the reference (R1) and {near:.2f} times where it overlaps (R2), over {len(token['seeds'])} "
        f"seed{'s' if len(token['seeds']) > 1 else ''}. With one exact token offline IPO of margin 10 reaches "
        f"{numbers['exact/IPO(10)@R1,step=' + str(settings['keep'][-1])]:.3f} on R1 and Best-of-N "
        f"{numbers['exact/BoN10@R1,step=' + str(settings['keep'][-1])]:.3f}, but exact expectations cover everything: "
        f"RWR(0.1) reaches {numbers['exact/RWR(0.1)@R1,step=' + str(settings['keep'][-1])]:.3f} there, and "
        f"{numbers[f'data/RWR(0.1)@m={few}']:.3f} in the limit of data sets of {few} draws."
    )
    return Result("agrees" if away > near > 1 else "mixed" if away > 1 else "disagrees", says, numbers, sections)


def exact(centre: float, settings: Mapping[str, Any], *, law: str = "offline") -> Trace:
    """Follow every offline objective exactly.

    Args:
        centre: Of the reward.
        settings: Steps, margins.
        law: What is sampled.

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
        peak([centre]), arms, eta, settings["steps"], law="online" if law == "online" else "offline",
        keep=settings["keep"], levels=settings["levels"][centre],
    )  # fmt: skip


def data_limits(settings: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Reward of the law that likelihood methods converge to, on data sets of m draws of the reference, R1.

    Args:
        settings: With `data`: draws, seeds.

    Returns:
        Mean over data sets and their lowest tenth.
    """
    given, world, found = settings["data"], peak([settings["centres"][0]]), {}
    for count in given["draws"]:
        numbers = torch.Generator().manual_seed(given["seed"])
        uniforms = torch.rand(given["seeds"], 1, count, generator=numbers, dtype=torch.float64)
        actions = draw(world.reference.expand(given["seeds"], 1, -1), uniforms)
        law = torch.zeros(given["seeds"], 1, world.actions, dtype=torch.float64)
        law = law.scatter_add(-1, actions, torch.ones_like(uniforms)) / count
        flat = Policy(world.reference.log().expand(law.shape))
        for arm in (PrefFt(), BestOfN(), Rwr()):
            # The direction is q − π: adding π gives the law q that the method converges to.
            limit = accuracy(arm.expected(flat, Context(world, law)) + flat.p, world)
            found[f"data/{arm.label}@m={count}"] = float(limit.mean())
            found[f"data/{arm.label}@m={count}/lowest_tenth"] = float(limit.quantile(0.1))
    return found
