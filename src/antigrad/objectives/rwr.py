"""Reward-weighted regression: likelihood with weights that grow with the reward, none of them negative."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.objectives.likelihood import Likelihood


@dataclass(frozen=True)
class Rwr:
    r"""RWR: weights $e^{r/\beta}$, divided by their mean over the group unless `raw`.

    $$\mathcal L=-\frac1B\sum_i\frac{e^{r_i/\beta}}{\frac1B\sum_je^{r_j/\beta}}\log\pi(y_i)$$

    Args:
        beta: β, temperature.
        raw: Leave the weights as they are.

    Raises:
        InputValueError: β is not above 0.

    Sign: minimising it raises log π of every response, most where the reward is high.

    Source: Peters and Schaal 2007; Tajwar et al. 2024, arXiv 2404.14367 (their code: raw weights).

    Deviations: dividing by the mean is ours (the exact tier's target law).

    Example:
        >>> Rwr(beta=1.0).weights(torch.tensor([0.0, 1.0, 1.0])).tolist()
        [0.46..., 1.26..., 1.26...]
    """

    beta: float = 0.1
    raw: bool = False

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise InputValueError(f"beta={self.beta}", "a number above 0", "0.1, or 1 on standardised rewards")

    def weights(self, rewards: Tensor, law: Tensor | None = None) -> Tensor:
        """Weights of responses.

        Args:
            rewards: (..., B) rewards of a group.
            law: (..., B) probabilities with which the mean is taken; uniform when None.

        Returns:
            (..., B) weights, none of them negative; their mean is 1 unless `raw`.
        """
        if self.raw:
            return torch.exp(rewards / self.beta)
        # Shifting by the largest reward cancels in the ratio and keeps the exponential finite.
        weights = torch.exp((rewards - rewards.amax(-1, keepdim=True)) / self.beta)
        mean = weights.mean(-1, keepdim=True) if law is None else (weights * law).sum(-1, keepdim=True)
        return weights / mean

    def __call__(self, log_probs: Tensor, rewards: Tensor) -> Parts:
        """Compute the loss of a group.

        Args:
            log_probs: (B,) log-probabilities, in nats, with a graph.
            rewards: (B,) rewards.

        Returns:
            The parts: all of it is `up`.
        """
        return Likelihood()(log_probs, self.weights(rewards))
