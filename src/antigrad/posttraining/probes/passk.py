"""pass@k of a model over questions, and which questions two models solve within k attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from antigrad.core.errors import InputValueError
from antigrad.objectives import pass_at_k_estimate
from antigrad.posttraining.probes.bootstrap import Estimate, Resamples

Verdicts = Sequence[bool]
"""Whether each sample of one question was correct, in the order they were drawn."""


def pass_values(questions: Sequence[Verdicts | None], k: int) -> list[float | None]:
    """Estimate pass@k of each question.

    Args:
        questions: Verdicts of each question; None where it could not be asked.
        k: Attempts, at most the samples of any question.

    Returns:
        One unbiased estimate a question, see `pass_at_k_estimate`; None where there are no samples.

    Example:
        >>> pass_values([[True] * 6 + [False] * 2, [False] * 8, None], 4)
        [1.0, 0.0, None]
    """
    return [None if one is None else pass_at_k_estimate(len(one), sum(one), k) for one in questions]


def pass_curve(questions: Sequence[Verdicts | None], ks: Sequence[int], resamples: Resamples) -> dict[int, Estimate]:
    """Estimate pass@k over questions, with intervals from the same resamples for every k.

    Args:
        questions: Verdicts of each question; None where it could not be asked.
        ks: Attempts.
        resamples: Of as many questions.

    Returns:
        k and the mean over the questions that were asked.
    """
    return {k: resamples.ratio(pass_values(questions, k)) for k in ks}


def pass_gains(
    questions: Sequence[Verdicts | None], base: Sequence[Verdicts | None], ks: Sequence[int], resamples: Resamples
) -> dict[int, Estimate]:
    """Compare pass@k with that of a base model, question by question.

    Args:
        questions: Verdicts of the model.
        base: Verdicts of the base model on the same questions.
        ks: Attempts.
        resamples: Of as many questions.

    Returns:
        k and the mean difference over the questions that both were asked.

    Sign: above 0 the model is better than the base.
    """
    gains: dict[int, Estimate] = {}
    for k in ks:
        pairs = zip(pass_values(questions, k), pass_values(base, k), strict=True)
        gains[k] = resamples.ratio([None if None in pair else _difference(*pair) for pair in pairs])
    return gains


def _difference(ours: float | None, theirs: float | None) -> float:
    return (ours or 0.0) - (theirs or 0.0)


@dataclass(frozen=True)
class Solved:
    """How many questions were solved within k attempts by a base model and by another.

    Args:
        both: By both.
        only_base: By the base model only.
        only_model: By the other only.
        neither: By none.
    """

    both: int
    only_base: int
    only_model: int
    neither: int


def solved_by(questions: Sequence[Verdicts | None], base: Sequence[Verdicts | None], k: int) -> Solved:
    """Count what each of two models solves within its first k samples.

    A finite-k statement: a question that counts as unsolved may be solved with more samples.

    Args:
        questions: Verdicts of the model, in the order the samples were drawn.
        base: Verdicts of the base model on the same questions.
        k: Attempts.

    Returns:
        Counts over the questions that both were asked.

    Raises:
        InputValueError: A question has fewer than k samples.

    Source: Yue et al. 2025, arXiv 2504.13837.

    Deviations: none.

    Example:
        >>> solved_by([[False, True], [False, False]], [[False, False], [True, False]], 2)
        Solved(both=0, only_base=1, only_model=1, neither=0)
    """
    tally = {(by_base, by_model): 0 for by_base in (True, False) for by_model in (True, False)}
    for ours, theirs in zip(questions, base, strict=True):
        if ours is None or theirs is None:
            continue
        if not 1 <= k <= min(len(ours), len(theirs)):
            raise InputValueError(f"k={k}, {min(len(ours), len(theirs))} samples", "1 ≤ k ≤ samples", "lower k")
        tally[any(theirs[:k]), any(ours[:k])] += 1
    return Solved(tally[True, True], tally[True, False], tally[False, True], tally[False, False])
