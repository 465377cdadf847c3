"""Best-of-N: likelihood of the best response, with or without an explicit push on the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.core.parts import Parts

Negatives = Literal["none", "worst", "mean", "sum", "complement"]


@dataclass(frozen=True)
class BestOfN:
    r"""Best-of-N with an optional negative term on the responses $j$ that are not the best one $b$.

    $$\mathcal L=-\log\pi(b)+\beta\sum_jk_j\log\pi(j)\qquad\text{or}\qquad
    -\log\pi(b)-\beta\sum_j\log(1-\pi(j))$$

    Args:
        negatives: `none`; `worst` only; `mean` ($k_j=\frac1{N-1}$) or `sum` ($k_j=1$) over all others;
            `complement`: the second form, whose push $\beta\pi_j/(1-\pi_j)$ fades as $\pi_j$ falls.
        beta: β, weight of the negative term.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising `up` raises log π of the best response, minimising `down` lowers that of the others.

    Source: Tajwar et al. 2024, arXiv 2404.14367, released code (`best_of_n`, `negative_gradient_type`).

    Deviations: their `*_constrained` types add constants only and are left out. Ties take the first.

    Example:
        >>> BestOfN(negatives="worst", beta=0.5).weights(torch.tensor([0.2, 1.0, 0.0])).tolist()
        [0.0, 1.0, -0.5]
    """

    negatives: Negatives = "none"
    beta: float = 0.1

    def __post_init__(self) -> None:
        if self.negatives not in get_args(Negatives):
            known = get_args(Negatives)
            raise InputValueError(f"negatives {self.negatives!r}", "a kind", did_you_mean(self.negatives, known))
        if not self.beta >= 0:
            raise InputValueError(f"beta={self.beta}", "a number from 0", "0.1 is our default")

    def weights(self, rewards: Tensor, log_probs: Tensor | None = None) -> Tensor:
        """Signed weights of the responses of groups: minus the gradient of the loss.

        Args:
            rewards: (..., N) rewards; each row is one group.
            log_probs: (..., N) log-probabilities; needed by `complement`.

        Returns:
            (..., N) weights: 1 on the best, 0 or below on the others.

        Raises:
            InputValueError: `complement` without log-probabilities.
        """
        place = torch.arange(rewards.shape[-1])
        best = place == rewards.argmax(-1, keepdim=True)
        if self.negatives == "none":
            return best.to(rewards)
        if self.negatives == "worst":
            push = (place == rewards.argmin(-1, keepdim=True)).to(rewards)
        elif self.negatives == "complement":
            if log_probs is None:
                raise InputValueError("complement without log-probabilities", "them", "pass log_probs=")
            push = torch.exp(log_probs.detach() - _log_complement(log_probs.detach()))
        else:
            push = torch.full_like(rewards, 1 / (rewards.shape[-1] - 1) if self.negatives == "mean" else 1.0)
        return torch.where(best, 1.0, 0.0 - self.beta * push)  # not the −0 of a product

    def __call__(self, log_probs: Tensor, rewards: Tensor) -> Parts:
        """Compute the loss of groups.

        Args:
            log_probs: (..., N) log-probabilities, in nats, with a graph.
            rewards: (..., N) rewards; each row is one group.

        Returns:
            The parts, means over groups.
        """
        weights = self.weights(rewards, log_probs)
        up, down = -(weights.clamp(min=0) * log_probs).sum(-1).mean(), -(weights.clamp(max=0) * log_probs).sum(-1)
        if self.negatives == "complement":
            down = torch.where(weights < 0, -self.beta * _log_complement(log_probs), 0.0).sum(-1)
        return Parts(up, down.mean(), up.new_zeros(()))


def _log_complement(log_probs: Tensor) -> Tensor:
    # log(1 − π), exact near both ends.
    return torch.where(log_probs > -0.7, torch.log(-torch.expm1(log_probs)), torch.log1p(-torch.exp(log_probs)))
