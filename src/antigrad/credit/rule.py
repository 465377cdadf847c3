"""What a credit rule is: from a group's tokens, rewards and scores to signed token weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
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
        hidden: (B, T, d) states that predict the tokens; needed by rules with `needs_hidden`.

    Raises:
        InputTypeError: Shapes or dtypes do not fit.
    """

    tokens: Tensor
    mask: Tensor
    correct: Tensor
    advantages: Tensor
    influence: Influence | None = None
    seed: int = 0
    hidden: Tensor | None = None

    def __post_init__(self) -> None:
        batch = self.tokens.shape[:1]
        if self.mask.shape != self.tokens.shape or self.correct.shape != batch or self.advantages.shape != batch:
            given = f"tokens {tuple(self.tokens.shape)}, mask {tuple(self.mask.shape)}, "
            given += f"correct {tuple(self.correct.shape)}, advantages {tuple(self.advantages.shape)}"
            raise InputTypeError(given, "(B, T), (B, T), (B,), (B,)", "one row per response")
        if self.mask.dtype != torch.bool or self.correct.dtype != torch.bool:
            raise InputTypeError(
                f"mask {self.mask.dtype}, correct {self.correct.dtype}", "bool tensors", "call .bool()"
            )
        if self.hidden is not None and (self.hidden.ndim != 3 or self.hidden.shape[:2] != self.mask.shape):
            given = f"hidden {tuple(self.hidden.shape)} with mask {tuple(self.mask.shape)}"
            raise InputTypeError(given, "(B, T, d) and (B, T)", "one state per token: the one that predicts it")

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
        """Share p of the group's responses that count which are correct; 0 where none counts."""
        return int((self.counted & self.correct).sum()) / max(1, int(self.counted.sum()))

    def by_advantage(self) -> Group:
        """Take what is pulled up for correct, and what is pushed down for wrong.

        Returns:
            The group, with the signs of its advantages in the place of verdicts; without scores, which are those of
            the verdicts.
        """
        return replace(self, correct=self.advantages > 0, influence=None)

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

    def require_hidden(self) -> Tensor:
        """Return the states that predict the tokens.

        Returns:
            (B, T, d) states, finite where a token counts.

        Raises:
            InputValueError: The group came without, or one of them is NaN or infinite.
        """
        if self.hidden is None:
            raise InputValueError("a group without hidden states", "a mixed group with them", "pass hidden=")
        if not bool(self.hidden[self.mask].isfinite().all()):
            raise InputValueError("NaN or infinite hidden states", "finite ones", "check the model's weights and dtype")
        return self.hidden


class CreditRule(ABC):
    """A rule for how strongly the down part acts, and where.

    A rule is a pure function: the same group gives the same weights. A group that is not mixed keeps
    the advantages it came with, unless the rule says `unmixed` or has a `weigh_unmixed` of its own: with a graded
    reward, or several, advantages need not be 0 there. Subclasses are frozen dataclasses, one a
    file; their fields are the options on the command line.

    Attributes:
        needs_influence: Whether a mixed group has to come with scores.
        needs_hidden: Whether a mixed group has to come with hidden states.
        token_level: Whether tokens of one response may get different weights: a loss whose importance ratio is one of
            whole responses can't use them.
        unmixed: Whether the rule weighs groups that are all correct or all wrong too. Its `correct` must be the
            verifier's verdict then: in such a group the sign of a group-relative advantage, which is 0, tells nothing.
        auxiliary: Whether `penalty` is to be added to the loss of every update made from the weights.
    """

    needs_influence: ClassVar[bool] = False
    needs_hidden: ClassVar[bool] = False
    token_level: ClassVar[bool] = False
    unmixed: ClassVar[bool] = False
    auxiliary: ClassVar[bool] = False

    def __call__(self, group: Group) -> Tensor:
        """Weigh the tokens of a group.

        Args:
            group: One prompt's responses.

        Returns:
            (B, T) signed weights of the tokens' log-probabilities: positive pulls up, negative
            pushes down, 0 where masked. Trainers take them as token advantages.
        """
        weights = self.weigh(group) if group.mixed or self.unmixed else self.weigh_unmixed(group)
        return torch.where(group.mask, weights, torch.zeros_like(weights))

    @abstractmethod
    def weigh(self, group: Group) -> Tensor:
        """Weigh the tokens of a mixed group, or of any group if the rule says `unmixed`.

        Args:
            group: One prompt's responses; at least one correct and one wrong, unless `unmixed`.

        Returns:
            (B, T) signed weights; what is masked is ignored.
        """

    def weigh_unmixed(self, group: Group) -> Tensor:
        """Weigh the tokens of a group in which the verdicts show no contrast.

        Args:
            group: One prompt's responses, all correct or all wrong.

        Returns:
            (B, T) signed weights; what is masked is ignored.
        """
        return group.spread()

    def penalty(
        self,
        log_probs: Tensor,
        old_log_probs: Tensor,
        weights: Tensor,
        mask: Tensor,
        *,
        responses: float | None = None,
    ) -> Tensor:
        """Loss that a rule with `auxiliary` adds to that of its weights, at every update anew.

        Args:
            log_probs: (B, T) log-probabilities under the policy that is trained, in nats, with a graph.
            old_log_probs: (B, T) the same under the policy that sampled.
            weights: (B, T) token weights or (B,) advantages that the update is made from.
            mask: (B, T) True where a token counts.
            responses: What a mean over responses divides by, where this is a piece of a batch; None
                counts those at hand.

        Returns:
            Scalar to add to the loss; 0 for a rule without one.
        """
        return log_probs.new_zeros(())
