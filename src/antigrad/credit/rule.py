"""What a credit rule is: from a group's tokens, rewards and scores to signed token weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.credit.influence import Influence


@dataclass(frozen=True)
class Group:
    """The B responses sampled for one prompt, as a credit rule sees them.

    Args:
        tokens: (B, T) token ids.
        mask: (B, T) True where a token counts.
        correct: (B,) True where the verifier accepted the response.
        advantages: (B,) group-relative advantages, positive on correct responses of a mixed group.
        influence: Scores of the group; needed by rules with `needs_influence`.
        seed: Seed of what a rule draws at random.

    Raises:
        InputTypeError: Shapes or dtypes do not fit.
    """

    tokens: Tensor
    mask: Tensor
    correct: Tensor
    advantages: Tensor
    influence: Influence | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        batch = self.tokens.shape[:1]
        if self.mask.shape != self.tokens.shape or self.correct.shape != batch or self.advantages.shape != batch:
            given = f"tokens {tuple(self.tokens.shape)}, mask {tuple(self.mask.shape)}, "
            given += f"correct {tuple(self.correct.shape)}, advantages {tuple(self.advantages.shape)}"
            raise InputTypeError(given, "(B, T), (B, T), (B,), (B,)", "one row a response")
        if self.mask.dtype != torch.bool or self.correct.dtype != torch.bool:
            raise InputTypeError(
                f"mask {self.mask.dtype}, correct {self.correct.dtype}", "bool tensors", "call .bool()"
            )

    @cached_property
    def counted(self) -> Tensor:
        """(B,) True where a response has at least one token that counts."""
        return self.mask.any(-1)

    @property
    def mixed(self) -> bool:
        """Whether the group has a correct and a wrong response that count."""
        return bool((self.counted & self.correct).any()) and bool((self.counted & ~self.correct).any())

    @property
    def success_rate(self) -> float:
        """Share p of the group's responses that are correct and count."""
        return int((self.counted & self.correct).sum()) / len(self.correct)

    def spread(self) -> Tensor:
        """Give every token its response's advantage.

        Returns:
            (B, T) advantages, 0 where masked.
        """
        return torch.where(self.mask, self.advantages[:, None], torch.zeros_like(self.advantages[:, None]))

    def wrong_tokens(self) -> Tensor:
        """Mark the tokens that are pushed down.

        Returns:
            (B, T) True on counted tokens of wrong responses.
        """
        return self.mask & ~self.correct[:, None]

    def require_influence(self) -> Influence:
        """Return the scores.

        Returns:
            The group's influence.

        Raises:
            InputValueError: The group came without.
        """
        if self.influence is None:
            raise InputValueError("a group without influence scores", "a mixed group with them", "call group_influence")
        return self.influence


class CreditRule(ABC):
    """A rule for how strongly the down part acts, and where.

    A rule is a pure function: the same group gives the same weights. A group that is not mixed keeps
    the advantages it came with. Subclasses are frozen dataclasses, one a file; their fields are the
    options on the command line.
    """

    needs_influence: ClassVar[bool] = False

    def __call__(self, group: Group) -> Tensor:
        """Weigh the tokens of a group.

        Args:
            group: One prompt's responses.

        Returns:
            (B, T) signed weights of the tokens' log-probabilities: positive pulls up, negative
            pushes down, 0 where masked. Trainers take them as token advantages.
        """
        weights = self.weigh(group) if group.mixed else group.spread()
        return torch.where(group.mask, weights, torch.zeros_like(weights))

    @abstractmethod
    def weigh(self, group: Group) -> Tensor:
        """Weigh the tokens of a mixed group.

        Args:
            group: One prompt's responses, at least one correct and one wrong.

        Returns:
            (B, T) signed weights; what is masked is ignored.
        """
