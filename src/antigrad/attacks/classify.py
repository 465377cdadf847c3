"""Attacks that train a classifier: can it tell two groups apart; which group do samples of a third look like."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from antigrad.attacks.given import Array, scores
from antigrad.attacks.interval import Estimate, wilson
from antigrad.attacks.roc import Roc, roc

GRID: Mapping[str, Sequence[float]] = {"C": (1, 5, 10, 100), "gamma": (1, 0.1, 0.01)}
"""Grid of DUCK's attack on softmax vectors."""
GRID_ON_LOSS: Mapping[str, Sequence[float]] = {"C": (1, 5, 10, 100), "gamma": (10, 1, 0.1)}
"""Grid of its later attack on losses."""
LEAST = 10
"""Samples of each group that an attacker is fitted to, at least."""


@dataclass(frozen=True)
class HeldOut:
    """What a trained attacker says of samples that it was not fitted to.

    Args:
        first: (m,) decision function on the first group, of all splits.
        second: (n,) the same on the second; from 0 on the attacker takes a sample for one of these.
        splits: How many.
    """

    first: Array
    second: Array
    splits: int

    @property
    def accuracy(self) -> Estimate:
        """Share of right answers; the interval is that of a single split (Wilson).

        Splits of the same samples are not independent.
        """
        right = np.concatenate([self.first < 0, self.second >= 0])
        mean, size = float(right.mean()), len(right) // self.splits
        single = wilson(round(mean * size), size)
        return Estimate(mean, min(mean, single.low), max(mean, single.high))

    @property
    def roc(self) -> Roc:
        """Curve of all thresholds, first above second; the area's interval is that of a single split."""
        found = roc(-self.first, -self.second)
        area, wide = found.auc, self.splits**0.5
        low, high = (area.value + wide * (end - area.value) for end in (area.low, area.high))
        return Roc(found.false_positive, found.true_positive, Estimate(area.value, max(0.0, low), min(1.0, high)))


