"""A correct and a wrong action that resemble each other: one update of GRPO and of NTHR-like rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.page import Column, Section, Table
from antigrad.lab.bandit import Bandit
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars
from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.objectives.nthr import Nthr
from antigrad.lab.study import Result, settle, told

ARMS: tuple[Objective, ...] = (
    Grpo(),
    GrpoP(),
    Nthr(eta=0.0),
    Nthr(eta=0.0, anchor="others"),
    Nthr(beta=0.0, eta=0.0),
)


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `displacement.yaml`.

    Returns:
        What was found.

    Raises:
        InputValueError: There is no step.
    """
    if not settings["eta"] > 0:
        raise InputValueError(f"eta={settings['eta']}", "a step size above 0", "0.001 is the study's")
    numbers: dict[str, float | int | None] = {}
    rows: list[dict[str, Any]] = []
    for cosine in settings["cosines"]:
        world, batch = fixed_group(settings, cosine)
        for arm in ARMS:
            change = one_step(arm, world, batch, settings["eta"])
            picked = selected(arm, world, batch)
            # One update has no path; what it gives per accuracy gained is its comparison at equal accuracy.
            gained = float((world.reference * world.correct * change).sum())
            ratio = float(change[0]) / gained if gained > 0 else None
            for action in range(3):
                numbers[f"{arm.label}@{cosine:g}/action={action}"] = float(change[action])
            numbers |= {f"{arm.label}@{cosine:g}/selected": picked, f"{arm.label}@{cosine:g}/accuracy": gained}
            numbers[f"{arm.label}@{cosine:g}/action=0/per_accuracy"] = ratio
            row: dict[str, Any] = {"cosine": cosine, "arm": arm.label, "selected": picked, "gained": gained}
            rows.append(row | {"each": ratio} | {f"a{i}": float(change[i]) for i in range(3)})
    near, far = settings["cosines"][0], settings["cosines"][-1]

    def of(arm: Objective, cosine: float) -> float:
        return numbers[f"{arm.label}@{cosine:g}/action=0"] or 0.0

    def each(arm: Objective, cosine: float) -> float | int | None:
        return numbers[f"{arm.label}@{cosine:g}/action=0/per_accuracy"]

    grpo, positive, plain, others, zero = ARMS
    picked = numbers[f"{plain.label}@{near:g}/selected"]
    untouched = all(numbers[f"{arm.label}@{far:g}/selected"] == 0 for arm in (plain, others, zero))
    worse = of(positive, far) < of(grpo, far)
    says = (
        f"At cosine {near:g} one GRPO step changes ln π of the correct action by {of(grpo, near):+.4f} per unit "
        f"step{': displacement' if of(grpo, near) < 0 else ', which is no displacement'}. The rule gives "
        f"{of(others, near):+.4f} with the anchor on others and {of(zero, near):+.4f} with β = 0; the inclusive "
        f"anchor selects {picked} of 6 ({of(plain, near):+.4f}). At cosine {far:g} the rule "
        f"{'selects nothing' if untouched else 'still selects'} ({of(zero, far):+.4f}), and positives only is "
        f"{'worse' if worse else 'better'} than GRPO there at equal steps ({of(positive, far):+.4f} against "
        f"{of(grpo, far):+.4f}); per accuracy gained it gives {told(each(positive, far), '+.2f')} against "
        f"{told(each(grpo, far), '+.2f')}."
    )
    groups = {arm.label: {f"cosine {cosine:g}": [of(arm, cosine)] for cosine in settings["cosines"]} for arm in ARMS}
    note = "Sampled: one update of a fixed group of eight; tangent influence, η = 0 on selected samples."
    columns = [
        Column("cosine", "cosine", "number"),
        Column("arm", "arm"),
        Column("a0", "action 0 (correct)", "signed"),
        Column("each", "action 0, equal accuracy", "signed", "per unit of accuracy gained; empty: none was"),
        Column("gained", "accuracy gained", "signed", "per unit step"),
        Column("selected", "selected of 6", "integer"),
        Column("a1", "action 1 (correct)", "signed"),
        Column("a2", "action 2 (wrong)", "signed"),
    ]
    sections: list[Section] = [
        bars("Change of ln π of the correct action that a wrong one resembles", groups, "per unit step", note),
        Table(
            "All changes",
            columns,
            rows,
            f"{note} Changes of ln π per unit step are at equal steps, those of “equal accuracy” at equal accuracy.",
        ),
    ]
    # The sentence is about wrong responses that resemble correct ones.
    alike = [cosine for cosine in settings["cosines"] if cosine > 0.5]
    return settle(covered(numbers, alike), says, numbers, sections, ready=bool(alike))


