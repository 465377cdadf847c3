r"""ResRL: a wrong token is pushed down by how far its state lies from what correct responses span.

Symbols: $\tilde h$ (d,) layer-normed state that predicts a token, $\mu$ and $V$ (d, r) mean and first principal
directions of the correct responses' $\tilde h$, $d_{jk}$ squared distance, a mean over coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from antigrad.core.errors import InputValueError
from antigrad.credit.rule import CreditRule, Group

FEWEST = 4
"""Positive tokens below which there is no subspace; the authors' number."""
FLAT = 1e-5
"""Range of distances below which all count as equal; the authors' number."""
SILENT = 1e-10
"""Share of the states' squares, which add up to nd, below which a direction is rounding."""


@dataclass(frozen=True)
class ResRl(CreditRule):
    r"""ResRL: what wrong tokens share with correct responses is spared, and correct ones are pulled up weakly.

    $$w_{j,k}=\hat A_j\Big(f+(1-f)\,\mathrm{clip}\Big(\frac{d_{jk}-q_{low}}{q_{high}-q_{low}},0,1\Big)\Big),\qquad
    d_{jk}=\frac1d\lVert(I-VV^\top)(\tilde h_{jk}-\mu)\rVert^2$$

    for wrong $j$, with quantiles over the group's wrong tokens; $w_{i,k}=0.1\,\hat A_i$ for correct $i$,
    also where all are correct; where all are wrong, $w_{j,k}=\hat A_j$.

    Args:
        rank: Most principal directions r.
        floor: f, the factor of a token inside the subspace.
        positive_weight: Factor on correct responses.
        low: Level of the lower quantile.
        high: Level of the upper one.

    Raises:
        InputValueError: An option is out of range.

    Sign: wrong tokens are pushed down, the less the nearer their states are to those of correct responses; correct
        ones are pulled up.

    Source: Lin et al. 2026, arXiv 2605.00380, and their code, from which the numbers and the treatment of too few
        tokens are.

    Deviations: works on the states it is given. The paper takes the penultimate layer's; `antigrad diagnose` gives
        those after the final norm, which the head reads. r is 64, but at most the number of correct tokens less 1,
        and directions without variance are left out, where theirs are filled up at random. Principal directions are
        exact and over all correct tokens, theirs randomised and over 8192. Where all distances are equal to 1e-5
        the factor is the middle of its range, theirs only from 32 tokens on. Their factor of a thinking section's
        tokens is −1; here they are tokens like others.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()
        >>> right = [[1.0, -1, 0, 0], [-1, 1, 0, 0], [1, -1, 0, 0], [-1, 1, 0, 0]]
        >>> hidden = torch.tensor([right, [[1.0, -1, 0, 0], [0, 0, 1, -1], [0, 0, 0, 0], [0, 0, 0, 0]]])
        >>> verdict, advantages = torch.tensor([True, False]), torch.tensor([1.0, -1.0])
        >>> group = Group(torch.zeros(2, 4).long(), mask, verdict, advantages, hidden=hidden)
        >>> [round(weight, 2) for weight in ResRl()(group)[1].tolist()]
        [-0.1, -1.0, 0.0, 0.0]
    """

    needs_hidden: ClassVar[bool] = True
    token_level: ClassVar[bool] = True
    rank: int = 64
    floor: float = 0.1
    positive_weight: float = 0.1
    low: float = 0.2
    high: float = 0.8

    def __post_init__(self) -> None:
        if not isinstance(self.rank, int) or isinstance(self.rank, bool) or self.rank < 1:
            raise InputValueError(f"rank={self.rank}", "a whole number from 1", "64 is the paper's")
        for name in ("floor", "positive_weight", "low", "high"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise InputValueError(f"{name}={value}", "a number from 0 to 1", "the defaults are the authors'")
        if not self.low < self.high:
            raise InputValueError(f"low={self.low}, high={self.high}", "low below high", "0.2 and 0.8 are the authors'")

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        hidden, spread, wrong = group.require_hidden(), group.spread(), group.wrong_tokens()
        right = group.mask & group.correct[:, None]
        factors = torch.where(right, self.positive_weight, torch.ones_like(spread))
        factors[wrong] = self.factors(hidden[right], hidden[wrong]).to(factors)
        return factors * spread

    def weigh_unmixed(self, group: Group) -> Tensor:  # noqa: D102
        right = group.mask & group.correct[:, None]
        spread = group.spread()
        return torch.where(right, self.positive_weight * spread, spread)

    def factors(self, right: Tensor, wrong: Tensor) -> Tensor:
        """Factors on the advantages of wrong tokens.

        Args:
            right: (n, d) states of correct responses' tokens.
            wrong: (m, d) states of wrong responses' tokens.

        Returns:
            (m,) float64 factors from `floor` to 1; ones where there are fewer than four correct tokens.
        """
        if len(right) < FEWEST:
            return torch.ones(len(wrong), dtype=torch.float64, device=wrong.device)
        distances = self.distances(right, wrong)
        low, high = distances.quantile(self.low), distances.quantile(self.high)
        if float(high - low) < FLAT:
            return torch.full_like(distances, (self.floor + 1) / 2)
        return self.floor + (1 - self.floor) * ((distances - low) / (high - low)).clamp(0, 1)

    def distances(self, right: Tensor, wrong: Tensor) -> Tensor:
        """Squared distances of wrong tokens' states from the subspace of the correct ones.

        Args:
            right: (n, d) states of correct responses' tokens.
            wrong: (m, d) states of wrong responses' tokens.

        Returns:
            (m,) float64 squared distances divided by d.
        """
        normed, states = (layer_norm(x.double(), x.shape[-1:]) for x in (right, wrong))
        centre = normed.mean(0)
        normed, states = normed - centre, states - centre
        variances, directions = torch.linalg.eigh(normed.T @ normed)  # ascending
        loud = int((variances > SILENT * normed.numel()).sum())
        basis = directions[:, directions.shape[1] - min(self.rank, len(right) - 1, loud) :]
        return (states - states @ basis @ basis.T).square().mean(-1)
