"""The verdict of a preflight: what plain GRPO did, whether a rule did better, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Verdict
from antigrad.core.significance import LEAST

Row = Mapping[str, Any]


def verdict_of(asked: Sequence[Row], mixed: Sequence[Row], table: Sequence[Row], baseline: str) -> Verdict:
    """Say in words, from the figures alone, what plain GRPO did and which rule did better.

    Args:
        asked: Rows of all questions.
        mixed: Rows of the questions that were measured.
        table: What `arm_table` gave.
        baseline: The arm compared with.

    Returns:
        The verdict, at the step size at which the baseline displaced most.
    """
    question = "Does one GRPO update push down the model's own correct answers?"
    plain = [line for line in table if line["arm"] == baseline and line["questions"]]
    if not mixed:
        answer = "It can't be measured here: no question had both correct and wrong answers."
        return Verdict(question, answer, counts(asked), "Try easier or harder questions, or more of them.")
    if not plain:
        answer = f"It can't be measured here: every update with the rule '{baseline}' broke the model."
        return Verdict(question, answer, "", "Try smaller step sizes (--step_sizes).", tone="bad")
    line = max(plain, key=lambda line: (line["lld_share"], line["lld_response_share"], line["step_size"]))
    lost, count, size = round(line["lld_share"] * line["questions"]), line["questions"], line["step_size"]
    share, any_lost = line["lld_response_share"], line["lld_response_share"] > 0 or line["lld_share"] > 0
    if any_lost:
        answer = (
            f"Yes: under {_plain(baseline)} at step size {size:g}, {share:.0%} of its distinct correct answers lost "
        )
        answer += f"likelihood; averaged over a question's answers, {lost or 'none'} of the {count} questions did."
    else:
        answer = f"No: none of them lost likelihood, on {count} questions and at every step size tried."
    others = [
        one
        for one in table
        if one["step_size"] == size and one["questions"] and one["arm"] != baseline
        if not math.isnan(one["against_baseline"])
    ]
    caveats = [counts(asked), "One update says who moves first, not what accuracy will be after a thousand."]
    best = max(others, key=lambda one: (one["verdict"], one["against_baseline"])) if others else None
    if best is not None:
        caveats.insert(0, _best(best, len(others), baseline))
    nothing = f"Nothing to fix on these questions: train with {_plain(baseline)}."
    advice = _advice(others, line) if any_lost else nothing
    error = "" if math.isnan(line["delta_correct_se"]) else f", standard error {line['delta_correct_se']:.2g}"
    sure = f"A sample of {count} questions: mean Δ {signed(line['delta_correct'])} nats{error}."
    return Verdict(question, answer, sure, advice, caveats, "bad" if any_lost else "good")


def _advice(others: Sequence[Row], plain: Row) -> str:
    """What to do where the baseline displaces: name a rule only if it is better beyond chance and displaces less.

    Args:
        others: Rules at the same step size.
        plain: The baseline.

    Returns:
        One line.
    """
    share, name = plain["lld_response_share"], plain["arm"]
    better = [one for one in others if one["verdict"] > 0]
    fewer = [one for one in better if one["lld_response_share"] < share]
    if not better:
        return f"No rule tried is distinguishable from '{name}' here: ask more (--questions) before choosing one."
    best = max(fewer or better, key=lambda one: (-one["lld_response_share"], one["against_baseline"]))
    gain = f"{signed(best['against_baseline'])} ± {best['against_baseline_se']:.2g} nats"
    if fewer:
        text = f"Train with '{best['arm']}': {best['lld_response_share']:.0%} of the correct answers lose instead of "
        return text + f"{share:.0%}, and relative to '{name}' it changes Δ by {gain}."
    text = (
        f"No rule tried displaces fewer answers. '{best['arm']}' raises their mean (relative to '{name}' by {gain}), "
    )
    return text + f"yet {best['lld_response_share']:.0%} lose."


def _best(best: Row, others: int, baseline: str) -> str:
    error = "" if math.isnan(best["against_baseline_se"]) else f" (standard error {best['against_baseline_se']:.2g})"
    gain = f"{signed(best['against_baseline'])} nats relative to '{baseline}'{error}"
    count = best["questions"]
    if best["verdict"] > 0:
        text = f"Of {others} other rules '{best['arm']}' raised the correct answers most: {gain}, better on "
        text += f"{best['better_than_baseline']} of {count} questions, losing likelihood on "
        return text + f"{round(best['lld_share'] * count)}."
    few = f" ({LEAST} questions or more are needed for a verdict)" if count < LEAST else ""
    if others == 1:
        return f"'{best['arm']}' is indistinguishable from '{baseline}' on {count} questions{few}: {gain}."
    text = f"None of the {others} other rules is distinguishable from '{baseline}' on {count} questions{few}; the "
    return text + f"highest mean is that of '{best['arm']}', {gain}."


def _plain(baseline: str) -> str:
    return "plain GRPO (rule 'none')" if baseline == "none" else f"the rule '{baseline}'"


def counts(asked: Sequence[Row]) -> str:
    """Count questions by what their groups are.

    Args:
        asked: Rows of questions.

    Returns:
        A sentence.
    """
    statuses = ("mixed", "all correct", "all wrong", "failed")
    found = {status: sum(row["status"] == status for row in asked) for status in statuses}
    text = ", ".join(f"{count} {status}" for status, count in found.items() if count)
    cut = sum(row.get("truncated", 0) for row in asked)
    text = f"Of {len(asked)} questions: {text}. Zero-variance groups have no advantage and are left out."
    return text + (f" {cut} answers were cut off at the length limit and judged as they stood." if cut else "")


def signed(value: float) -> str:
    """Write a figure with its sign.

    Args:
        value: The figure.

    Returns:
        Three digits.

    Example:
        >>> signed(-0.25)
        '−0.25'
    """
    return f"{value:+.3g}".replace("-", "−")