def covered(numbers: Mapping[str, float | int | None], cosines: Sequence[float]) -> list[Comparison]:
    """What the sentence covers: the fall, what the penalties do to it, and what each rule does.

    Args:
        numbers: Changes of the correct action and its changes per accuracy gained.
        cosines: Those of responses that resemble each other.

    Returns:
        The comparisons; one update has no path, so that equal reward is per accuracy gained.
    """
    found: list[Comparison] = []
    grpo, positive, *rules = (arm.label for arm in ARMS)
    for cosine in cosines:
        place = f"cosine {cosine:g}"

        def of(arm: str, what: str = "action=0", cosine: float = cosine) -> float:
            value = numbers[f"{arm}@{cosine:g}/{what}"]
            return math.nan if value is None else value

        def each(arm: str, of: Any = of) -> float:
            return of(arm, "action=0/per_accuracy")

        found.append(Comparison("GRPO lowers the correct action", "steps", place, [-of(grpo)], "sampled"))
        says = "the penalties lower it: GRPO below positives only"
        found.append(Comparison(says, "steps", place, [of(positive) - of(grpo)], "sampled"))
        gap = each(positive) - each(grpo)
        found.append(Comparison(says, "reward", f"{place}, per accuracy", [gap], "sampled"))
        for rule in rules:
            says = f"{rule} fixes it: no fall, and above GRPO"
            found.append(Comparison(says, "steps", place, [of(rule) - max(of(grpo), 0.0)], "sampled"))
            gap = each(rule) - max(each(grpo), 0.0)
            found.append(Comparison(says, "reward", f"{place}, per accuracy", [gap], "sampled"))
    return found


def fixed_group(settings: Mapping[str, Any], cosine: float) -> tuple[Bandit, Batch]:
    """The bandit whose actions 0 and 2 have features of some cosine, and a group drawn from it.

    Args:
        settings: Policy, actions.
        cosine: Of the features of actions 0 and 2.

    Returns:
        Both.

    Raises:
        InputValueError: They do not fit each other.
    """
    size = len(settings["policy"])
    if size < 3 or max(settings["actions"]) >= size or not -1 <= cosine <= 1:
        given = f"policy of {size}, actions {settings['actions']}, cosine {cosine:g}"
        raise InputValueError(given, "three actions or more, those of the policy, a cosine", "count actions from 0")
    pi = torch.tensor([settings["policy"]], dtype=torch.float64)
    features = torch.eye(pi.shape[-1], dtype=torch.float64)
    features[2, :3] = torch.tensor([cosine, 0.0, (1 - cosine**2) ** 0.5])
    rewards = (torch.arange(pi.shape[-1]) < settings["correct"]).to(torch.float64)[None]
    world = Bandit(rewards, pi, action_kernel=features @ features.T)
    actions = torch.tensor([settings["actions"]])
    log_probs = world.reference.log().gather(-1, actions)
    return world, Batch(
        actions, rewards.gather(-1, actions), log_probs, log_probs, log_probs, Policy(world.reference.log())
    )


def one_step(arm: Objective, world: Bandit, batch: Batch, eta: float) -> Tensor:
    """Change of log-probabilities by one update, divided by its size.

    Args:
        arm: The objective.
        world: With its action kernel.
        batch: One group.
        eta: η.

    Returns:
        (V,) changes.
    """
    ctx = Context(world, world.reference, batch.actions.shape[-1])
    z = batch.policy.log + eta * world.share(arm.sampled(batch, ctx))
    return ((Policy.of(z).log - batch.policy.log) / eta)[0]


def selected(arm: Objective, world: Bandit, batch: Batch) -> int:
    """Number of samples that an NTHR-like rule down-weights.

    Args:
        arm: Any objective.
        world: With its action kernel.
        batch: One group.

    Returns:
        The number; 0 for other objectives.
    """
    if not isinstance(arm, Nthr):
        return 0
    ctx = Context(world, world.reference, batch.actions.shape[-1])
    return int((arm.weigh(batch, ctx) != Grpo().weigh(batch, ctx)).sum())
