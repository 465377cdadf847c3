"""Differences on the same images, with their standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.significance import LEVEL, holm, t_test


@dataclass(frozen=True)
class Difference:
    """A paired difference.

    Args:
        mean: Mean over images.
        error: Its standard error.
        won: Share of images where it is above zero.
        against: What was subtracted.
    """

    mean: float
    error: float
    won: float
    against: str


def paired(ours: Tensor, theirs: Tensor, against: str = "") -> Difference:
    r"""Mean difference over images.

    $$\bar d=\frac1N\sum_id_i,\qquad\mathrm{se}=\sqrt{\frac{1}{N(N-1)}\sum_i(d_i-\bar d)^2}$$

    Args:
        ours: (N,) scores.
        theirs: (N,) scores of the same images.
        against: Name of theirs.

    Returns:
        The difference; the error is NaN for one image.

    Raises:
        InputValueError: They are not of the same images.

    Example:
        >>> import torch
        >>> paired(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 2.0]))
        Difference(mean=0.5, error=0.5, won=0.5, against='')
    """
    if ours.shape != theirs.shape or ours.ndim != 1 or not len(ours):
        raise InputValueError(
            f"scores of shapes {tuple(ours.shape)}, {tuple(theirs.shape)}", "(N,) both", "score the same images"
        )
    gaps = ours.double() - theirs.double()
    error = float(gaps.std() / len(gaps) ** 0.5) if len(gaps) > 1 else float("nan")
    return Difference(float(gaps.mean()), error, float((gaps > 0).double().mean()), against)


def above_controls(ours: Tensor, controls: Mapping[str, Tensor]) -> Difference:
    """Difference with the best control: the one of the highest mean over these images.

    Args:
        ours: (N,) scores.
        controls: Name and (N,) scores of controls on the same images.

    Returns:
        The difference.

    Raises:
        InputValueError: There is no control.

    Source: ours.
    """
    if not controls:
        raise InputValueError("no control", "at least one", "score the model-free maps too")
    best = max(controls, key=lambda name: float(controls[name].mean()))
    return paired(ours, controls[best], best)


def clearly_above(methods: Mapping[str, Tensor], controls: Mapping[str, Tensor]) -> list[str]:
    r"""Methods that are above every control, by Student's t on the same images.

    Of each method the largest one-sided p over the controls counts, since it has to be above all of them; these are
    adjusted for the number of methods.

    Args:
        methods: Name and (N,) scores.
        controls: Name and (N,) scores on the same images.

    Returns:
        Names. Where no method is better than its controls, the chance of any name is at most 1 in 20.

    Source: Student's t; Berger 1982 for the largest p; Holm 1979.

    Example:
        >>> import torch
        >>> clearly_above({"a": torch.arange(8.0) + 1}, {"b": torch.arange(8.0)}), clearly_above(
        ...     {"a": torch.tensor([1.0, 2.0])}, {"b": torch.tensor([0.0, 0.5])}
        ... )
        (['a'], [])
    """
    p_values = {
        name: max(
            (t_test((ours.double() - theirs.double()).tolist(), greater=True) for theirs in controls.values()),
            default=1.0,
        )
        for name, ours in methods.items()
    }
    return [name for name, p in holm(p_values).items() if p <= LEVEL]
