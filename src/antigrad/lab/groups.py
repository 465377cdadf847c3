r"""Exact expectation of group-relative advantages: a sum over how the other G − 1 samples may fall.

| symbol | shape | meaning |
| --- | --- | --- |
| levels | (K,) | distinct rewards |
| others | (n, K) | compositions of G − 1 into K counts, $n=\binom{G+K-2}{K-1}$ |
| weights | (K, n) | weight of one sample of level k when the others fall as in column n |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import comb, factorial, prod

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.grpo import Scale, advantages_of_groups

_MOST = 20_000
"""Compositions beyond which the sampled tier is the way."""


@dataclass(frozen=True)
class GroupTable:
    """Advantages of every group that G samples of K reward levels can form.

    Args:
        others: (n, K) counts of the other G − 1 samples.
        ways: (n,) multinomial coefficients.
        advantages: (K, n) advantage of a sample of level k in that group.
    """

    others: Tensor
    ways: Tensor
    advantages: Tensor

    def chances(self, mass: Tensor) -> Tensor:
        """Probability of each composition.

        Args:
            mass: (..., K) probability of each level.

        Returns:
            (..., n) probabilities, summing to 1.
        """
        return (mass[..., None, :] ** self.others).prod(-1) * self.ways

    def mean(self, mass: Tensor, of: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Expected weight of a sample, given its level.

        Args:
            mass: (..., K) probability of each level.
            of: What is averaged, as a function of the (K, n) advantages; they themselves when None.

        Returns:
            (..., K) E[w | level].
        """
        return self.chances(mass) @ (self.advantages if of is None else of(self.advantages)).T


def group_table(levels: Tensor, group: int, scale: Scale) -> GroupTable:
    """Build the table, or take it from the last time: it depends on nothing that moves.

    Args:
        levels: (K,) distinct rewards.
        group: G.
        scale: Normalisation of the advantages, see `group_advantages`.

    Returns:
        The table.

    Raises:
        InputValueError: There are too many compositions.

    Example:
        >>> group_table(torch.tensor([0.0, 1.0]).double(), 2, "population").advantages.tolist()
        [[-1.0, 0.0], [0.0, 1.0]]
    """
    count = comb(group + len(levels) - 2, len(levels) - 1)
    if group < 2 or count > _MOST:
        raise InputValueError(
            f"groups of {group} with {len(levels)} reward levels: {count} compositions",
            f"at least 2 samples and at most {_MOST} compositions",
            "use tier='sampled', or reinforce_std, which is the limit of large groups",
        )
    return _table(tuple(levels.tolist()), group, scale)


@lru_cache(maxsize=64)
def _table(levels: tuple[float, ...], group: int, scale: Scale) -> GroupTable:
    others = list(_compositions(group - 1, len(levels)))
    ways = [factorial(group - 1) // prod(map(factorial, counts)) for counts in others]
    rows = [
        [[levels[k], *(r for r, n in zip(levels, counts, strict=True) for _ in range(n))] for counts in others]
        for k in range(len(levels))
    ]
    advantages = advantages_of_groups(torch.tensor(rows, dtype=torch.float64), scale)[..., 0]
    return GroupTable(torch.tensor(others, dtype=torch.float64), torch.tensor(ways, dtype=torch.float64), advantages)


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def common_speed(p: Tensor, group: int) -> Tensor:
    r"""Speed of GRPO on the common curve of 0/1 rewards.

    $$\mathbb E[\Delta z_a]=\eta\,c\,\pi_a(r_a-p),\qquad
    c(p,G)=\frac{\sum_{k=1}^{G-1}\binom Gkp^k(1-p)^{G-k}\sqrt{k(G-k)}/G}{p(1-p)}$$

    Args:
        p: Accuracy, any shape, strictly between 0 and 1.
        group: G.

    Returns:
        c, the same shape: $p\,c$ is the speed of negatives only, $(1-p)\,c$ of positives only.

    Source: derived; plain population deviation.

    Deviations: none.

    Example:
        >>> round(common_speed(torch.tensor(0.5).double(), 8).item(), 3)
        1.856
    """
    k = torch.arange(1, group, dtype=p.dtype)
    ways = torch.tensor([comb(group, int(i)) for i in k], dtype=p.dtype)
    inner = ways * p[..., None] ** k * (1 - p[..., None]) ** (group - k) * torch.sqrt(k * (group - k)) / group
    return inner.sum(-1) / (p * (1 - p))
