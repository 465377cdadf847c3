"""What a mean divides by: all tokens of a group, or those that have a weight."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean

Denominator = Literal["group", "kept"]


def check_denominator(denominator: str) -> None:
    """Refuse what is no denominator.

    Args:
        denominator: As it was given.

    Raises:
        InputValueError: It is neither `group` nor `kept`.
    """
    known = get_args(Denominator)
    if denominator not in known:
        hint = did_you_mean(str(denominator), known)
        raise InputValueError(f"denominator {denominator!r}", "group or kept", hint)


def over_kept(weights: Tensor, mask: Tensor, denominator: Denominator) -> Tensor:
    r"""Turn a mean over all tokens of a group into one over those that have a weight, if that is wanted.

    $$c\,w,\qquad c=1\text{ (group)},\quad c=N/K\text{ (kept)}$$

    Args:
        weights: (B, T) weights w.
        mask: (B, T) True where a token counts; N of them.
        denominator: See above; K tokens that count have a weight that is not 0.

    Returns:
        (B, T) weights.
    """
    if denominator == "group":
        return weights
    return weights * (int(mask.sum()) / max(1, int(((weights != 0) & mask).sum())))
