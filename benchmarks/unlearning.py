"""DUCK against retraining, against the bare passes that its steps need, and the memory of its centroids."""

from __future__ import annotations

from functools import partial

import torch
from torch.nn.functional import cross_entropy

from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits, fresh, trained
from antigrad.unlearning.guard import Guard
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods.duck import Duck, centroids
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.vision.samples import Samples
from benchmarks.measure import paired_ratio, peak_megabytes, record

DIGIT = 3


class Off(Guard):
    """Measures nothing: what the guard costs is no part of a step."""

    def of_model(self, *given: object) -> tuple[None, float]:
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
