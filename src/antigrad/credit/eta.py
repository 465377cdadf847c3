"""The factor on selected negative tokens: a number, or one of the paper's functions of the success rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean

Eta = float | str
Rate = TypeVar("Rate", float, Tensor)
_RULES: dict[str, Callable[..., Any]] = {
    "balance": lambda p: 2 * abs(0.5 - p),
    "p": lambda p: p,
    "1-p": lambda p: 1 - p,
}


def check_eta(eta: Eta) -> None:
    """Refuse what is neither a number from 0 to 1 nor the name of a rule.

    Args:
        eta: What was given.

    Raises:
        InputValueError: It is neither.
    """
    if isinstance(eta, str):
        if eta not in _RULES:
            raise InputValueError(f"eta {eta!r}", "a number from 0 to 1, or a rule", did_you_mean(eta, _RULES))
    elif not isinstance(eta, int | float) or not 0 <= eta <= 1:
        raise InputValueError(
            f"eta {eta}", "a number from 0 to 1", "1 changes nothing, 0 removes the negative gradient"
        )


def eta_of(eta: Eta, success_rate: Rate) -> Rate | float:
    r"""Weight $\eta$ of a selected negative token.

    Args:
        eta: A number, `balance` ($2|0.5-p|$, the paper's training rule), `p` or `1-p`.
        success_rate: p of the group, or of many groups as a tensor.

    Returns:
        The factor, from 0 to 1; of each group for a named rule and many groups.

    Source: Deng et al. 2025, arXiv 2505.18830, App. 7.3 and Tab. 5.

    Example:
        >>> eta_of("balance", 0.25), eta_of("1-p", 0.25), eta_of(0.0, 0.25)
        (0.5, 0.75, 0.0)
    """
    return _RULES[eta](success_rate) if isinstance(eta, str) else float(eta)
