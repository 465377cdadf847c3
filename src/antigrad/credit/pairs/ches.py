"""By how similar both responses look to the model: CHES."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError
from antigrad.credit.pairs.rule import PairFacts, PairRule, check_low, in_order, inner_rule, spread


@torch.no_grad()
def ches_scores(chosen: Tensor, chosen_mask: Tensor, rejected: Tensor, rejected_mask: Tensor) -> tuple[Tensor, Tensor]:
    r"""Centred hidden embedding similarity of both responses of each pair.

    $$\mathrm{CHES}=\Big\langle\sum_kh^w_k,\sum_{k'}h^l_{k'}\Big\rangle-\Big\lVert\sum_kh^w_k\Big\rVert^2,\qquad
    \text{ln-CHES}=\frac{\langle\cdot,\cdot\rangle}{|y_w||y_l|}-\frac{\lVert\cdot\rVert^2}{|y_w|^2}$$

    Args:
        chosen: (B, T, d) states that predict the chosen tokens; anything where padded.
        chosen_mask: (B, T) True where a token counts.
        rejected: (B, U, d) likewise.
        rejected_mask: (B, U) likewise.

    Returns:
        (B,) CHES and (B,) ln-CHES, float64: sums in half precision overflow. NaN for an empty response.

    Raises:
        InputTypeError: Shapes do not fit.

    Sign: higher is more similar, and said to displace more.

    Source: Razin et al. 2024, arXiv 2410.08847, Definition 2.

    Deviations: none; the authors' code counts padding on the right (right at one pair a batch only).

    Example:
        >>> h, mask = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[True, True]])
        >>> [x.item() for x in ches_scores(h, mask, h, mask)]
        [0.0, 0.0]
    """
    if chosen.shape[:2] != chosen_mask.shape or rejected.shape[:2] != rejected_mask.shape:
        given = (
            f"{tuple(chosen.shape)}, {tuple(chosen_mask.shape)}; {tuple(rejected.shape)}, {tuple(rejected_mask.shape)}"
        )
        raise InputTypeError(given, "(B, T, d), (B, T); (B, U, d), (B, U)", "one state per token")
    up, down = (
        torch.where(mask[..., None], states.double(), 0.0).sum(1)
        for states, mask in ((chosen, chosen_mask), (rejected, rejected_mask))
    )
    lengths = [mask.sum(-1).double() for mask in (chosen_mask, rejected_mask)]
    inner, square = (up * down).sum(-1), up.square().sum(-1)
    return inner - square, inner / (lengths[0] * lengths[1]) - square / lengths[0].square()


@dataclass(frozen=True)
class Ches(PairRule):
    r"""The more similar both responses look to the model, the less the rejected one is pushed.

    $$\lambda_i\text{ falls with the rank of ln-CHES}$$

    Args:
        of: Rule whose factors are handed out in this order, as `name(option=value)`; empty for factors evenly from
            `low` to 1.
        low: λ of the last pair, where `of` is empty.

    Raises:
        InputValueError: An option is out of range.

    Sign: the pair with the highest ln-CHES gets the smallest λ.

    Source: Razin et al. 2024, arXiv 2410.08847 (the score).

    Deviations: ours as a rule: the paper drops pairs, it does not weigh them.

    Example:
        >>> Ches()(PairFacts(3, ln_ches=torch.tensor([-9.0, -1.0, -2.0]))).tolist()
        [1.0, 0.0, 0.5]
    """

    of: str = ""
    low: float = 0.0

    def __post_init__(self) -> None:
        check_low(self.low)
        if self.of:
            inner_rule(self.of)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return ("ln_ches", *(inner_rule(self.of).needs if self.of else ()))

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        factors = inner_rule(self.of)(facts) if self.of else spread(facts.count, self.low)
        return in_order(factors, self.score(facts))

    def score(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return -facts.require("ln_ches")
