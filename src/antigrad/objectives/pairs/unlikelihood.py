"""Unlikelihood of the rejected tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero

CERTAIN = math.log1p(-1e-6)
"""Log-probability from which a token counts as certain."""


@dataclass(frozen=True)
class Unlikelihood(PairLoss):
    r"""Unlikelihood: the probability of anything but each rejected token, and the likelihood of the chosen response.

    $$\mathcal L=-\alpha\sum_t\log(1-\pi(y_{l,t}))-\nu\,\log\pi(y_w),\qquad
    g_w=\nu,\quad g_{l,t}=\alpha\,\frac{\pi(y_{l,t})}{1-\pi(y_{l,t})}$$

    Args:
        alpha: α, weight of the unlikelihood.
        nll: ν, weight of the likelihood of the chosen response; 0 leaves it out.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers the log-probability of each rejected token; improbable
        tokens are left alone.

    Source: Welleck et al. 2019, arXiv 1908.04319, Sec. 4 and 5; on responses that are wrong as a whole: Li et al. 2019,
        arXiv 1911.03860, and the authors' code in `facebookresearch/ParlAI`, `dialogue_unlikelihood`.

    Deviations: sums over a response's tokens, as all losses here; the authors' code takes means over a batch's tokens.
        As in theirs, 1 − π is not let below 1e-6, and a token beyond that is not pushed.

    Example:
        >>> tokens, mask = torch.tensor([[0.5, 0.2]]).double().log(), torch.tensor([[True, True]])
        >>> out = Unlikelihood(nll=0)(PairLogps.from_tokens(tokens, mask, tokens, mask))
        >>> round(out.losses.item(), 6), [round(x, 6) for x in out.weights.rejected[0].tolist()]
        (0.916291, [1.0, 0.25])
    """

    needs_reference: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "own"
    alpha: float = 1.0
    nll: float = 1.0

    def __post_init__(self) -> None:
        above_zero("alpha", self.alpha, "1 is the authors'")
        if not self.nll >= 0:
            raise InputValueError(f"nll={self.nll}", "a number of at least 0", "1 is the authors'")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        tokens, counts = self._tokens(pairs)
        each = torch.where(counts, -torch.log(-torch.expm1(tokens.clamp(max=CERTAIN))), 0.0)
        return self.alpha * each.sum(-1) - self.nll * pairs.chosen

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        tokens, counts = self._tokens(pairs)
        held = tokens.clamp(max=CERTAIN)
        push = torch.where(counts & (tokens <= CERTAIN), held.exp() / -torch.expm1(held), 0.0)
        return PairWeights(torch.full_like(pairs.chosen, self.nll), self.alpha * push)

    def _tokens(self, pairs: PairLogps) -> tuple[Tensor, Tensor]:
        tokens, counts = pairs.require("rejected_tokens"), pairs.require("rejected_mask")
        # What is padded must not reach the logarithm: its gradient would be NaN times 0.
        return torch.where(counts, tokens, -1.0), counts
