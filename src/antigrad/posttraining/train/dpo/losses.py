"""Losses of `antigrad.objectives.pairs` under TRL's trainer: which of them can be trained with, and on what."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.objectives.pairs import PAIR_LOSSES, PairLogps, PairLoss

INSTEAD = {
    "vpo": "credit=vpo with TRL's loss is the same",
    "mappo": "credit=gap with TRL's loss is the same",
    "scaled": "choose a rule by credit: it hands out the factors",
    "bco": "its running mean is kept by TRL's own BCO only; loss_type=bco_pair leaves it out",
    "kto": "it needs an estimate of the KL term; TRL has a trainer of its own for it",
}


def loss_of(spec: str) -> PairLoss:
    """Make a loss, and try it on one pair.

    Args:
        spec: `name` or `name(option=value,...)`.

    Returns:
        The loss.

    Raises:
        InputValueError: There is none of that name, an option is wrong, or a batch of pairs lacks what it needs.

    Example:
        >>> loss_of("dpop(penalty=5)").penalty
        5
    """
    loss = PAIR_LOSSES.make(spec)
    sure, mask = torch.full((2, 1), -1.0), torch.ones(2, 1, dtype=torch.bool)
    try:
        loss(pairs_of(sure, mask, (sure[0], sure[1]), None))
    except (InputValueError, InputTypeError) as error:
        hint = INSTEAD.get(parse_spec(spec)[0], "choose another")
        raise InputValueError(f"{spec}: {error}", "a loss on log-probabilities alone", hint) from error
    return loss


def pairs_of(tokens: Tensor, mask: Tensor, references: tuple[Tensor, Tensor], factors: Tensor | None) -> PairLogps:
    """Put a batch of TRL's together for a loss.

    Args:
        tokens: (2 B, T) log-probabilities, the rejected rows last, 0 outside the responses.
        mask: (2 B, T) True on the responses.
        references: (B,) of the chosen and of the rejected responses under the reference.
        factors: (B,) λ of a rule; None for 1.

    Returns:
        The pairs; rejected log-probabilities, policy and reference alike, are multiplied by λ.
    """
    chosen, rejected = tokens.chunk(2)
    lengths = mask.sum(1).chunk(2)
    down, reference = rejected.sum(1), references[1]
    if factors is not None:
        down, reference = down * factors.to(down), reference * factors.to(reference)
    more: dict[str, Any] = {"rejected_tokens": rejected, "rejected_mask": mask.chunk(2)[1]}
    return PairLogps(chosen.sum(1), down, references[0], reference, *lengths, **more)
