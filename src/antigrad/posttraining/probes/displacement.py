r"""The mass receipt: what a response lost at each of its places, and which tokens have it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError


@dataclass(frozen=True)
class Receipt:
    r"""One place of a response, before and after.

    Args:
        token: The response's token there.
        change: Change of its log-probability, nats.
        moved: Change of its probability; what it lost, all others gained.
        gains: Tokens and the changes of their probabilities, the largest gain first.
        others: Change of probability of all tokens that are not named.
        argmax: The likeliest other token before.
        to_argmax: Share of the freed probability that this token received; None where nothing was freed.
    """

    token: int
    change: float
    moved: float
    gains: tuple[tuple[int, float], ...]
    others: float
    argmax: int
    to_argmax: float | None


@torch.no_grad()
def receipt(before: Tensor, after: Tensor, tokens: Tensor, *, named: int = 5) -> list[Receipt]:
    r"""Say, place by place, where the probability of a response went.

    $$\Delta\log\pi(y)=\sum_m\Delta\log\pi_m(y_m),\qquad\sum_v\Delta\pi_m(v)=0$$

    Args:
        before: (T, V) log-probabilities of all tokens at each place.
        after: (T, V) the same afterwards, along the same response.
        tokens: (T,) the response.
        named: How many of the tokens that gained are named.

    Returns:
        One receipt a place. Changes of log-probability add up to that of the response; changes of probability to 0.

    Raises:
        InputTypeError: Shapes do not fit.

    Sign: `moved` < 0 where the response lost; squeezing is a `to_argmax` above the token's share of what was there.

    Source: ours, after Ren & Sutherland 2024, arXiv 2407.10490, Claim 2 (the freed mass goes to the argmax).

    Deviations: ours.

    Example:
        >>> one, two = torch.tensor([[0.5, 0.3, 0.2]]), torch.tensor([[0.3, 0.5, 0.2]])
        >>> found = receipt(one.log(), two.log(), torch.tensor([0]), named=1)[0]
        >>> round(found.moved, 4), found.gains[0][0], round(found.to_argmax or 0, 4)
        (-0.2, 1, 1.0)
    """
    if before.shape != after.shape or before.ndim != 2 or tokens.shape != before.shape[:1]:
        given = f"{tuple(before.shape)}, {tuple(after.shape)}, {tuple(tokens.shape)}"
        raise InputTypeError(given, "(T, V), (T, V), (T,)", "one response under both models")
    first, last = before.double(), after.double()
    # π' − π as π·expm1(Δ): two nearly equal probabilities would lose their digits.
    moved = first.exp() * torch.expm1(last - first)
    columns = tokens[:, None]
    change = (last - first).gather(-1, columns)[:, 0]
    own = moved.gather(-1, columns)[:, 0]
    rest = moved.scatter(-1, columns, -torch.inf)
    top = rest.topk(min(named, rest.shape[1] - 1), -1)
    rival = first.scatter(-1, columns, -torch.inf).argmax(-1)
    gained = moved.gather(-1, rival[:, None])[:, 0]
    rows: list[Receipt] = []
    for place, (token, lost, to) in enumerate(zip(tokens.tolist(), own.tolist(), rival.tolist(), strict=True)):
        pairs = zip(top.indices[place].tolist(), top.values[place].tolist(), strict=True)
        gains = tuple((other, gain) for other, gain in pairs if gain > 0)
        others = -lost - sum(gain for _, gain in gains)
        share = float(gained[place]) / -lost if lost < 0 else None
        rows.append(Receipt(token, float(change[place]), lost, gains, others, to, share))
    return rows


@dataclass(frozen=True)
class Displacement:
    """What one update or one training did to a pair, in nats of whole responses.

    Args:
        chosen: Change of log π(chosen).
        rejected: Change of log π(rejected).
        displaced: Whether the chosen response lost.
        margin: Change of their difference.
        argmax_gain: Along the rejected response, share of the freed probability that went to the likeliest other token
            of each place, over all places that lost; None where none did.
    """

    chosen: float
    rejected: float
    displaced: bool
    margin: float
    argmax_gain: float | None


def displacement(chosen: Sequence[float], rejected: Sequence[float], receipts: Sequence[Receipt]) -> Displacement:
    """Sum up a pair.

    Args:
        chosen: Log-probability of the chosen response before and after.
        rejected: The same of the rejected one.
        receipts: Of the rejected response.

    Returns:
        What happened to it.

    Sign: `chosen` < 0 is likelihood displacement.

    Source: Razin et al. 2024, arXiv 2410.08847, Definition 1.

    Deviations: the share that went to the argmax is ours.
    """
    up, down = chosen[1] - chosen[0], rejected[1] - rejected[0]
    lost = [row for row in receipts if row.moved < 0 and row.to_argmax is not None]
    freed = -sum(row.moved for row in lost)
    to_argmax = sum(-row.moved * (row.to_argmax or 0.0) for row in lost)
    return Displacement(up, down, up < 0, up - down, to_argmax / freed if freed else None)
