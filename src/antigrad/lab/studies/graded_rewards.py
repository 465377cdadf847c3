"""Two equally rewarded correct actions against two graded ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from antigrad.core.page import Section
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import compared, lines, thin
from antigrad.lab.gaps import at_places
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import H, O
from antigrad.lab.study import Result, missing, settle, told, within
from antigrad.lab.trace import Trace, comparison

ARMS = (Grpo(), GrpoP(), GrpoN())


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `graded_rewards.yaml`.

    Returns:
        What was found.
    """
    binary, graded = (_follow(settings, settings[key]) for key in ("binary", "graded"))
    levels = settings["levels"]
    steps_of = {key: within(settings["equal_steps"], settings[key]["steps"]) for key in ("binary", "graded")}
    rows = comparison(binary, odds, levels=levels, steps=steps_of["binary"])
    numbers: dict[str, float | int | None] = {
        f"odds/{row.arm}@p={row.place:g}": row.value for row in rows if row.at == "accuracy"
    }
    ratio = odds(binary.pi)[..., 0, 0]  # (T, A)
    rises = int((ratio.diff(dim=0) > 0).sum())
    numbers["rises"] = rises
    end = odds(graded.pi[-1])[:, 0, 0]
    numbers |= {f"graded_end/{arm}": float(value) for arm, value in zip(graded.arms, end, strict=True)}
    by_level = [[numbers[f"odds/{arm.label}@p={level:g}"] for arm in ARMS] for level in levels]
    gaps = [max(values) - min(values) for values in by_level if not missing(*values)]  # pyright: ignore[reportArgumentType]
    numbers["spread_at_equal_accuracy"] = spread = max(gaps, default=None)
    first = settings["start"][O] / settings["start"][H]
    staged = (numbers["graded_end/GRPO"] or 0.0) > 1
    says = (
        f"With rewards (1, 1, 0) o / h goes from {first:.4f} to {told(numbers[f'odds/GRPO@p={levels[-1]:g}'], '.4f')} "
        f"at accuracy {levels[-1]:g} and rises in {rises} of {ratio.numel() - ratio.shape[1]} steps of three arms, "
        f"which differ at equal accuracy by {told(spread, '.0e')}"
        f"{': one curve, and no second stage' if rises == 0 else ''}. With "
        f"rewards {tuple(settings['graded']['rewards'])} GRPO ends at o / h = {numbers['graded_end/GRPO']:.2g}."
    )
    if rises == 0 and staged:
        says += " The transition needs a best action that is rewarded more than a good one."
    note = f"Mean-field, G = {settings['group']}."
    steps = thin(len(ratio))
    curves = {f"(1, 1, 0) {arm}": (steps, ratio[steps, place]) for place, arm in enumerate(binary.arms)}
    path = odds(graded.pi)[..., 0, 0]
    steps = thin(len(path))
    curves |= {f"(0.8, 1, 0) {arm}": (steps, path[steps, place]) for place, arm in enumerate(graded.arms)}
    sections: list[Section] = [
        compared("Rewards (1, 1, 0): π(O) / π(H)", rows, "o / h", note),
        compared(
            "Rewards (0.8, 1, 0): π(O) / π(H)",
            comparison(graded, odds, levels=settings["graded_levels"], steps=steps_of["graded"]),
            "o / h",
            f"{note} Accuracy is the mean reward.",
            log=True,
        ),
        lines("π(O) / π(H) over time", curves, "step", "o / h", note, yaxis={"type": "log"}),
    ]
    return settle(covered(binary, levels, [*steps_of["binary"], settings["binary"]["steps"]])
                  + covered(graded, settings["graded_levels"], [*steps_of["graded"], settings["graded"]["steps"]]),
                  says, numbers, sections)  # fmt: skip


def covered(trace: Trace, levels: Sequence[float], steps: Sequence[int]) -> list[Comparison]:
    """What the sentence covers of one kind of rewards: once exploitation is over, O rises over H.

    Args:
        trace: The three arms.
        levels: Rewards.
        steps: Steps.

    Returns:
        The comparisons, of places after exploitation: 9 of 10 of what H, O and L can earn without O is earned.
    """
    rewards, reference = trace.bandit.rewards[0], trace.bandit.reference
    over = 0.9 * float(rewards[[H, 2]].max())
    found: list[Comparison] = []
    for place, arm in enumerate(trace.arms):

        def rises(pi: Tensor, place: int = place) -> Tensor:
            late = (pi[place] * rewards).sum(-1).mean(-1) >= over
            change = torch.log(odds(pi[place])) - torch.log(odds(reference))
            return torch.where(late, change, torch.nan)

        says = f"{arm} raises O over H after exploitation, rewards {tuple(rewards.tolist())}"
        found += at_places(trace, says, rises, levels=levels[-1:], steps=sorted(set(steps))[-1:])
    return found


def odds(pi: Tensor) -> Tensor:
    """π(O) / π(H).

    Args:
        pi: (..., 1, 3) probabilities.

    Returns:
        (...) ratios.
    """
    return pi[..., 0, O] / pi[..., 0, H]


def _follow(settings: Mapping[str, Any], case: Mapping[str, Any]) -> Trace:
    world = three_token(settings["start"], case["rewards"])
    return simulate(world, ARMS, case["eta"], case["steps"], group=settings["group"])
