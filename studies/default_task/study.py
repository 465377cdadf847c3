"""Is there a short task on which SmolLM2-135M displaces its own correct answers under plain GRPO?

Every candidate is tried with the same question count, group size and step sizes, AdamW and SGD; every row is kept,
also of those that fail. The share of displaced correct answers chooses; a seed that was not looked at confirms.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.measure import environment
from studies.default_task.tasks import CANDIDATES, Candidate

from antigrad.core import AntigradError
from antigrad.core.streams import seeded
from antigrad.language.measure import measure
from antigrad.language.policy import Policy, load_policy
from antigrad.language.rollouts import sample
from antigrad.language.tasks import Question, Task
from antigrad.objectives import Grpo, group_advantages
from antigrad.posttraining.diagnose.rows import status_of
from antigrad.posttraining.diagnose.update import Snapshot, Stepper, accumulate

ROWS = Path(__file__).parent / "results" / "default_task.jsonl"
SEEDS = (0, 1)
"""The second is held out: it is measured for the chosen candidates only, and chooses nothing."""
QUESTIONS, ROLLOUTS = 5, 8
STEPS = (("adamw", 1e-6), ("adamw", 1e-5), ("sgd", 1e-3), ("sgd", 1e-2))
MINUTES = 7.0


def run(quick: bool, keep: bool) -> None:
    """Try what was not tried yet, for some minutes; what is kept is one line a question, as it is measured."""
    if quick:
        policy, steps = load_policy("tiny"), STEPS[1:3]
        stepper = {name: Stepper(policy, name) for name, _ in steps}
        question = partial(ask, policy, Snapshot(policy.model), stepper, steps)
        print(json.dumps(list(rows_of(question, Candidate("tiny_arithmetic", "", None), 0, range(2)))))
        return
    if search([(candidate, SEEDS[0]) for candidate in CANDIDATES], keep):
        search([(candidate, SEEDS[1]) for candidate in best(2)], keep)


def best(count: int) -> list[Candidate]:
    """Choose by the share of displaced correct answers on the first seed, over both steps of AdamW, by nothing else.

    Args:
        count: How many.

    Returns:
        The candidates, the one with the largest share first.
    """

    def share(candidate: Candidate) -> float:
        rows = [row for row in read() if (row["task"], row["seed"]) == (candidate.name, SEEDS[0]) and "deltas" in row]
        deltas = [row["deltas"][f"{name}@{size:g}"] for row in rows for name, size in STEPS if name == "adamw"]
        changes = [change for one in deltas if not isinstance(one, str) for change in one]
        return sum(change < 0 for change in changes) / max(1, len(changes))

    return sorted(CANDIDATES, key=share, reverse=True)[:count]


def search(cells: list[tuple[Candidate, int]], keep: bool) -> bool:
    """Go on with the search.

    Args:
        cells: Candidates and seeds.
        keep: Keep the rows.

    Returns:
        Whether all is measured.
    """
    end, done = time.monotonic() + 60 * MINUTES, {(row["task"], row["seed"], row["question"]) for row in read()}
    policy = load_policy("smollm2-135m-instruct")
    start, stepper = Snapshot(policy.model), {name: Stepper(policy, name) for name, _ in STEPS}
    question = partial(ask, policy, start, stepper, STEPS)
    for place, (candidate, seed) in product(range(QUESTIONS), cells):
        if (candidate.name, seed, place) in done:
            continue
        if time.monotonic() > end:
            return False
        for row in rows_of(question, candidate, seed, range(place, place + 1)):
            print(json.dumps(row), flush=True)
            if keep:
                with ROWS.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    return True


def read() -> list[dict[str, Any]]:
    """Read the rows that were kept."""
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []


def rows_of(
    question: Callable[[Task, Question, int, int], dict[str, Any]], candidate: Candidate, seed: int, places: range
) -> Iterator[dict[str, Any]]:
    """Measure some questions of a candidate."""
    task = candidate.task(QUESTIONS, seed)
    for place in places:
        began = time.perf_counter()
        with seeded(seed, "default task", place):
            found = question(task, task.questions[place], candidate.longest, seed)
        yield (
            {"task": candidate.name, "seed": seed, "question": place, "text": task.questions[place].question}
            | found
            | {
                "seconds": time.perf_counter() - began,
                "load": environment()["load"],
            }
        )


def ask(
    policy: Policy,
    start: Snapshot,
    steppers: dict[str, Stepper],
    steps: tuple[tuple[str, float], ...],
    task: Task,
    question: Question,
    longest: int,
    seed: int,
) -> dict[str, Any]:
    """Sample a group; take one update of plain GRPO with each optimizer and step size; measure the correct answers.

    Returns:
        Status, answers, and by step Δ of each distinct correct answer, nats.
    """
    start.restore()
    group = sample(policy, task, question, count=ROLLOUTS, max_new_tokens=longest, temperature=1.0)
    answers, right = group.answers(), group.correct.tolist()
    places = [place for place in range(ROLLOUTS) if right[place] and answers[place] not in answers[:place]]
    found: dict[str, Any] = {
        "status": status_of(group.correct),
        "correct": sum(right),
        "truncated": int(group.truncated.sum()),
        "tokens": float(group.mask.sum(-1).float().mean()),
        "distinct": len(set(answers)),
        "distinct_correct": len(places),
        "right": sorted({group.texts[place] for place in places})[:3],
        "wrong": sorted({text for text, good in zip(group.texts, right, strict=True) if not good})[:3],
    }
    if found["status"] != "mixed":
        return found
    before = measure(policy, group, temperature=1.0, rows_at_once=16).log_probs.sum(-1)
    weights = group_advantages(group.correct.float(), scale="sample")[:, None].expand(group.mask.shape)
    accumulate(policy, group, weights, Grpo(normalisation="tokens"), temperature=1.0, rows_at_once=16)
    norm = sum(float(one.grad.square().sum()) for one in policy.model.parameters() if one.grad is not None) ** 0.5
    moved: dict[str, Any] = {}
    for name, size in steps:
        steppers[name].step(size)
        try:
            after = measure(policy, group, temperature=1.0, rows_at_once=16).log_probs.sum(-1)
            moved[f"{name}@{size:g}"] = (after - before)[places].tolist()
        except AntigradError as error:
            moved[f"{name}@{size:g}"] = str(error)
        start.restore()
    return found | {"gradient_norm": norm, "deltas": moved}
