"""Does NTHR raise Δ(x) more than as many random tokens? The tiny policy, several seeds, whatever comes out."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from studies.kept import record

from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.posttraining.diagnose.findings import mean_and_error

ARMS = [
    "none",
    "positives_only",
    "nthr(eta=0)",
    "nthr(eta=0,anchor=others)",
    "random(eta=0,anchor=others)",
    "blanket(eta=0.5)",
    "w_reinforce",
]
SIZES = [1e-5, 1e-4]
PAIRS = [(ARMS[1], ARMS[0]), (ARMS[2], ARMS[0]), (ARMS[3], ARMS[0]), (ARMS[4], ARMS[0]), (ARMS[3], ARMS[4])]


def run(quick: bool, keep: bool) -> None:
    """Run the preflight for each seed; means over seeds of what each seed's questions gave."""
    with tempfile.TemporaryDirectory() as folder:
        study(Path(folder), range(2 if quick else 5), 8 if quick else 24, keep)


def study(folder: Path, seeds: range, questions: int, keep: bool) -> None:
    """Run or continue with one preflight a seed and put the seeds together.

    Args:
        folder: Where the runs are.
        seeds: One run each.
        questions: Questions a run.
        keep: Keep the result beside the code.
    """
    summaries: list[dict[str, Any]] = []
    for seed in seeds:
        config = DiagnoseConfig(
            model="tiny",
            tasks="tiny_arithmetic",
            questions=questions,
            seed=seed,
            threads=1,
            step_sizes=SIZES,
            arms=ARMS,
            output=folder / f"seed_{seed}",
            resume=True,
        )
        summaries.append(diagnose(config).summary)

    def over_seeds(values: list[float]) -> dict[str, float]:
        mean, error = mean_and_error(values)
        return {"mean": mean, "se_over_seeds": error}

    figures: dict[str, Any] = {"mixed": sum(summary["mixed"] for summary in summaries)}
    for key in ("mean_reward", "selected_share/inclusive", "selected_share/others"):
        figures[key] = over_seeds([summary[key] for summary in summaries])
    for size in SIZES:
        for kind in ("lld_share", "lld_response_share", "delta_correct", "delta_wrong"):
            for arm in ARMS:
                name = f"{kind}/{arm}@{size:g}"
                figures[name] = over_seeds([summary[name] for summary in summaries])
        for first, second in PAIRS:
            values = [
                summary[f"delta_correct/{first}@{size:g}"] - summary[f"delta_correct/{second}@{size:g}"]
                for summary in summaries
            ]
            figures[f"delta_correct: {first} − {second}@{size:g}"] = over_seeds(values) | {
                "seeds_above_0": sum(value > 0 for value in values)
            }
        for kind in ("gwhes_overlap", "gwhes_by_chance", "gwhes_rank_correlation", "gwhes_rank_correlation_responses"):
            figures[f"{kind}@{size:g}"] = over_seeds([summary[f"{kind}@{size:g}"] for summary in summaries])
    ours, theirs = (
        statistics.mean(summary[f"delta_correct/{arm}@{SIZES[0]:g}"] for summary in summaries)
        for arm in (ARMS[3], ARMS[4])
    )
    record(
        {
            "name": "displacement_tiny",
            "what": "mean Δ(x) under NTHR (η = 0, anchor others) ÷ under as many random tokens, tiny policy",
            "ours": ours,
            "theirs": theirs,
            "ratio": ours / theirs,
            "target": 1.0,
            "seeds": len(seeds),
            "questions": questions,
            "figures": figures,
        },
        __file__,
        keep=keep,
    )
