"""What every metric is: a figure of a model, what is ideal, which way is better, and what retraining gives."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from antigrad.attacks.classify import LEAST, like_others
from antigrad.attacks.given import Array
from antigrad.attacks.interval import Estimate
from antigrad.attacks.roc import Roc, roc
from antigrad.unlearning.metrics.case import Case, Seen, Set

Better = Literal["higher", "lower", "as retrained"]


@dataclass(frozen=True)
class Metric(ABC):
    """Base of the metrics."""

    label: ClassVar[str]
    """What it is called in a table; an attack's says what is distinguished from what."""
    better: ClassVar[Better]
    """Which way is better; `as retrained` where neither more nor less is, but what retraining gives."""
    ideal: ClassVar[float | None] = None
    """The ideal; None where it is what retraining gives."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Of the case: `retrained`, `shadows`, `random`."""
    relative: ClassVar[bool] = False
    """It compares with the retrained model: what retraining gives is then a second retrained model's figure."""
    attack: ClassVar[Mapping[str, str]] = {}
    """Of an attack: `attack`, `feature`, `direction`."""

    def title(self) -> str:
        """Name of this metric with its options.

        Returns:
            A few words.
        """
        return self.label

    def applies(self, case: Case) -> bool:
        """Whether there is what it needs.

        Args:
            case: The case.

        Returns:
            True if so.
        """
        enough = all(len(case.labels[which]) >= LEAST for which in self.fitted(case))
        return enough and all(getattr(case, name) is not None for name in self.needs)

    def fitted(self, case: Case) -> tuple[Set, ...]:
        """Name the sets that it fits an attacker to: some samples of each are needed.

        Args:
            case: The case.

        Returns:
            The sets; none of what is no attack.
        """
        return ()

    @abstractmethod
    def __call__(self, case: Case, seen: Seen) -> Estimate:
        """Measure a model.

        Args:
            case: The deletion, and what is compared with.
            seen: What the model says.

        Returns:
            The figure, with an interval where there is one (otherwise its ends are NaN).
        """

    def curve(self, case: Case, seen: Seen) -> Roc | None:
        """Draw an attack at every threshold, where its figure is that of one.

        Args:
            case: The deletion, and what is compared with.
            seen: What the model says.

        Returns:
            The ROC of forgotten samples being distinguished from others; None of what is no attack.
        """
        return None


def curve_of_halves(case: Case, of: Callable[[Set], Array], *, logistic: bool = False) -> Roc | None:
    """Draw an attack that is fitted to retain samples against unseen ones: forgotten samples above unseen ones.

    An attacker is not asked about what it was fitted to. Of class removal it is fitted to test samples of classes that
    stay and asked about those of classes that go, otherwise every other test sample goes to each side.

    Args:
        case: The case.
        of: Features of a set.
        logistic: See `like_others`.

    Returns:
        The ROC; None of too few samples.
    """
    asked = case.unseen()[1]
    fitted = of("test_retained") if asked == "test_removed" else of(asked)[::2]
    unseen = of(asked) if asked == "test_removed" else of(asked)[1::2]
    if min(len(fitted), len(of("retain"))) < LEAST or not len(unseen):
        return None
    seed = case.context.seed
    forgotten, others = (
        -like_others(of("retain"), fitted, one, logistic=logistic, seed=seed) for one in (of("forget"), unseen)
    )
    return roc(forgotten, others)


def exact(value: float) -> Estimate:
    """Wrap a figure without an interval.

    Args:
        value: The figure.

    Returns:
        An estimate with NaN as its ends.
    """
    return Estimate(float(value), math.nan, math.nan)


@dataclass(frozen=True)
class Reading:
    """A figure in its table.

    Args:
        name: As it is asked for.
        title: In words.
        value: Of the unlearned model.
        ideal: None where it is what retraining gives.
        better: Which way.
        at_retrain: Of the retrained model (of a second one where the first is what is compared with); None without.
        at_original: Before unlearning.
        attack: Attack, feature, direction; empty for other metrics.
    """

    name: str
    title: str
    value: Estimate
    ideal: float | None
    better: Better
    at_retrain: Estimate | None
    at_original: Estimate
    attack: Mapping[str, str]

    def row(self) -> dict[str, Any]:
        """Flatten it.

        Returns:
            Plain values, for tables and JSON.
        """
        found: dict[str, Any] = {"name": self.name, "title": self.title, "ideal": self.ideal, "better": self.better}
        for key, one in (("value", self.value), ("retrain", self.at_retrain), ("original", self.at_original)):
            found[key] = None if one is None else one.value
            for end in ("low", "high"):
                edge = math.nan if one is None else getattr(one, end)
                found[f"{key}_{end}"] = None if math.isnan(edge) else edge
        return found | dict(self.attack)


def evaluate(case: Case, unlearned: Seen, metrics: Mapping[str, Metric]) -> Iterable[Reading]:
    """Measure the unlearned model, the original and the retrained one.

    Args:
        case: The deletion, and what is compared with.
        unlearned: What the unlearned model says.
        metrics: Name and metric; those that lack what they need are left out.

    Yields:
        One reading a metric.
    """
    for name, metric in metrics.items():
        if metric.applies(case):
            compared = case.twin if metric.relative else case.retrained
            again = None if compared is None else metric(case, compared)
            yield Reading(
                name,
                metric.title(),
                metric(case, unlearned),
                metric.ideal,
                metric.better,
                again,
                metric(case, case.original),
                metric.attack,
            )
