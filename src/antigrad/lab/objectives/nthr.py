"""An NTHR-like rule: wrong samples whose penalty drags the correct ones down are down-weighted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit import nthr
from antigrad.credit.eta import Eta, eta_of
from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives import advantages_of_groups

Form = Literal["tangent", "hadamard"]


@dataclass(frozen=True)
class Nthr(Objective):
    r"""GRPO with the advantages of selected wrong samples multiplied by η.

    $$s_j=\sum_{i\in P^+}s_{ij},\qquad\tau=\beta\min_{i\in P^+}\bar s_i,
    \qquad s_j>\tau\Rightarrow\hat A_j\leftarrow\eta\hat A_j$$

    with $s_{ij}=(e_i-\pi)^\top K_v(e_j-\pi)$ (`tangent`), or $\langle e_i-\pi,e_j-\pi\rangle(K_v)_{ij}$ (`hadamard`).

    Args:
        beta: β.
        eta: η: `balance`, `p`, `1-p` or a number.
        anchor: Whether $\bar s_i$ counts a sample's influence on itself.
        form: Which influence.

    Raises:
        InputValueError: An option is out of range.

    Sign: as `Grpo`, with less push on what is selected.

    Source: Deng et al. 2025, arXiv 2505.18830, Alg. 1, on action features instead of hidden states.

    Deviations: `tangent` is ours: the exact first-order change of log π(i) when the laboratory raises log π(j). Without
        a kernel `tangent` takes the identity and `hadamard` all ones, which agree.

    Example:
        >>> Nthr().label
        'NTHR-like'
    """

    beta: float = 1.0
    eta: Eta = "balance"
    anchor: nthr.Anchor = "inclusive"
    form: Form = "tangent"
    rule: nthr.Nthr = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", nthr.Nthr(self.beta, self.eta, self.anchor))
        if self.form not in ("tangent", "hadamard"):
            raise InputValueError(f"form {self.form!r}", "tangent or hadamard", "tangent is exact here")

    @property
    def label(self) -> str:  # noqa: D102
        notes = [f"β={self.beta:g}"] if self.beta != 1 else []
        notes += ["others"] if self.anchor == "others" else []
        return "NTHR-like" + (f" ({', '.join(notes)})" if notes else "")

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        raise InputValueError("the exact direction of an NTHR-like rule", "tier='sampled'", "it is defined on groups")

    def influence(self, policy: Policy, ctx: Context) -> Tensor:
        """Influence of raising one action's log-probability on another's.

        Args:
            policy: (..., X, V).
            ctx: The action kernel.

        Returns:
            (..., X, V, V) s, at [i, j] the change of log π(i) by raising log π(j).
        """
        kernel, size = ctx.bandit.action_kernel, policy.log.shape[-1]
        errors = torch.eye(size, dtype=policy.log.dtype) - policy.p[..., None, :]  # row i is e_i − π
        if self.form == "tangent":
            return (errors if kernel is None else errors @ kernel) @ errors.mT
        return errors @ errors.mT * (1.0 if kernel is None else kernel)

    def scores(self, batch: Batch, ctx: Context) -> tuple[Tensor, Tensor]:
        r"""Scores of all samples and anchors of the correct ones.

        Args:
            batch: The groups.
            ctx: The action kernel.

        Returns:
            (..., B, G) s and (..., B, G) $\bar s$, NaN on wrong samples.
        """
        table = self.influence(batch.policy, ctx)
        size = batch.actions.shape[-1]
        rows = table.gather(-2, batch.actions[..., None].expand(*batch.actions.shape, table.shape[-1]))
        pairs = rows.gather(-1, batch.actions[..., None, :].expand(*batch.actions.shape, size))
        correct = batch.rewards > 0.5
        scores = (pairs * correct[..., :, None]).sum(-2)
        own = pairs.diagonal(dim1=-2, dim2=-1) if self.anchor == "others" else 0.0
        return scores, torch.where(correct, scores - own, torch.nan)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        scores, anchors = self.scores(batch, ctx)
        correct = batch.rewards > 0.5
        selected = ~correct & (scores > self.rule.thresholds(anchors)[..., None]) & correct.any(-1, keepdim=True)
        weaker = eta_of(self.eta, correct.to(scores).mean(-1, keepdim=True))
        advantages = advantages_of_groups(batch.rewards, "population")
        return torch.where(selected, weaker * advantages, advantages)
