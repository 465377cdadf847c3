"""GRPO-N: the negative half of GRPO, divided by all tokens of the group or by those that are left."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.kept import Denominator, check_denominator, over_kept
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class GrpoN(CreditRule):
    r"""Relative negative gradients only: advantages of the whole group, the positive ones then set to zero.

    $$w_{i,k}=c\,\min(\hat A_i,0),\qquad c=1\text{ (group)},\quad
    c=\frac{\text{tokens of the group}}{\text{tokens with }\hat A<0}\text{ (kept)}$$

    With `group` the rule is `negatives_only`, under the name of the method; the loss still divides by all tokens,
    those without a weight included. With `kept` the factor $c\ge1$ turns a mean over all tokens of the group into one
    over the tokens that are left, so a group's push no longer fades as more of its responses are correct. It is a
    factor on the weights of each group by itself, $N_g/K_g$ with $N_g$ tokens of which $K_g$ are kept. What it makes of

    - a loss divided by all tokens of the batch, $N=\sum_gN_g$ (TRL's `dapo`; `bnpo` with the $N$ of its micro-batch):
      $\sum_g\frac{N_g}N\cdot$ (mean over the kept tokens of group $g$). Each group counts by its size, however few
      of its tokens are kept. Cutting the batch to the kept rows before the update (as Zhu et al.'s code does
      for PSR and NSR) divides by $\sum_gK_g$ instead, where groups count by their kept tokens. The two are equal for
      one group, or if every group keeps the same share; else no factor of a single group gives the cut, only
      $N/\sum_gK_g$ of the whole batch does. Groups without a weight (all correct or all wrong) stay in $N$ and are
      cut there.
    - a mean over responses (`grpo`): exact only if wrong responses are as long as the others on average.
    - a constant (`dr_grpo`): the sum of the kept tokens grows by $c$.

    Args:
        denominator: `group`, or `kept`.

    Raises:
        InputValueError: The denominator is neither.

    Sign: wrong responses are pushed down, correct ones get no gradient.

    Source: Yao et al. 2025, arXiv 2510.04028, "relative negative gradients only".

    Deviations: which one the paper divides by is not known, both are here; the default is ours. Masking
        comes after normalising: mean and deviation are those of the whole group.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 2, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 2).long(), mask, torch.tensor([True, False]), torch.tensor([1.0, -1.0]))
        >>> GrpoN()(group).tolist(), GrpoN(denominator="kept")(group).tolist()
        ([[0.0, 0.0], [-1.0, -1.0]], [[0.0, 0.0], [-2.0, -2.0]])
    """

    denominator: Denominator = "group"

    def __post_init__(self) -> None:
        check_denominator(self.denominator)

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return over_kept(group.spread().clamp(max=0), group.mask, self.denominator)

    def weigh_unmixed(self, group: Group) -> Tensor:  # noqa: D102
        return self.weigh(group)
