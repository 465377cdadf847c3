"""What metrics look at: what four models say of the same samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.outputs import outputs
from antigrad.vision.split import SplitModel

Set = Literal["forget", "retain", "gone", "test", "test_retained", "test_removed"]
"""Training samples forgotten, kept, and forgotten by earlier deletions; test samples: all, of classes that stay, of
classes that go."""


@dataclass(frozen=True)
class Cost:
    """What a model took to make.

    Args:
        seconds: Of this machine.
        steps: Optimizer steps.
        passes: Over the forget set.
    """

    seconds: float
    steps: int
    passes: float


@dataclass(frozen=True)
class Seen:
    """What a model says of all samples.

    Args:
        model: The model, in eval mode.
        features: Set and (N, D) features.
        logits: Set and (N, K) logits.
        cost: What it took.
    """

    model: SplitModel
    features: Mapping[str, Tensor]
    logits: Mapping[str, Tensor]
    cost: Cost

    def probabilities(self, which: Set) -> Tensor:
        """Softmax of a set.

        Args:
            which: The set.

        Returns:
            (N, K) float64.
        """
        return self.logits[which].double().softmax(1)


def look(model: SplitModel, context: Context, cost: Cost) -> Seen:
    """Let a model say something of all samples, once.

    Args:
        model: The model.
        context: Of the deletion.
        cost: What the model took.

    Returns:
        What it says.
    """
    sets = {"forget": context.forget, "retain": context.retain, "test": context.deletion.test}
    if len(context.deletion.before):
        sets["gone"] = context.deletion.before
    found = {name: outputs(model, samples) for name, samples in sets.items()}
    features = {name: pair[0] for name, pair in found.items()}
    logits = {name: pair[1] for name, pair in found.items()}
    removed = context.deletion.of_removed(context.deletion.test)
    for name, mask in (("test_retained", ~removed), ("test_removed", removed)):
        features[name], logits[name] = features["test"][mask], logits["test"][mask]
    return Seen(model, features, logits, cost)


@dataclass(frozen=True)
class Case:
    """A deletion and the models that are compared.

    Args:
        context: Of the deletion.
        original: The model before.
        retrained: Trained without the forget set; None where there is none.
        twin: The same with another seed: what two retrained models differ by. None where there is none.
        shadows: (M, N) True where a shadow model saw a training sample, and its outputs on forget and test sets.
        random: Makes a network that knows nothing; None where nobody knows how.
    """

    context: Context
    original: Seen
    retrained: Seen | None = None
    twin: Seen | None = None
    shadows: tuple[Tensor, list[Mapping[str, Tensor]]] | None = None
    random: Callable[[], SplitModel] | None = None
    _extra: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    @cached_property
    def labels(self) -> Mapping[str, Tensor]:
        """Set and (N,) labels."""
        test = self.context.deletion.test
        removed = self.context.deletion.of_removed(test)
        return {
            "forget": self.context.forget.labels,
            "retain": self.context.retain.labels,
            "gone": self.context.deletion.before.labels,
            "test": test.labels,
            "test_retained": test.labels[~removed],
            "test_removed": test.labels[removed],
        }

    def accuracy(self, seen: Seen, which: Set) -> float:
        """Accuracy of a model on a set.

        Args:
            seen: What the model says.
            which: The set.

        Returns:
            The share that is right; NaN of an empty set.
        """
        labels = self.labels[which]
        return float((seen.logits[which].argmax(1) == labels).double().mean()) if len(labels) else float("nan")

    def unseen(self) -> tuple[Set, Set]:
        """Sets that an attack tells apart: what was forgotten, and what was never seen of the same classes.

        Returns:
            The forget set, and for class removal the test samples of its classes, otherwise all test samples.
        """
        gone = self.context.deletion.scenario == "class" and bool(len(self.labels["test_removed"]))
        return "forget", "test_removed" if gone else "test"

    def needed(self, which: Literal["retrained", "shadows", "random"]) -> None:
        """Refuse a metric that lacks what it compares with.

        Args:
            which: What it needs.

        Raises:
            InputValueError: It is not there.
        """
        if getattr(self, which) is None:
            raise InputValueError(f"a metric that needs {which}", f"{which}", "leave the metric out, or provide it")

    def random_probabilities(self, which: Set) -> Tensor:
        """What a network with random weights says of a set, computed once.

        Args:
            which: The set.

        Returns:
            (N, K) float64.
        """
        if which not in self._extra:
            self.needed("random")
            model = self.random() if self.random is not None else self.original.model
            samples = {"forget": self.context.forget, "retain": self.context.retain}.get(which)
            found = outputs(model, self.context.deletion.test if samples is None else samples)[1]
            self._extra[which] = found.double().softmax(1)
        return self._extra[which]


def device_of(model: SplitModel) -> torch.device:
    """Where a model is.

    Args:
        model: The model.

    Returns:
        Its device.
    """
    return next(model.module.parameters()).device
