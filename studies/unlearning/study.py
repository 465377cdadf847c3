"""Unlearning methods by cases: digits, CIFAR-10 as JPEG with ResNet-20, MNIST with a Vision Transformer."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.kept import record
from studies.unlearning.originals import of_cifar, of_digits, of_mnist

from antigrad.unlearning.compare import CompareConfig, compare
from antigrad.unlearning.methods import METHODS

FOLDER = Path("runs/unlearning-study")
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
    "cost(what=seconds)",
    "cost(what=steps)",
]
EVERY_DIGIT = [f"classes(names=[{digit}])" for digit in range(10)]
TENTH = ["share(fraction=0.1)"]
ON_DIGITS = [
    *(name for name in METHODS.names() if name not in ("retrain", "cf_k", "eu_k", "neg_grad", "random_label")),
    "cf_k(k=1)",  # The network has three layers in all.
    "eu_k(k=1)",
    "neg_grad(stop=true)",  # As in the published check: they end at the target.
    "random_label(stop=true)",
]
ON_CIFAR = [
    "duck(epochs=10)",  # The authors' number for CIFAR-10.
    "neg_grad(stop=true)",
    "random_label(stop=true)",
    "fine_tune(epochs=3)",
    "eu_k(k=1,epochs=3)",
    "npo",
    "scrub",
    "boundary_shrink",
]
ON_VIT = [
    "fine_tune(epochs=5)",
    "cf_k(epochs=5)",
    "neg_grad",
    "advanced_neg_grad",
    "unsir(repair_epochs=0)",
    "unsir",
    "scrub",
    "duck(epochs=10)",  # An extension: not on the list of the study.
    "npo",
]
Original = Callable[[Path, int, int, int], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A comparison.

    Args:
        what: Network and data, in words.
        original: Trains the model and says where it lies.
        images: Training and test images; of digits all are taken.
        epochs: Of the original.
        recipe: Of the reference.
        splits: What is forgotten, a case each.
        seeds: Of each.
        methods: That are compared.
        more: What is measured besides.
        twin: Train a second reference.
    """

    what: str
    original: Original
    images: tuple[int, int]
    epochs: int
    recipe: str
    splits: list[str]
    seeds: int
    methods: list[str]
    more: tuple[str, ...] = ()
    twin: bool = True


FIRST = 1
"""First seed. Of 0 a factory makes the weights that the originals of digits and MNIST began with, and a head that is
made new by it (EU-k) is the one that the backbone grew up with."""
FEW = ("relearning(most=40,repeats=1)",)
RESNET = (
    "ResNet-20 on CIFAR-10 (JPEG re-encoded), published weights fine-tuned on 4,000 of the JPEGs, 1,000 test images"
)
SMALL_VIT = "ViT (patch 4, six blocks 64 wide) trained on 2,000 images of MNIST, 1,000 test images"
ONE, THREE = ["classes(names=[1])"], ["classes(names=[3])"]
CASES = {
    "digits_class": Case("MLP on digits", of_digits, (0, 0), 60, "retrain", EVERY_DIGIT, 5, ON_DIGITS, ("relearning",)),
    "digits_homogeneous": Case("MLP on digits", of_digits, (0, 0), 60, "retrain", TENTH, 5, ON_DIGITS),
    "cifar_class": Case(RESNET, of_cifar, (4000, 1000), 3, "retrain(epochs=15)", ONE, 1, ON_CIFAR, FEW, twin=False),
    "cifar_homogeneous": Case(RESNET, of_cifar, (4000, 1000), 3, "retrain(epochs=15)", TENTH, 1, ON_CIFAR, twin=False),
    "vit_homogeneous": Case(SMALL_VIT, of_mnist, (2000, 1000), 20, "retrain(epochs=20)", TENTH, 3, ON_VIT, twin=False),
    "vit_class": Case(SMALL_VIT, of_mnist, (2000, 1000), 20, "retrain(epochs=20)", THREE, 1, ON_VIT, FEW, twin=False),
}


def run(quick: bool, keep: bool) -> None:
    """Run the comparisons, each where an interrupted run stopped, and keep their figures: means over splits and seeds.

    Quick takes two digits and one seed.
    """
    for name, case in CASES.items():
        if quick and name != "digits_class":
            continue
        record({"name": name, **figures(name, case, quick=quick)}, __file__, keep=keep)


def figures(name: str, case: Case, *, quick: bool = False) -> dict[str, Any]:
    """Compare methods and add up.

    Args:
        name: Of the case.
        case: What is compared.
        quick: A small part of it.

    Returns:
        What was run, and method, figure, mean and deviation over splits and seeds.
    """
    folder = FOLDER.with_name(f"{FOLDER.name}-quick") if quick else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    splits, seeds = (case.splits[:2], 1) if quick else (case.splits, case.seeds)
    config = CompareConfig(
        **case.original(folder.resolve(), *case.images, case.epochs),
        split=splits,
        methods=case.methods,
        seeds=seeds,
        seed=FIRST,
        metrics=[*MEASURED, *case.more],
        recipe=case.recipe,
        twin=case.twin,
        output=folder / name,
        cache=False,
        resume=True,
    )
    rows = compare(config).ledger.rows("outcome")
    what = f"{case.what}; reference `{case.recipe}`"
    return {"what": what, "splits": splits, "seeds": seeds, "methods": added_up(rows, config.metrics)}


def added_up(rows: list[dict[str, Any]], metrics: list[str]) -> dict[str, Any]:
    """Add the outcomes up over splits and seeds.

    Args:
        rows: Of the ledger.
        metrics: What was measured.

    Returns:
        Method, figure, mean and standard deviation.
    """
    methods: dict[str, dict[str, Any]] = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        methods[method] = {"stopped": sum(row["stopped"] is not None for row in own), "runs": len(own)}
        for figure in metrics:
            values = [row["figures"][figure] for row in own if figure in row["figures"]]
            values = [value for value in values if math.isfinite(value)]
            if values:
                spread = statistics.stdev(values) if len(values) > 1 else None
                methods[method][figure] = {"mean": statistics.fmean(values), "deviation": spread}
    return methods