def svm_apart(
    first: Any,
    second: Any,
    *,
    grid: Mapping[str, Sequence[float]] = GRID,
    held_out: float = 0.2,
    repeats: int = 3,
    scaled: bool = False,
    paired: bool = False,
    seed: int = 0,
) -> HeldOut:
    """A support-vector machine that tells two groups apart, on samples it was not fitted to.

    The larger group is cut to the size of the smaller. RBF kernel, balanced classes, tolerance 1e-4, at most 4,000
    iterations; C and γ by three-fold search within the fitted part.

    Args:
        first: (m, D) features of the forget set.
        second: (n, D) features of samples the model never saw.
        grid: Values of `C` and `gamma`.
        held_out: Share that is predicted.
        repeats: Splits.
        scaled: Standardise features first.
        paired: Row k of both groups is of the same sample: it is fitted to or predicted, never one each. Otherwise
            who knows a sample from one group takes it for that one in the other, and chance is below .5.
        seed: Of cuts and splits.

    Returns:
        Its decisions; their accuracy is the attack's figure, .5 is chance.

    Sign: accuracy above .5 when the groups can be distinguished, whichever is which.

    Source: Cotogni et al. 2023, arXiv 2312.02052: their "F1" is micro-averaged, which is accuracy.

    Deviations: both groups are cut to one size at random.

    Example:
        >>> random = np.random.default_rng(0)
        >>> a, b = random.normal(0, 1, (60, 1)), random.normal(9, 1, (60, 1))
        >>> found = svm_apart(a, b, repeats=1, grid={"C": (1,), "gamma": (1,)})
        >>> found.accuracy.value, found.roc.auc.value
        (1.0, 1.0)
    """
    sides: tuple[list[Array], list[Array]] = ([], [])
    for x, y, place in _balanced(first, second, repeats, seed, paired=paired):
        sample: Any = np.tile(np.arange(len(y) // 2), 2) if paired else None
        split: Any = (GroupShuffleSplit if paired else StratifiedShuffleSplit)(
            1, test_size=held_out, random_state=place
        )
        fitted, left = next(split.split(x, y, sample))
        machine = SVC(kernel="rbf", class_weight="balanced", tol=1e-4, max_iter=4000)
        steps: Any = make_pipeline(StandardScaler(), machine) if scaled else machine
        prefix = "svc__" if scaled else ""
        folds = (GroupKFold if paired else StratifiedKFold)(3)
        search = GridSearchCV(steps, {f"{prefix}{name}": list(values) for name, values in grid.items()}, cv=folds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # The iterations are limited on purpose.
            search.fit(x[fitted], y[fitted], groups=sample[fitted] if paired else None)
        decision = search.decision_function(x[left])
        for group, side in enumerate(sides):
            side.append(decision[y[left] == group])
    return HeldOut(np.concatenate(sides[0]), np.concatenate(sides[1]), repeats)


def logistic_apart(first: Any, second: Any, *, folds: int = 10, seed: int = 0) -> Estimate:
    """Accuracy of a logistic regression that tells two groups of scores apart, over stratified shuffle splits.

    Args:
        first: (m,) scores, as losses, of samples the model never saw.
        second: (n,) those of the forget set.
        folds: Splits; a tenth is predicted in each.
        seed: Of cuts and splits.

    Returns:
        Mean accuracy; .5 is chance. Interval: Student's over splits, widened for their overlap.

    Sign: above .5 when the groups can be distinguished.

    Source: Choi & Na 2023, arXiv 2311.02240 (membership attack of NoMUS); the starting kit of the NeurIPS 2023
        unlearning challenge. Interval: Nadeau & Bengio 2003.

    Deviations: the larger group is cut at random, where the source keeps its first samples.

    Example:
        >>> logistic_apart(np.arange(40.0), np.arange(40.0) + 100).value
        1.0
    """
    x, y, _ = next(_balanced(scores(first, "scores")[:, None], scores(second, "scores")[:, None], 1, seed))
    split = StratifiedShuffleSplit(n_splits=folds, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        each = cross_val_score(LogisticRegression(), x, y, cv=split, scoring="accuracy")
    mean, share = float(each.mean()), 0.1
    half = float(t.ppf(0.975, folds - 1) * each.std(ddof=1) * np.sqrt(1 / folds + share / (1 - share)))
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half))


def like_others(members: Any, others: Any, asked: Any, *, logistic: bool = False, seed: int = 0) -> Array:
    """How much samples of a third group look, to a classifier of members against others, like the others.

    Args:
        members: (m, D) features of retain samples.
        others: (n, D) features of test samples; both are cut to one size.
        asked: (k, D) features of the forget set.
        logistic: A logistic regression in place of the support-vector machine (C 3, RBF, gamma auto).
        seed: Of the cut.

    Returns:
        (k,) decision function; from 0 on a sample is taken for one of the others.

    Sign: high when a sample looks as if it had never been seen.

    Source: Fan et al. 2023, arXiv 2310.12508 (SalUn, membership-attack efficacy); with `logistic` Chundawat et al.
        2022, arXiv 2205.08096.

    Deviations: none.

    Example:
        >>> ones = np.ones((20, 1))
        >>> bool(like_others(ones, 0 * ones, 0 * ones).min() > 0)
        True
    """
    x, y, _ = next(_balanced(members, others, 1, seed))
    machine: Any = LogisticRegression(class_weight="balanced") if logistic else SVC(C=3, gamma="auto", kernel="rbf")
    return machine.fit(x, y).decision_function(scores(asked, "features", dimensions=2))


def share_like_others(members: Any, others: Any, asked: Any, *, logistic: bool = False, seed: int = 0) -> Estimate:
    """Share of a third group that a classifier of members against others takes for others.

    Args:
        members: (m, D) features of retain samples.
        others: (n, D) features of test samples; both are cut to one size.
        asked: (k, D) features of the forget set.
        logistic: See `like_others`.
        seed: Of the cut.

    Returns:
        The share, with Wilson's interval.

    Sign: high when the forget set looks as if it had never been seen.

    Source: that of `like_others`; with `logistic` one minus the source's figure.

    Deviations: none.

    Example:
        >>> ones = np.ones((20, 1))
        >>> share_like_others(ones, 0 * ones, 0 * ones).value
        1.0
    """
    decision = like_others(members, others, asked, logistic=logistic, seed=seed)
    return wilson(int((decision >= 0).sum()), len(decision))


def _balanced(
    first: Any, second: Any, repeats: int, seed: int, *, paired: bool = False
) -> Iterator[tuple[Array, Any, int]]:
    # Both groups at the size of the smaller, redrawn for each repeat: features and 0 or 1.
    one = scores(first, "features", dimensions=2, least=LEAST)
    two = scores(second, "features", dimensions=2, least=LEAST)
    size = min(len(one), len(two))
    for repeat in range(repeats):
        random = np.random.default_rng([seed, repeat])
        same = random.permutation(size) if paired else None
        drawn = [group[random.permutation(len(group))[:size] if same is None else same] for group in (one, two)]
        yield np.concatenate(drawn), np.repeat([0, 1], size), int(random.integers(2**31))
