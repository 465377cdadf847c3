"""Reverse divergence to the tilted reference: the mode-seeking counterpart of offline RWR."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives.divergence import reverse_kl_direction


@dataclass(frozen=True)
class ReverseKl(Objective):
    r"""Reverse KL to $\pi^*\propto\pi_{ref}e^{r/\beta}$.

    $$\min\mathrm{KL}(\pi\|\pi^*),\qquad g=\pi\Big(\log\frac{\pi^*}\pi+\mathrm{KL}(\pi\|\pi^*)\Big),\qquad
    w_i=\rho_i\log\frac{\pi^*(a_i)}{\pi(a_i)}$$

    On-policy it is `kl_reward` divided by β; offline RWR is the forward divergence to the same law.

    Args:
        beta: β.

    Raises:
        InputValueError: β is not above 0.

    Sign: raises what is below the tilted reference, pushes down what is above.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Lemma 6.1.

    Deviations: none.

    Example:
        >>> ReverseKl().label
        'reverse KL(0.1)'
    """

    beta: float = 0.1

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise InputValueError(f"beta={self.beta}", "a number above 0", "0.1 is our default")

    @property
    def label(self) -> str:  # noqa: D102
        return f"reverse KL({self.beta:g})"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        target = (ctx.log_reference + ctx.bandit.rewards / self.beta).log_softmax(-1)
        return reverse_kl_direction(policy.log, target.expand(policy.log.shape))

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        # The constant log Z of the target would only add noise that has no mean.
        gain = batch.log_reference + batch.rewards / self.beta - batch.log_probs
        return torch.exp(batch.log_probs - batch.log_old) * gain
