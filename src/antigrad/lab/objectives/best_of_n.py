"""Best-of-N: likelihood of the best of N."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives import best_of_n
from antigrad.objectives.divergence import forward_kl_direction


@dataclass(frozen=True)
class BestOfN(Objective):
    r"""Best-of-N, with or without an explicit push on the others.

    $$g=q-\pi,\qquad q_a=\frac{\mu_a}{P_k}\big(F_k^N-F_{k-1}^N\big)$$

    k is the reward level of a, P its mass under μ, F the cumulative mass. Sampled groups are the N responses.

    Args:
        n: N of the exact direction.
        negatives: See `antigrad.objectives.BestOfN`; sampled tier only when not `none`.
        beta: Weight of the push.

    Raises:
        InputValueError: N is below 1.

    Sign: raises the best; pushes others down only with `negatives`.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Sec. 3 and released code.

    Deviations: none.

    Example:
        >>> BestOfN().label
        'BoN10'
    """

    n: int = 10
    negatives: best_of_n.Negatives = "none"
    beta: float = 0.1
    loss: best_of_n.BestOfN = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InputValueError(f"n={self.n}", "at least 1", "10 is the paper's")
        object.__setattr__(self, "loss", best_of_n.BestOfN(self.negatives, self.beta))

    @property
    def label(self) -> str:  # noqa: D102
        return f"BoN{self.n}" + ("" if self.negatives == "none" else f" − {self.negatives}({self.beta:g})")

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        if self.negatives != "none":
            raise InputValueError(
                f"the exact direction of Best-of-N with negatives={self.negatives!r}",
                "negatives='none'",
                "use tier='sampled': the push depends on the whole group",
            )
        law = ctx.law[..., None]
        lower, here = (ctx.bandit.below @ law)[..., 0], (ctx.bandit.equal @ law)[..., 0]
        # A level without mass has no best action; its share is 0 and not 0 / 0.
        share = torch.where(here > 0, ctx.law / here, 0.0)
        return forward_kl_direction(policy.log, share * ((lower + here) ** self.n - lower**self.n))

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        # The mean over groups counts one best response a group, hence times its size.
        return self.loss.weights(batch.rewards, batch.log_probs) * batch.rewards.shape[-1]
