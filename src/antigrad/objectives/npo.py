"""Negative Preference Optimisation: a bounded push on what is to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.parts import Parts


@dataclass(frozen=True)
class Npo:
    r"""NPO: DPO without a chosen response.

    $$\mathcal L=-\frac2\beta\log\sigma\Big(-\beta\log\frac{\pi}{\pi_{ref}}\Big),\qquad
    \frac{\partial\mathcal L}{\partial\log\pi}=2\,\sigma\Big(\beta\log\frac\pi{\pi_{ref}}\Big)\in(0,2)$$

    Args:
        beta: β; towards 0 the loss becomes gradient ascent on the likelihood.

    Raises:
        InputValueError: β is not above 0.

    Sign: minimising it lowers log π of the forget set, less and less as it falls below the reference.

    Source: Zhang et al. 2024, arXiv 2404.05868, Eq. 3.

    Deviations: none.

    Example:
        >>> log_prob, reference = torch.tensor([-20.0]).double(), torch.tensor([-17.5]).double()
        >>> round(Npo()(log_prob, reference).down.item(), 10)
        11.5187883976
    """

    beta: float = 0.1

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise InputValueError(f"beta={self.beta}", "a number above 0", "0.1 is usual")

    def losses(self, log_ratio: Tensor) -> Tensor:
        """Loss of each response.

        Args:
            log_ratio: log π − log π_ref, any shape.

        Returns:
            The loss, the same shape.
        """
        return 2 / self.beta * softplus(self.beta * log_ratio)

    def pushes(self, log_ratio: Tensor) -> Tensor:
        """Weight with which each response is pushed down.

        Args:
            log_ratio: log π − log π_ref, any shape.

        Returns:
            From 0 to 2, the same shape; 1 at the reference.
        """
        return 2 * torch.sigmoid(self.beta * log_ratio)

    def __call__(self, log_probs: Tensor, reference: Tensor) -> Parts:
        """Compute the loss of a batch of responses to forget.

        Args:
            log_probs: (B,) log-probabilities, in nats, with a graph.
            reference: (B,) the same under the frozen reference.

        Returns:
            The parts: all of it is `down`, the mean over responses.

        Raises:
            InputTypeError: Shapes differ.
            InputValueError: The reference gives one of them probability zero.
        """
        if log_probs.shape != reference.shape:
            given = f"{tuple(log_probs.shape)} and {tuple(reference.shape)}"
            raise InputTypeError(given, "one shape (B,)", "one row per response")
        if not bool(reference.isfinite().all()):
            raise InputValueError("a reference probability of zero", "finite log-probabilities", "leave it out")
        zero = log_probs.new_zeros(())
        return Parts(zero, self.losses(log_probs - reference).mean(), zero.clone())
