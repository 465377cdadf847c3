"""Eight rules for the negative gradient in GRPO: likelihood of correct answers, pass@1, pass@k and entropy."""

from __future__ import annotations

import shutil
import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from studies.kept import record

from antigrad.core.runs import RunFolder
from antigrad.posttraining.train.grpo import TrainGRPOConfig, train_grpo

FOLDER = Path("runs/grpo-study")
ARMS = ("none", "positives_only", "nthr", "nthr(anchor=others)", "nsr", "psr", "w_reinforce", "llds")
SAMPLES = {"tiny": 16, "smollm2": 4}
"""Responses a held-out question is given."""
LEVELS = {"tiny": (0.55, 0.60, 0.65), "smollm2": ()}
"""Accuracies at which arms are compared: at the first evaluation that reached it."""
COMMON = TrainGRPOConfig(
    device="cpu",
    threads=1,
    updates=2,
    measure_every=2,
    trl={"num_generations_eval": 16, "lr_scheduler_type": "constant"},
)
TINY = replace(
    COMMON, model="tiny", tasks="tiny_arithmetic(split=train)", held_out_tasks="tiny_arithmetic(split=test)",
    questions=256, held_out=64, steps=50, prompts=16, learning_rate=1e-4, max_new_tokens=32, rows_at_once=64,
    evaluate_every=10, save_every=50,
)  # fmt: skip
SMOLLM2 = replace(
    COMMON, model="smollm2-135m-instruct", tasks="products", questions=24, held_out=8, steps=4, prompts=4,
    learning_rate=1e-5, max_new_tokens=8, rows_at_once=16, evaluate_every=4, save_every=4, measure_every=2,
    trl={"num_generations_eval": 4, "lr_scheduler_type": "constant"},
)  # fmt: skip
STUDIES: Mapping[str, tuple[TrainGRPOConfig, int]] = {"tiny": (TINY, 5), "smollm2": (SMOLLM2, 2)}
"""Settings and seeds; one learning rate for all arms, chosen before any was run."""


def run(quick: bool, keep: bool, only: Sequence[str] = tuple(STUDIES)) -> None:
    """Train every arm with every seed, go on where an interrupted study stopped, then write the tables.

    Args:
        quick: The first study only, one seed of two arms, two steps.
        keep: Keep the result beside the code.
        only: Studies.
    """
    for name in only[:1] if quick else only:
        config, seeds = STUDIES[name]
        arms = ARMS
        if quick:
            config, seeds, arms = replace(config, steps=2, evaluate_every=2, held_out=4, questions=24), 1, ARMS[:2]
        folder = FOLDER.with_name(FOLDER.name + ("-quick" if quick else "")) / name
        found: dict[str, list[RunFolder]] = {arm: [] for arm in arms}
        for seed in range(seeds):
            for arm in arms:
                output = folder / f"{arm}-{seed}"
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # other people's deprecations
                    found[arm].append(
                        train_grpo(replace(config, credit=arm, seed=seed, output=output, resume=output.exists()))
                    )
                shutil.rmtree(output / "checkpoints", ignore_errors=True)  # rows are what is kept
        result = {
            "name": f"grpo_study_{name}",
            **tables(found, LEVELS[name], SAMPLES[name]),
            "config": settings(config),
            "seeds": seeds,
        }
        record(result, __file__, keep=keep)


def settings(config: TrainGRPOConfig) -> dict[str, Any]:
    """What all arms share.

    Args:
        config: Of one of them.

    Returns:
        Its settings that matter to the result.
    """
    left_out = ("output", "resume", "seed", "credit", "trust_remote_code")
    return {key: value for key, value in vars(config).items() if key not in left_out}


