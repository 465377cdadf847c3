"""All unlearning methods on scikit-learn's digits: each class removed, and a tenth of all, over seeds."""

from __future__ import annotations

import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from antigrad.core.runs import RunFolder
from antigrad.unlearning.compare import CompareConfig, compare
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods import METHODS
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

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
METHODS_AS_MEASURED = [
    *(name for name in METHODS.names() if name not in ("retrain", "cf_k", "eu_k", "neg_grad", "random_label")),
    "cf_k(k=1)",  # The network has three layers in all.
    "eu_k(k=1)",
    "neg_grad(stop=true)",  # As in the published check: they end at the target.
    "random_label(stop=true)",
]


def make(seed: int) -> nn.Module:
    """The network of the published check: 64 → 128 → 64 → 10; its random stream is seeded by who calls."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def run(quick: bool, keep: bool) -> None:
    """Run the comparisons and keep their figures, means over classes and seeds."""
    from studies.kept import record

    seeds = 1 if quick else SEEDS
    for name, splits in (("class", CLASSES[:2] if quick else CLASSES), ("homogeneous", ["share(fraction=0.1)"])):
        with tempfile.TemporaryDirectory() as folder:
            found = figures(splits, seeds, Path(folder))
        record({"name": f"digits_{name}", **found}, __file__, keep=keep)


def original(folder: Path) -> Path:
    """Train the network on all training digits, and write its weights."""
    train, test = digits()
    images, labels = torch.cat([train.images, test.images]), torch.cat([train.labels, test.labels])
    both = Samples(images, labels, [*train.ids, *test.ids], train.classes)
    mask = torch.arange(len(both)) >= len(train)

    def fresh(seed: int) -> SplitModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return SplitModel(make(seed))

    context = context_of(fresh(0), Deletion(both, test, mask, "homogeneous"), fresh=fresh)
    path = folder / "original.safetensors"
    save_file(unlearn(Retrain(), context).model.module.state_dict(), path)
    return path


def figures(splits: list[str], seeds: int, folder: Path) -> dict[str, Any]:
    """Compare methods and add up.

    Args:
        splits: Cases.
        seeds: Of each.
        folder: For weights and the run.

    Returns:
        What was run, and method, figure, mean and deviation over cases and seeds.
    """
    config = CompareConfig(
        model=f"{__name__}:make",
        weights=str(original(folder)),
        split=splits,
        methods=METHODS_AS_MEASURED,
        seeds=seeds,
        metrics=MEASURED,
        output=folder / "run",
        cache=False,
    )
    return added_up(compare(config), splits, seeds)


def added_up(run: RunFolder, splits: list[str], seeds: int) -> dict[str, Any]:
    """Add the outcomes up over cases and seeds.

    Args:
        run: The run.
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
    what = f"MLP on digits: {len(splits)} case{'s' * (len(splits) > 1)}, {seeds} seeds, defaults of each method"
    return {"what": what, "splits": splits, "seeds": seeds, "methods": methods}
