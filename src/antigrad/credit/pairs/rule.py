"""What a rule for pairs is: from what is known of B preference pairs to the factor λ of each rejected response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.credit.pairs.kernel import PairKernel
from antigrad.objectives.pairs.scaled_rejected import check_factors

HINTS = {
    "pvi": "measure it with the policy that training starts from",
    "ln_ches": "measure it on the states that predict the responses' tokens",
    "confidence": "measure the rejected responses under the policy that training starts from",
    "reward_gap": "score both responses with a reward model, scaled so that gaps are from 0 to 1",
    "kernel": "call pair_kernel on the states that predict the responses' tokens",
}


@dataclass(frozen=True)
class PairFacts:
    """What rules may know of B preference pairs, measured once under the policy that training starts from.

    Args:
        count: B.
        pvi: (B,) pointwise V-information of the rejected response about the answer, nats.
        ln_ches: (B,) length-normalised CHES; higher is more similar.
        confidence: (B,) mean token log-probability of the rejected response, nats.
        reward_gap: (B,) reward of the chosen minus that of the rejected response, 0 to 1.
        kernel: Inner products of both responses' gradients.
        progress: Share of the training that is done, 0 to 1.
        seed: Seed of what a rule draws.

    Raises:
        InputTypeError: A fact is not (B,).
    """

    count: int
    pvi: Tensor | None = None
    ln_ches: Tensor | None = None
    confidence: Tensor | None = None
    reward_gap: Tensor | None = None
    kernel: PairKernel | None = None
    progress: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("pvi", "ln_ches", "confidence", "reward_gap"):
            value: Tensor | None = getattr(self, name)
            if value is not None and value.shape != (self.count,):
                raise InputTypeError(f"{name} {tuple(value.shape)}", f"({self.count},)", "one number per pair")
        if self.kernel is not None and self.kernel.cross.shape != (self.count,):
            raise InputTypeError(f"kernel {tuple(self.kernel.cross.shape)}", f"({self.count},)", "one number per pair")

    def ones(self) -> Tensor:
        """Return a factor of 1 for every pair.

        Returns:
            (B,) float64.
        """
        return torch.ones(self.count, dtype=torch.float64)

    def require(self, name: str) -> Tensor:
        """Return a fact that a rule needs.

        Args:
            name: Its name.

        Returns:
            (B,) float64.

        Raises:
            InputValueError: It is missing, or not a number for some pair.
        """
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise InputValueError(f"pairs without {name}", f"{name} of every pair", HINTS[name])
        if bool(value.isnan().any()):
            bad = value.isnan().nonzero()[:, 0].tolist()
            raise InputValueError(f"{name} that is not a number in pairs {bad[:8]}", "numbers", "leave those pairs out")
        return value.double()

    def require_kernel(self) -> PairKernel:
        """Return the inner products of gradients.

        Returns:
            The kernel.

        Raises:
            InputValueError: It is missing.
        """
        if self.kernel is None:
            raise InputValueError("pairs without kernel", "inner products of gradients", HINTS["kernel"])
        return self.kernel


class PairRule(ABC):
    r"""A rule for how strongly each rejected response is pushed: λ in $-\log\sigma(\beta\ell_w-\lambda\beta\ell_l)$.

    A rule is a pure function: the same facts give the same factors. Subclasses are frozen dataclasses, one per file.

    Attributes:
        per_step: Whether λ changes in the course of the training, by `PairFacts.progress`. All others are computed
            once for the whole data set: orders and shuffles are of all pairs.
        above_one: Whether factors above 1 were asked for.
    """

    per_step: ClassVar[bool] = False
    above_one: bool = False

    def __call__(self, facts: PairFacts) -> Tensor:
        """Compute the factor of each pair.

        Args:
            facts: B pairs.

        Returns:
            (B,) λ, float64, from 0 to 1; above 1 only where that was asked for. 1 is DPO, 0 leaves the rejected out.

        Raises:
            InputTypeError: The rule gave no factor a pair.
        """
        factors = self.weigh(facts)
        if factors.shape != (facts.count,):
            raise InputTypeError(f"factors {tuple(factors.shape)}", f"({facts.count},)", "one number per pair")
        return check_factors(factors, above_one=self.above_one)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return ()

    @abstractmethod
    def weigh(self, facts: PairFacts) -> Tensor:
        """Compute the factor of each pair, unchecked.

        Args:
            facts: B pairs.

        Returns:
            (B,) λ, float64.
        """

    def score(self, facts: PairFacts) -> Tensor:
        """Order the pairs: the higher, the larger λ. Finer than λ itself where the rule treats pairs alike.

        Args:
            facts: B pairs.

        Returns:
            (B,) float64.
        """
        return self(facts)


def in_order(factors: Tensor, score: Tensor) -> Tensor:
    """Hand out factors by the rank of a score.

    Args:
        factors: (B,) what is handed out.
        score: (B,) the pair with the highest gets the largest.

    Returns:
        (B,) the same factors in another order.

    Example:
        >>> in_order(torch.tensor([0.1, 0.9, 0.5]), torch.tensor([3.0, 1.0, 2.0])).tolist()
        [0.8999999761581421, 0.10000000149011612, 0.5]
    """
    handed = torch.empty_like(factors)
    handed[score.argsort(stable=True)] = factors.sort().values
    return handed


def spread(count: int, low: float) -> Tensor:
    """Return factors evenly from a lowest one to 1.

    Args:
        count: B.
        low: The lowest.

    Returns:
        (B,) float64.
    """
    return torch.linspace(1.0, low, count, dtype=torch.float64)


def check_low(low: float) -> None:
    """Refuse a lowest factor that is not from 0 to 1.

    Args:
        low: What was given.

    Raises:
        InputValueError: It is not.
    """
    if not isinstance(low, int | float) or not 0 <= low <= 1:
        raise InputValueError(f"low={low}", "a factor from 0 to 1", "0 leaves the last pair's rejected response out")


def inner_rule(spec: str) -> PairRule:
    """Make the rule that another one builds on.

    Args:
        spec: `name` or `name(option=value)`.

    Returns:
        The rule.

    Raises:
        InputValueError: There is none of that name, or it changes in the course of the training.
    """
    from antigrad.credit.pairs import PAIR_CREDIT

    rule = PAIR_CREDIT.make(spec)
    if rule.per_step:
        raise InputValueError(f"of={spec}", "a rule that gives factors once", "orders are of the whole data set")
    return rule
