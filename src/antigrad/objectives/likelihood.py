"""Signed weighted likelihood: what maximum likelihood, REINFORCE and their kin come down to."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.core.errors import InputTypeError
from antigrad.core.parts import Parts


@dataclass(frozen=True)
class Likelihood:
    r"""Weighted log-likelihood, split by the sign of the weight.

    $$\mathcal L=-\frac1B\sum_i w_i\log\pi(y_i)$$

    Weights of 1 give maximum likelihood, those of `Rwr` reward-weighted regression, those of `BestOfN` Best-of-N,
    $r_i-b$ REINFORCE, those of a credit rule that rule's policy gradient. Weights are constants.

    Sign: minimising `up` raises log π where w > 0, minimising `down` lowers it where w < 0.

    Source: Williams 1992 (REINFORCE); Tajwar et al. 2024, arXiv 2404.14367, Sec. 3 (weighted likelihood).

    Deviations: none.

    Example:
        >>> import torch
        >>> parts = Likelihood()(torch.tensor([-1.0, -2.0]), torch.tensor([1.0, -0.5]))
        >>> parts.up.item(), parts.down.item()
        (0.5, -0.5)
    """

    def __call__(self, log_probs: Tensor, weights: Tensor) -> Parts:
        """Compute the loss of a batch of responses.

        Args:
            log_probs: (B,) log-probabilities, in nats, with a graph.
            weights: (B,) signed weights.

        Returns:
            The parts, sums over their own responses divided by B.

        Raises:
            InputTypeError: Shapes differ.
        """
        if log_probs.shape != weights.shape:
            given = f"{tuple(log_probs.shape)} and {tuple(weights.shape)}"
            raise InputTypeError(given, "one shape (B,)", "one weight per response")
        weights = weights.detach()
        up, down = (-(part * log_probs).mean() for part in (weights.clamp(min=0), weights.clamp(max=0)))
        return Parts(up, down, up.new_zeros(()))
