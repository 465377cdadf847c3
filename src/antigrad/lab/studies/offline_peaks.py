"""Offline objectives on a peaked reward: exact, on data sets, and on the token bandit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from antigrad.core.page import Column, Section, Table
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars, compared, moving_law
from antigrad.lab.gaps import above, sooner
from antigrad.lab.measures import accuracy
from antigrad.lab.objective import Context, Objective, Policy
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.mle import Mle
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.objectives.slic import Slic
from antigrad.lab.presets import is_rare, peak
from antigrad.lab.sampling import empirical_laws
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, counted, settle, told, within
from antigrad.lab.table_one import EVERY, final, levels_of, name_of, paths, reached, scores, trained
from antigrad.lab.trace import Trace, comparison
from antigrad.lab.training import Arm, Score


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `offline_peaks.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    read: list[Comparison] = []
    levels = {centre: levels_of(settings["levels"], centre) for centre in settings["centres"]}
    levels = {centre: some if len(some) > 1 else [*some, some[0] / 2] for centre, some in levels.items()}
    settings = {**settings, "keep": within(settings["keep"], settings["steps"]), "levels": levels}
    first = settings["centres"][0]
    for centre in settings["centres"]:
        trace = exact(centre, settings)
        read += covered(trace, centre, levels[centre]) if is_rare(centre) else []
        for place, arm in enumerate(trace.arms):
            for step, reward in zip(
                trace.steps.tolist(), accuracy(trace.pi[:, place, 0, 0], trace.bandit), strict=True
            ):
                numbers[f"mean_field/{arm}@{name_of(centre)},step={step}"] = float(reward)
        rows = comparison(
            trace, lambda pi, world=trace.bandit: pi.amax((-1, -2)), levels=settings["levels"][centre],
            steps=settings["keep"][1:],
        )  # fmt: skip
        note = f"Mean-field, offline, {name_of(centre)} (peak at {centre}), η = 1, IPO 0.3."
        sections.append(compared(f"Mass of the likeliest action, {name_of(centre)}", rows, "largest probability", note))
        shown = [arm for arm in ("BoN10", "IPO(10)") if arm in trace.arms]
        laws = {arm: trace.pi[:, trace.arms.index(arm), 0, 0, 0] for arm in shown}
        sections.append(moving_law(f"The law over actions, {name_of(centre)}", laws, trace.steps.tolist(), note))
        drawn, chart, sets = on_data_sets(centre, settings)
        read += covered(sets, centre, levels[centre]) if is_rare(centre) else []
        numbers |= drawn
        sections.append(chart)
    numbers |= data_limits(settings)
    token = settings["token"]
    found = scores("token", tuple(token["seeds"]), token["steps"], tuple(settings["centres"]))
    read += on_tokens(found, settings)
    groups: dict[str, dict[str, list[float]]] = {}
    for objective in ("BoN10", "IPO(10)"):
        groups[objective] = {
            f"{name_of(centre)} {where}": final(found, f"{where} {objective}", centre)
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
            "place": f"{name_of(centre)} {where}",
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
    earned = {
        (arm, c): numbers[f"token/{arm}@{name_of(c)} offline"] or math.nan
        for arm in ("IPO(10)", "BoN10")
        for c in settings["centres"]
    }
    lies = {c: "away from" if is_rare(c) else "overlapping with" for c in settings["centres"]}
    gains = ", ".join(
        f"{told(earned['IPO(10)', c] / earned['BoN10', c], '.2f')} times on {name_of(c)} (peak {lies[c]} the reference)"
        for c in settings["centres"]
    )
    few, last, one = settings["data"]["draws"][0], settings["keep"][-1], name_of(first)
    exactly = {
        arm: told(numbers.get(f"mean_field/{arm}@{one},step={last}")) for arm in ("IPO(10)", "BoN10", "RWR(0.1)")
    }
    m = settings["sets"]["draws"]
    on_sets = ", ".join(
        f"{arm} {told(numbers[f'dataset/{arm}@{one},m={m}'])}" for arm in ("IPO(10)", "BoN10", "RWR(0.1)")
    )
    says = (
        f"In the token bandit offline IPO earns, as a multiple of offline Best-of-N, {gains}, over "
        f"{counted(len(token['seeds']))}. With one token and exact expectations, which cover everything, offline IPO "
        f"of margin 10 reaches {exactly['IPO(10)']} on {one}, Best-of-N {exactly['BoN10']} and RWR(0.1), which has no "
        f"negative gradient, {exactly['RWR(0.1)']}, the latter "
        f"{numbers[f'dataset/limit/RWR(0.1)@m={few}']:.3f} in the limit of data sets of {few} draws. On data sets of "
        f"{m} draws: {on_sets}."
    )
    return settle(read, says, numbers, sections, ready=any(map(is_rare, settings["centres"])))


SUPERVISED = ("Pref-FT", "BoN10", "RWR(0.1)", "RWR(1)", "MLE")
"""Arms without a negative gradient; all others have one."""


def covered(trace: Trace, centre: float, levels: Sequence[float]) -> list[Comparison]:
    """What the sentence covers of one exact or dataset trace: each negative gradient above each supervised method.

    Args:
        trace: Offline arms.
        centre: Of the reward.
        levels: Rewards.

    Returns:
        The comparisons: rewards at the last step, and who gets to a reward first.
    """
    note = f" on {name_of(centre)}" + (", data sets" if trace.tier == "dataset" else "")

    def earned(pi: Tensor) -> Tensor:
        return accuracy(pi, trace.bandit)

    found: list[Comparison] = []
    last = int(trace.steps[-1])
    for arm in trace.arms:
        for other in trace.arms:
            if arm not in SUPERVISED and other in SUPERVISED:
                says = f"{arm} above {other}{note}"
                found += above(trace, arm, other, earned, says, steps=[last])
                found += sooner(trace, arm, other, says, levels)
    return found


def on_tokens(found: Sequence[tuple[Arm, Score]], settings: Mapping[str, Any]) -> list[Comparison]:
    """What the sentence covers of the token bandit, and that the advantage is larger where the peak is rare.

    Args:
        found: What `scores` gave.
        settings: Centres and levels.

    Returns:
        The comparisons over seeds.
    """
    rare = [centre for centre in settings["centres"] if is_rare(centre)]
    common = [centre for centre in settings["centres"] if not is_rare(centre)]
    known = {(arm.name, arm.centre) for arm, _ in found}
    read: list[Comparison] = []
    for centre in rare:
        for arm in ("offline IPO(10)", "offline DPO(0.1)"):
            for other in ("offline BoN10", "offline Pref-FT", "offline RWR(1)"):
                if {(arm, centre), (other, centre)} <= known:
                    read += trained(found, arm, other, centre, settings["token"]["levels"], ", tokens")
        for other in common:
            gaps = [a - b for a, b in zip(_log_gain(found, centre), _log_gain(found, other), strict=False)]
            says = f"IPO over Best-of-N larger on {name_of(centre)} than on {name_of(other)}, tokens"
            read.append(Comparison(says, "steps", f"step {settings['token']['steps']}", gaps, "trained", exact=False))
    return read


def _log_gain(found: Sequence[tuple[Arm, Score]], centre: float) -> list[float]:
    # Logarithm of what offline IPO earns at the last step over what Best-of-N earns, by seed.
    pairs = zip(*(paths(found, f"offline {arm}", centre) for arm in ("IPO(10)", "BoN10")), strict=False)
    return [math.log(max(a[max(a)], 1e-9) / max(b[max(b)], 1e-9)) for a, b in pairs]


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


def on_data_sets(centre: int, settings: Mapping[str, Any]) -> tuple[dict[str, float | int | None], Section, Trace]:
    """Follow offline objectives on small data sets of the reference, one per seed.

    Args:
        centre: Of the reward.
        settings: With `sets`: draws, seeds, steps.

    Returns:
        Last rewards, means over data sets, the comparison of the mass on actions that were not drawn, and the trace.
    """
    given = settings["sets"]
    arms: list[Objective] = [PrefFt(), BestOfN(), Rwr(), Ipo(10.0), Dpo(), Mle()]
    eta = torch.tensor([[0.3 if isinstance(arm, Ipo) else 1.0] for arm in arms], dtype=torch.float64)
    places = sorted({step for step in settings["keep"] if 0 < step < given["steps"]} | {given["steps"]})
    trace = simulate(
        peak([centre]), arms, eta, given["steps"], "dataset", draws=given["draws"], seeds=given["seeds"],
        seed=given["seed"], keep=places, levels=settings["levels"][centre],
    )  # fmt: skip
    rewards = trace.accuracy[-1, :, 0].mean(-1)
    found: dict[str, float | int | None] = {
        f"dataset/{arm}@{name_of(centre)},m={given['draws']}": float(reward)
        for arm, reward in zip(trace.arms, rewards, strict=True)
    }
    unseen = empirical_laws(trace.bandit.reference, given["draws"], given["seeds"], given["seed"]) == 0
    rows = comparison(trace, lambda pi: (pi * unseen).sum((-1, -2)), levels=settings["levels"][centre], steps=places)
    note = f"Dataset: {given['draws']} draws of the reference, {counted(given['seeds'], 'data set')}, mean and range; "
    note += f"{name_of(centre)}, η = 1, IPO 0.3. Only data sets that get there count at equal accuracy."
    return (
        found,
        compared(f"Mass on actions that a data set lacks, {name_of(centre)}", rows, "probability", note),
        trace,
    )


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
