"""Two equally rewarded correct actions against two graded ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from antigrad.core.page import Section
from antigrad.lab.figures import compared, lines, thin
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import H, O
from antigrad.lab.study import Result, missing, told
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
    rows = comparison(binary, odds, levels=levels, steps=settings["equal_steps"])
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
            comparison(graded, odds, levels=settings["graded_levels"], steps=settings["equal_steps"]),
            "o / h",
            f"{note} Accuracy is the mean reward.",
            log=True,
        ),
        lines("π(O) / π(H) over time", curves, "step", "o / h", note, yaxis={"type": "log"}),
    ]
    if missing(spread, numbers["graded_end/GRPO"]):
        return Result("open", says, numbers, sections)
    return Result(
        "mixed" if rises == 0 and staged else "disagrees" if rises == 0 else "agrees", says, numbers, sections
    )


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
