"""Truncated vocabularies ÷ the full one on SmolLM2 with its own answers: time, and what they get wrong."""

from __future__ import annotations

import statistics
from typing import Any

import torch

from antigrad.core import InputValueError
from antigrad.core.streams import seeded
from antigrad.credit import CREDIT, Group, group_influence
from antigrad.credit.nthr import Nthr
from antigrad.language.measure import measure
from antigrad.language.policy import load_policy
from antigrad.language.rollouts import sample
from antigrad.language.tasks import load_task
from antigrad.objectives import group_advantages
from benchmarks.measure import paired_ratio, record

CHOICES = [("responses", 1), ("top_k", 8), ("top_k", 32), ("top_k", 128)]


def groups(questions: int) -> list[Any]:
    """Sample mixed groups of the embedded model's answers to the default task."""
    policy = load_policy("smollm2-135m-instruct")
    task = load_task("products", count=questions, seed=0)
    found: list[Any] = []
    for index, question in enumerate(task.questions):
        with seeded(0, "benchmark", index):
            rollouts = sample(policy, task, question, count=8, max_new_tokens=64, temperature=1.0)
        if bool(rollouts.correct.any()) and not bool(rollouts.correct.all()):
            found.append((rollouts, measure(policy, rollouts, temperature=1.0, rows_at_once=8)))
    if not found:
        raise InputValueError("no mixed group", "at least one", "ask more questions")
    return [policy.head(1.0), found]


def run(quick: bool, keep: bool) -> None:
    """Measure each choice against the full vocabulary, group by group."""
    head, sampled = groups(4 if quick else 12)

    def scored(rollouts: Any, seen: Any, known: bool, **options: Any) -> Any:
        log_probs = seen.log_probs if known else None
        where = (seen.hidden, rollouts.tokens, rollouts.mask, rollouts.correct, head)
        return group_influence(*where, log_probs=log_probs, **options)

    full = [scored(*group, known=False) for group in sampled]
    for name, top_k in CHOICES:
        options: dict[str, Any] = {"vocabulary": name, "top_k": top_k}
        cut = [scored(*group, known=True, **options) for group in sampled]
        errors, differ, negatives = [], 0, 0
        for (rollouts, _), exact, near in zip(sampled, full, cut, strict=True):
            wrong = rollouts.mask & ~rollouts.correct[:, None]
            errors.append(float((near.scores - exact.scores)[wrong].norm() / exact.scores[wrong].norm()))
            picked = [select(rollouts, influence) for influence in (exact, near)]
            differ, negatives = differ + int((picked[0] ^ picked[1]).sum()), negatives + int(wrong.sum())
        time = paired_ratio(
            lambda options=options: [scored(*group, known=True, **options) for group in sampled],
            lambda: [scored(*group, known=True) for group in sampled],
            2 if quick else 5,
        )
        record(
            {
                "name": f"vocabulary_{name}" + (f"_{top_k}" if name == "top_k" else ""),
                "what": "influence of a group with a truncated ÷ with the full vocabulary",
                **time,
                "target": None,
                "groups": len(sampled),
                "relative_error_mean": statistics.mean(errors),
                "relative_error_max": max(errors),
                "selected_tokens_that_differ": differ / negatives,
                "kept_rows_mean": statistics.mean(influence.kept for influence in cut),
                "missing_mass_mean": statistics.mean(influence.missing_mass for influence in cut),
                "bound_over_largest_score": statistics.mean(
                    float(influence.error_bound.max() / exact.scores.abs().max())
                    for influence, exact in zip(cut, full, strict=True)
                ),
            },
            keep=keep,
        )


def select(rollouts: Any, influence: Any) -> torch.Tensor:
    """Which wrong tokens NTHR would weaken (anchor others, the one that selects many)."""
    rule = CREDIT.make("nthr(anchor=others)")
    assert isinstance(rule, Nthr)
    advantages = group_advantages(rollouts.correct.float())
    return rule.select(Group(rollouts.tokens, rollouts.mask, rollouts.correct, advantages, influence))