def tables(found: Mapping[str, Sequence[RunFolder]], levels: Sequence[float], samples: int) -> dict[str, Any]:
    """Curves, ends, and the same at equal accuracy, over seeds.

    Args:
        found: Runs of each arm, by seed.
        levels: Accuracies.
        samples: The largest k of pass@k.

    Returns:
        Tables as JSON.
    """
    figures = ("credit/pass@1", f"credit/pass@{samples}", "entropy")
    tests = {arm: [one.ledger.rows("evaluation") for one in runs] for arm, runs in found.items()}
    trains = {arm: [one.ledger.rows("train") for one in runs] for arm, runs in found.items()}
    first = next(iter(found))
    arms: dict[str, Any] = {}
    for arm in found:
        curves = {
            figure: [over(rows[place][figure] for rows in tests[arm]) for place in range(len(tests[arm][0]))]
            for figure in figures
        }
        last = {figure: column[-1] for figure, column in curves.items()}
        last |= {
            f"{figure} − {first}": over(
                mine[-1][figure] - theirs[-1][figure] for mine, theirs in zip(tests[arm], tests[first], strict=True)
            )
            for figure in figures
        }
        arms[arm] = {
            "steps": [row["step"] for row in tests[arm][0]],
            "curves": curves,
            "last": last,
            "steps_measured": displacement(trains[arm]),
            "displacement": by_step(trains[arm]),
            "at_accuracy": {f"{level:g}": at_accuracy(tests[arm], level, figures) for level in levels},
        }
    return {"arms": arms}


def displacement(runs: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """What steps did to their own responses.

    Args:
        runs: Training rows, by seed.

    Returns:
        Mean Δ of correct and of wrong responses over steps, the share of steps that lowered their correct ones,
        the share of wrong tokens that the rule down-weighted (NaN for rules that select nothing), and the ratio of
        the gradient norms of negatives and positives.
    """
    correct, wrong = "credit/delta_correct_step", "credit/delta_wrong_step"
    return {
        "delta_correct": over(statistics.mean(row[correct] for row in rows if correct in row) for rows in runs),
        "delta_wrong": over(statistics.mean(row[wrong] for row in rows if wrong in row) for rows in runs),
        "lowered": over(statistics.mean(float(row[correct] < 0) for row in rows if correct in row) for rows in runs),
        "weakened": over(mean_of(rows, "credit/selected") for rows in runs),
        "norms": over(
            statistics.mean(row["credit/grad_norm_down"] / max(row["credit/grad_norm_up"], 1e-12) for row in rows
                            if row.get("credit/grad_norm_up")) if any(row.get("credit/grad_norm_up") for row in rows)
            else float("nan") for rows in runs
        ),
    }  # fmt: skip


def mean_of(rows: Sequence[Mapping[str, Any]], figure: str) -> float:
    """Mean over the rows that have a figure.

    Args:
        rows: Training rows.
        figure: Its key.

    Returns:
        The mean; NaN where no row has it.
    """
    return statistics.mean([row[figure] for row in rows if figure in row] or [float("nan")])


def by_step(runs: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """What steps did to their own responses, in the course of a training.

    Args:
        runs: Training rows, by seed.

    Returns:
        Measured steps, and Δ of correct and of wrong responses at each, over the seeds that had both.
    """
    names = ("delta_correct", "delta_wrong")
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in (row for rows in runs for row in rows):
        if all(f"credit/{name}_step" in row for name in names):
            found.setdefault(row["step"], []).append(row)
    steps = sorted(found)
    curves = {name: [over(row[f"credit/{name}_step"] for row in found[step]) for step in steps] for name in names}
    return {"steps": steps} | curves


def at_accuracy(runs: Sequence[Sequence[Mapping[str, Any]]], level: float, figures: Sequence[str]) -> dict[str, Any]:
    """Figures of the first evaluation with an accuracy of at least a level.

    Args:
        runs: Evaluations, by seed.
        level: pass@1.
        figures: What to tell.

    Returns:
        How many seeds reached it, and over these the step, pass@k and entropy.
    """
    reached = [next((row for row in rows if row["credit/pass@1"] >= level), None) for rows in runs]
    rows = [row for row in reached if row is not None]
    told: dict[str, Any] = {"reached": len(rows), "of": len(runs)}
    if rows:
        told |= {figure: over(row[figure] for row in rows) for figure in ("step", *figures)}
    return told


def over(values: Any) -> dict[str, float | None]:
    """Mean and standard error over seeds.

    Args:
        values: One a seed.

    Returns:
        `mean`, `error`; None where there is no such number.
    """
    column = torch.tensor(list(values), dtype=torch.float64)
    error = float(column.std() / len(column) ** 0.5) if len(column) > 1 else None
    mean = float(column.mean())
    return {"mean": mean if mean == mean else None, "error": error if error == error else None}
