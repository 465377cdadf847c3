"""LLDS: plain GRPO, and a penalty on correct responses that became less likely since they were sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Llds(CreditRule):
    r"""GRPO's weights as they are, plus a loss that stops lazy likelihood displacement where it shows.

    $$w_{i,k}=\hat A_i,\qquad\mathcal L=\mathcal L_{\mathrm{GRPO}}+\lambda\,\frac1{|Y|}\sum_{i\in Y}\frac1{|y_i|}\,
    \mathbf 1\Big[\sum_k\Delta_{ik}>0\Big]\sum_k\max(0,\Delta_{ik}),\qquad\Delta=\ln\pi_{old}-\ln\pi_\theta$$

    over the responses $Y$ with $\hat A_i\ge0$. The loss is `penalty`. It depends on the policy at each update, so it
    can't be frozen into weights: a trainer adds it to its loss where the rule is `auxiliary`. At the first update
    after sampling $\pi_\theta=\pi_{old}$ and it is 0, value and gradient: it acts only when several updates are made
    from one batch, or when the sampling policy was another one. `antigrad diagnose` takes one update, so there
    the rule is `none`.

    Args:
        coefficient: λ.

    Raises:
        InputValueError: λ is negative or not finite.

    Sign: minimising `penalty` raises the log π of those tokens that lost some, in responses that are not pushed down
        and lost some in all. Tokens of wrong responses are pushed down as in GRPO.

    Source: Deng et al. 2025, arXiv 2512.04220, LLDS; λ = 0.2 theirs, as the factor of the whole term in our reading.

    Deviations: single turn: a response is one action, where the paper gates each action of a response by its own
        sum. The authors' code divides by all tokens of a micro-batch, wrong responses included; here it is the
        formula's mean over responses. No variant that leaves the answer out (LLDS-MA).

    Example:
        >>> import torch
        >>> logp, old = torch.tensor([[-2.0, -1.0], [-2.0, -1.0]]), torch.tensor([[-1.0, -1.5], [-1.0, -1.5]])
        >>> mask = torch.ones(2, 2, dtype=torch.bool)
        >>> round(Llds().penalty(logp, old, torch.tensor([1.0, -1.0]), mask).item(), 3)  # 0.2 · 1 / 2
        0.1
        >>> Llds().penalty(old, old, torch.tensor([1.0, -1.0]), mask).item()
        0.0
    """

    auxiliary: ClassVar[bool] = True
    coefficient: float = 0.2

    def __post_init__(self) -> None:
        if not isinstance(self.coefficient, int | float) or not 0 <= self.coefficient < float("inf"):
            raise InputValueError(f"coefficient={self.coefficient}", "a number from 0", "0.2 is the paper's")

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return group.spread()

    def penalty(
        self,
        log_probs: Tensor,
        old_log_probs: Tensor,
        weights: Tensor,
        mask: Tensor,
        *,
        responses: float | None = None,
    ) -> Tensor:
        r"""Compute $\lambda$ LLDS of a batch of responses.

        Args:
            log_probs: (B, T) log-probabilities under the policy that is trained, in nats, with a graph.
            old_log_probs: (B, T) the same under the policy that sampled; taken as constants.
            weights: (B,) advantages or (B, T) weights: a response is in $Y$ if none of its tokens is pushed down.
                Those of groups that are not mixed have 0 and are in, wrong or not, as in the paper.
            mask: (B, T) True where a token counts.
            responses: $|Y|$ of the whole batch, where this is a piece of it: the penalties of the pieces
                then add up to that of the whole. None counts the piece's own.

        Returns:
            Scalar, at least 0; with a graph.

        Raises:
            InputTypeError: Shapes do not fit, or the mask is not boolean.
            InputValueError: `responses` is not a number above 0.
        """
        if weights.ndim == 1 and mask.ndim == 2 and len(weights) == len(mask):
            weights = weights[:, None].expand(mask.shape)
        shapes = {tuple(value.shape) for value in (log_probs, old_log_probs, weights, mask)}
        if len(shapes) != 1 or mask.ndim != 2:
            raise InputTypeError(f"shapes {sorted(shapes)}", "one shape (B, T)", "pad all to the longest response")
        if mask.dtype != torch.bool:
            raise InputTypeError(f"mask {mask.dtype}", "a bool tensor, True counts", "call .bool()")
        if responses is not None and not responses > 0:
            raise InputValueError(
                f"responses={responses}", "a number above 0", "count the batch's own, or leave it out"
            )
        preserved = mask.any(-1) & ~(mask & (weights < 0)).any(-1)
        # Padding may hold any number; a masked entry must touch neither value nor gradient.
        lost = torch.where(mask, old_log_probs.detach() - log_probs, log_probs.new_zeros(()))
        gate = preserved & (lost.sum(-1) > 0)
        # relu, not clamp: a token that lost nothing gets no gradient.
        means = torch.relu(lost).sum(-1) / mask.sum(-1).clamp(min=1)
        count = max(1, int(preserved.sum())) if responses is None else responses
        return self.coefficient * torch.where(gate, means, means.new_zeros(())).sum() / count
