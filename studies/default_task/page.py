"""The table of the search for a default task, in its page: every candidate, also those that failed."""

from __future__ import annotations

import statistics
from typing import Any

from studies.default_task.study import STEPS, read
from studies.default_task.tasks import CANDIDATES
from studies.page import EXPLANATION, fill, markdown

NAMES = [f"{name}@{size:g}" for name, size in STEPS]
HEADS = [f"{'AdamW' if name == 'adamw' else 'SGD'} {size:g}".replace("e-0", "e-") for name, size in STEPS]


def main() -> None:
    """Write the table of all candidates, and that of the held-out seed once it is measured."""
    rows = read()
    chosen, held_out = ([row for row in rows if (row["seed"] > 0) == late] for late in (False, True))
    tables = {"search": table(chosen)} | ({"held-out": table(held_out)} if held_out else {})
    fill(EXPLANATION / "default-task.md", tables)


def table(rows: list[dict[str, Any]]) -> str:
    """One line a candidate.

    Args:
        rows: Questions of one seed.

    Returns:
        The table, in the order in which they were tried.
    """
    head = ["task", "an answer", "mixed", "reward", "tokens", *HEADS, "mean Δ, AdamW 1e-5"]
    lines: list[list[str]] = []
    for candidate in CANDIDATES:
        own = [row for row in rows if row["task"] == candidate.name]
        if not own:
            continue
        mixed = [row for row in own if row["status"] == "mixed"]
        shares = [displaced(mixed, name) for name in NAMES]
        deltas = changes(mixed, "adamw@1e-05")
        lines.append(
            [
                candidate.name,
                candidate.shape,
                f"{len(mixed)} of {len(own)}",
                f"{sum(row['correct'] for row in own) / (8 * len(own)):.2f}",
                f"{statistics.mean(row['tokens'] for row in own):.0f}",
                *(f"{lost} of {count}" for lost, count in shares),
                f"{statistics.mean(deltas):+.2f}".replace("-", "−") if deltas else "",
            ]
        )
    return markdown(head, lines)


def changes(mixed: list[dict[str, Any]], step: str) -> list[float]:
    """Δ of every distinct correct answer.

    Args:
        mixed: Questions.
        step: Optimizer and step size.

    Returns:
        Nats; updates that broke the model have none.
    """
    return [change for row in mixed if not isinstance(row["deltas"][step], str) for change in row["deltas"][step]]


def displaced(mixed: list[dict[str, Any]], step: str) -> tuple[int, int]:
    """Count distinct correct answers that lost likelihood.

    Args:
        mixed: Questions.
        step: Optimizer and step size.

    Returns:
        How many, and of how many.
    """
    found = changes(mixed, step)
    return sum(change < 0 for change in found), len(found)
