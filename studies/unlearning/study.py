"""All unlearning methods on scikit-learn's digits: each class removed, a tenth removed, CNN and ViT, over seeds."""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from antigrad.core.runs import RunFolder
from antigrad.unlearning.compare import CompareConfig, compare

MEASURED = [
    "accuracy(on=forget)",
    "accuracy(on=retain)",
    "accuracy(on=test)",
    "accuracy(on=test_retained)",
    "accuracy(on=test_removed)",
    "aus",
    "average_gap",
    "tow",
    "nomus",
    "js",
    "logistic_loss_forget_vs_unseen",
    "salun_forget_as_unseen",
    "relearning",
    "cost(what=seconds)",
    "cost(what=steps)",
]
CLASSES = [f"classes(names=[{digit}])" for digit in range(10)]
SEEDS = 5


def run(quick: bool, keep: bool) -> None:
    """Run the comparisons and keep their figures, means over classes and seeds."""
    from studies.kept import record

    for name, model, splits in (
        ("class", "digits-cnn", CLASSES),
        ("homogeneous", "digits-cnn", ["share(fraction=0.1)"]),
        ("vit", "digits-vit", CLASSES[3:4]),
    ):
        with tempfile.TemporaryDirectory() as folder:
            found = figures(model, splits[:2] if quick else splits, 1 if quick else SEEDS, Path(folder) / "run")
        record({"name": f"digits_{name}", **found}, __file__, keep=keep)


def figures(model: str, splits: list[str], seeds: int, output: Path, *, methods: str = "all") -> dict[str, Any]:
    """Compare methods and add up.

    Args:
        model: Name of the network.
        splits: Cases.
        seeds: Of each.
        output: Folder of the run; goes on with one that is there.
        methods: `all`, or `vit_mul`.

    Returns:
        What was run, and method, figure, mean and deviation over cases and seeds.
    """
    config = CompareConfig(
        model=model, split=splits, methods=[methods], seeds=seeds, metrics=MEASURED, output=output, resume=True
    )
    return added_up(compare(config), model, splits, seeds)


def added_up(run: RunFolder, model: str, splits: list[str], seeds: int) -> dict[str, Any]:
    """Add the outcomes up over cases and seeds.

    Args:
        run: The run.
        model: Name of the network.
        splits: Cases.
        seeds: Of each.

    Returns:
        What was run; method, figure, mean and standard deviation.
    """
    rows = run.ledger.rows("outcome")
    methods: dict[str, dict[str, Any]] = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        methods[method] = {"stopped": sum(row["stopped"] is not None for row in own), "runs": len(own)}
        for figure in MEASURED:
            values = [row["figures"][figure] for row in own if figure in row["figures"]]
            values = [value for value in values if math.isfinite(value)]
            if values:
                spread = statistics.stdev(values) if len(values) > 1 else None
                methods[method][figure] = {"mean": statistics.fmean(values), "deviation": spread}
    what = f"{model}: {len(splits)} case{'s' * (len(splits) > 1)}, {seeds} seeds, defaults of each method"
    return {"what": what, "model": model, "splits": splits, "seeds": seeds, "methods": methods}


if __name__ == "__main__":
    run("--quick" in sys.argv, True)
