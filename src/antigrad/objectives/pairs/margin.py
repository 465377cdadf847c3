"""Losses of one margin: what pulls the chosen response up pushes the rejected one down."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights


class MarginLoss(PairLoss):
    r"""A loss $\ell(h)$ of the margin between a chosen and a rejected response.

    $$h=s_w\,\ell_w-s_l\,\ell_l,\qquad c=-\ell'(h),\qquad g_w=s_w\,c,\qquad g_l=s_l\,c$$

    with scales $s=1$, or one over the tokens where `per_token`. `losses` and `pushes` work element by element on
    margins of any shape, so that a table of all pairs is one call.

    Attributes:
        per_token: Whether log-ratios are means over tokens.
    """

    per_token: bool = False

    @abstractmethod
    def losses(self, margin: Tensor) -> Tensor:
        """Loss of each margin.

        Args:
            margin: h, in nats, any shape.

        Returns:
            ℓ(h), the same shape, to be minimised.
        """

    @abstractmethod
    def pushes(self, margin: Tensor) -> Tensor:
        """Weight with which a margin is driven apart.

        Args:
            margin: h, in nats, any shape.

        Returns:
            c = −ℓ'(h), the same shape; below 0 where the loss wants a smaller margin.
        """

    def scales(self, pairs: PairLogps) -> tuple[Tensor, Tensor]:
        """Scales of both log-ratios in the margin.

        Args:
            pairs: B pairs.

        Returns:
            (B,) of the chosen and (B,) of the rejected ones, without graph.
        """
        if self.per_token:
            chosen, rejected = pairs.lengths()
            return 1 / chosen, 1 / rejected
        one = torch.ones_like(pairs.chosen)
        return one, one

    def margin_of(self, pairs: PairLogps) -> Tensor:
        """Margin of each pair.

        Args:
            pairs: B pairs.

        Returns:
            (B,) h, in nats.
        """
        chosen, rejected = pairs.ratios() if self.needs_reference else (pairs.chosen, pairs.rejected)
        up, down = self.scales(pairs)
        return up * chosen - down * rejected

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return self.losses(self.margin_of(pairs))

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        push = self.pushes(self.margin_of(pairs))
        up, down = self.scales(pairs)
        return PairWeights(up * push, down * push)
