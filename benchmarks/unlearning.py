"""DUCK against retraining on digits and CIFAR-10, against the bare passes it needs, and the memory of its centroids."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import torch
from studies.unlearning.networks import ResNet20
from studies.unlearning.originals import SHARED, cifar_files, published, tensors
from torch.nn.functional import cross_entropy

from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits, fresh, trained
from antigrad.unlearning.guard import Guard
from antigrad.unlearning.loop import Unlearned, context_of, unlearn
from antigrad.unlearning.methods.duck import Duck, centroids
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel
from benchmarks.measure import paired_ratio, peak_megabytes, record

DIGIT = 3


class Off(Guard):
    """Measures nothing: what the guard costs is no part of a step."""

    def of_model(self, model: SplitModel, context: Context, least: float) -> tuple[None, float]:
        """Look at nothing."""
        return None, 1.0


def run(quick: bool, keep: bool) -> None:
    """Time both on the shipped CNN, and look at the memory of the centroid pass for larger and larger sets."""
    given = context()
    retrain, repeats = Retrain(epochs=2 if quick else 60), 1 if quick else 5
    found = paired_ratio(lambda: unlearn(Duck(), given), lambda: unlearn(retrain, given), repeats)
    what = "DUCK until its target ÷ retraining, class removal on digits, with all that the job does around them"
    record({"name": "unlearning_retrain", "what": what, **found, "target": 0.05}, keep=keep)
    epochs = 1 if quick else 4
    duck = Duck(epochs=epochs, stop=False, batch_size=100)
    found = paired_ratio(lambda: unlearn(duck, given, guard=Off()), partial(bare, given, duck), 1 if quick else 9)
    what = f"{epochs} epochs of DUCK ÷ the bare forward and backward passes and optimizer steps that they need"
    record({"name": "unlearning_bare", "what": what, **found, "target": 1.1}, keep=keep)
    peaks = {str(times): peak_megabytes(partial(centroids, context(times))) for times in (1, 2 if quick else 8)}
    low, *_, high = peaks.values()
    ratio = high / low
    what = "peak memory of the centroid pass over 8 times the data ÷ over the data"
    record(
        {"name": "unlearning_centroids", "what": what, "megabytes": peaks, "ratio": ratio, "target": 1.05}, keep=keep
    )


def of_cifar(quick: bool, keep: bool) -> None:
    """Time both on ResNet-20 with its published weights and all of CIFAR-10 as JPEG, where the data are there.

    An epoch of retraining is as long as any other: one is timed and counts for all. Of part of the data the ratio is
    another: DUCK needs so many steps whatever their number, and an epoch of retraining is the shorter the fewer they
    are.
    """
    if not (SHARED / "cifar10_jpeg_train.parquet").exists():
        print("unlearning_retrain_cifar: the data are not there")
        return
    count, epochs, timed = 1000 if quick else 50_000, 60, 1
    with tempfile.TemporaryDirectory() as folder:
        named = cifar_files(Path(folder), count, 200)
        given = context_of(*cifar(named), fresh=lambda seed: SplitModel(ResNet20()))
    runs: list[Unlearned] = []
    retrain = Retrain(epochs=timed)
    found = paired_ratio(
        lambda: runs.append(unlearn(Duck(epochs=10), given)), lambda: unlearn(retrain, given), 1, warm=False
    )
    factor = timed / epochs
    found |= {"theirs": found["theirs"] / factor, **{key: found[key] * factor for key in found if "ratio" in key}}
    what = (
        f"DUCK until its target ÷ retraining for {epochs} epochs ({timed} of them timed), one class of {count} images "
        "of CIFAR-10 (JPEG), ResNet-20"
    )
    facts = {
        "epochs": runs[-1].epochs,
        "steps": runs[-1].steps,
        "forget": runs[-1].history[-1]["forget"],
        "retain": runs[-1].history[-1]["retain"],
        "epochs_of_retraining": found["ratio"] * epochs,
    }
    record({"name": "unlearning_retrain_cifar", "what": what, **found, **facts, "target": 0.05}, keep=keep)


def cifar(named: dict[str, Path]) -> tuple[SplitModel, Deletion]:
    """The published network, and the removal of a class from images of CIFAR-10."""
    train, test = (tensors(named[part]) for part in ("train", "test"))
    return SplitModel(published().eval()), Deletion(train, test, train.labels == 1, "class")


def context(times: int = 1) -> Context:
    """Removal of one digit, from the data so many times over."""
    train, test = digits()
    ids = [f"{name}-{turn}" for turn in range(times) for name in train.ids]
    many = Samples(train.images.repeat(times, 1, 1, 1), train.labels.repeat(times), ids, train.classes)
    deletion = Deletion(many, test, many.labels == DIGIT, "class")
    return context_of(trained("digits-cnn"), deletion, fresh=partial(fresh, "digits-cnn"))


def bare(given: Context, method: Duck) -> None:
    """Pass the same batches forward and backward, both parts, and step; the draws and the losses are DUCK's."""
    model = given.original.copy()
    memory = method.prepare(model, given)
    optimizer = torch.optim.Adam(model.module.parameters(), method.learning_rate)
    model.module.train()
    for epoch in range(method.epochs):
        for draw in method.draws(given, "main", epoch, torch.Generator().manual_seed(epoch)):
            forget, retain = given.forget.images[draw.forget], given.retain.images[draw.retain]
            features = torch.nn.functional.normalize(model.features(forget), dim=1)
            pulled = torch.nn.functional.normalize(memory.vectors[memory.assigned[draw.forget]], dim=1)
            loss = (1 - (features * pulled).sum(1)).mean()
            loss = loss + 1.4 * cross_entropy(model(retain) / 2, given.retain.labels[draw.retain])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
