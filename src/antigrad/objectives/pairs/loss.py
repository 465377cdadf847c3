r"""What losses on preference pairs share: log-probabilities of both responses in, parts and both gradient weights out.

Symbols: $\ell_w=\log\frac{\pi(y_w|x)}{\pi_{ref}(y_w|x)}$, $\ell_l$ likewise, in nats;
$g_w=-\partial\mathcal L/\partial\log\pi(y_w)$, $g_l=\partial\mathcal L/\partial\log\pi(y_l)$.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.parts import Parts

Vanishes = Literal["own", "margin", "never", "reverses"]


@dataclass(frozen=True)
class PairLogps:
    """Log-probabilities of B preference pairs, and what single losses need beside them.

    Args:
        chosen: (B,) sums of log-probabilities over the tokens of the chosen responses, in nats, with a graph.
        rejected: (B,) the same of the rejected ones.
        reference_chosen: (B,) the same under the frozen reference; None for losses without one.
        reference_rejected: (B,) likewise.
        chosen_length: (B,) tokens of each chosen response; for losses per token.
        rejected_length: (B,) likewise.
        rejected_tokens: (B, T) log-probabilities of single rejected tokens, with a graph: `unlikelihood`.
        rejected_mask: (B, T) True where a rejected token counts.
        factor: (B,) λ, factor of the rejected log-ratio: `scaled`.
        pvi: (B,) pointwise V-information of the rejected response, in nats: `vpo`.
        reward_gap: (B,) reward of the chosen minus that of the rejected response, from 0 to 1: `mappo`.
        baseline: Scalar kept outside: z₀ ≥ 0 of `kto` in nats, δ of `bco` in units of β times nats.

    Raises:
        InputTypeError: Shapes differ.
    """

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor | None = None
    reference_rejected: Tensor | None = None
    chosen_length: Tensor | None = None
    rejected_length: Tensor | None = None
    rejected_tokens: Tensor | None = None
    rejected_mask: Tensor | None = None
    factor: Tensor | None = None
    pvi: Tensor | None = None
    reward_gap: Tensor | None = None
    baseline: Tensor | None = None

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        rows = {
            name: tuple(value.shape)
            for name, value in given.items()
            if value is not None and name not in ("rejected_tokens", "rejected_mask", "baseline")
        }
        if len(set(rows.values())) != 1 or self.chosen.ndim != 1:
            raise InputTypeError(f"shapes {rows}", "one shape (B,)", "one row per pair")
        for name in ("rejected_tokens", "rejected_mask"):
            tokens = given[name]
            if tokens is not None and (tokens.ndim != 2 or tokens.shape[:1] != self.chosen.shape):
                raise InputTypeError(f"{name} {tuple(tokens.shape)}", "(B, T)", "one row per pair")

    @classmethod
    def from_tokens(
        cls,
        chosen: Tensor,
        chosen_mask: Tensor,
        rejected: Tensor,
        rejected_mask: Tensor,
        *,
        reference_chosen: Tensor | None = None,
        reference_rejected: Tensor | None = None,
        **more: Tensor,
    ) -> PairLogps:
        """Sum token log-probabilities, and count tokens.

        Args:
            chosen: (B, T) log-probabilities of the chosen responses' tokens, in nats; anything where padded.
            chosen_mask: (B, T) True where a token counts.
            rejected: (B, U) the same of the rejected ones.
            rejected_mask: (B, U) True where a token counts.
            reference_chosen: (B, T) the same under the reference.
            reference_rejected: (B, U) likewise.
            **more: Other fields, (B,) each.

        Returns:
            The pairs.
        """
        up, down = _only(chosen, chosen_mask), _only(rejected, rejected_mask)
        with_reference: dict[str, Any] = {}
        if reference_chosen is not None and reference_rejected is not None:
            with_reference = {
                "reference_chosen": _only(reference_chosen, chosen_mask).sum(-1),
                "reference_rejected": _only(reference_rejected, rejected_mask).sum(-1),
            }
        lengths = {"chosen_length": chosen_mask.sum(-1), "rejected_length": rejected_mask.sum(-1)}
        tokens = {"rejected_tokens": down, "rejected_mask": rejected_mask}
        return cls(up.sum(-1), down.sum(-1), **with_reference, **lengths, **tokens, **more)

    def ratios(self) -> tuple[Tensor, Tensor]:
        r"""Log-ratios to the reference.

        Returns:
            (B,) $\ell_w$ and (B,) $\ell_l$.

        Raises:
            InputValueError: There is no reference, or it gives a response probability zero.
        """
        chosen, rejected = self.reference_chosen, self.reference_rejected
        if chosen is None or rejected is None:
            raise InputValueError("pairs without reference", "both reference log-probabilities", "see the loss")
        if not bool((chosen.isfinite() & rejected.isfinite()).all()):
            raise InputValueError(
                "a response to which the reference gives probability zero (or no number)",
                "finite reference log-probabilities",
                "leave the pair out: its log-ratio does not exist",
            )
        return self.chosen - chosen, self.rejected - rejected

    def lengths(self) -> tuple[Tensor, Tensor]:
        """Tokens of both responses, at least 1, in the dtype of the log-probabilities.

        Returns:
            (B,) of the chosen and (B,) of the rejected ones.
        """
        both = (self.require("chosen_length"), self.require("rejected_length"))
        return tuple(one.to(self.chosen).clamp(min=1) for one in both)  # pyright: ignore[reportReturnType]

    def require(self, name: str) -> Tensor:
        """Return a field that a loss needs.

        Args:
            name: Its name.

        Returns:
            Its value, without graph unless it holds log-probabilities of the policy.

        Raises:
            InputValueError: It is missing, or holds NaN.
        """
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise InputValueError(f"pairs without {name}", f"{name} of every pair", "the loss is made of it")
        if name == "rejected_tokens":  # of the policy; what is padded may hold anything
            return value
        if bool(value.isnan().any()):
            raise InputValueError(f"{name} that is not a number", "numbers", "leave those pairs out")
        return value.detach()

    def held(self, *, chosen: bool = False, rejected: bool = False) -> PairLogps:
        """Hold a side constant for the gradient.

        Args:
            chosen: Whether the chosen side is to be held.
            rejected: Whether the rejected side is.

        Returns:
            The same pairs.
        """
        pairs = replace(self, chosen=self.chosen.detach()) if chosen else self
        if not rejected:
            return pairs
        tokens = None if self.rejected_tokens is None else self.rejected_tokens.detach()
        return replace(pairs, rejected=self.rejected.detach(), rejected_tokens=tokens)


def _only(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, torch.zeros_like(values))


class PairWeights(NamedTuple):
    r"""Both gradient weights of every pair, without graph.

    Attributes:
        chosen: (B,) $g_w$, how strongly log π(chosen) is pulled up.
        rejected: (B,) $g_l$, how strongly log π(rejected) is pushed down; (B, T) where tokens differ.
    """

    chosen: Tensor
    rejected: Tensor


class PairOutput(NamedTuple):
    """A loss on pairs, taken apart.

    Attributes:
        parts: Means over pairs; `up` acts on the chosen, `down` on the rejected responses.
        losses: (B,) loss of each pair, without graph.
        weights: Both gradient weights of each pair.
    """

    parts: Parts
    losses: Tensor
    weights: PairWeights


class PairLoss(ABC):
    r"""A loss on preference pairs.

    $$\nabla\mathcal L=-g_w\nabla\log\pi(y_w)+g_l\nabla\log\pi(y_l)$$

    Subclasses are frozen dataclasses, one per file, and pure functions of `PairLogps`.

    Attributes:
        needs_reference: Whether it needs a reference.
        steady: Whether $g_w\ge0$ and $g_l\ge0$ everywhere: the chosen is never pushed, the rejected never pulled.
        vanishes: What makes $g_l$ go to 0 as $\pi(y_l)\to0$. `own`: the rejected likelihood alone, also when the
            chosen one falls with it. `margin`: only that the chosen stays ahead. `never`: nothing. `reverses`: past
            a target the rejected response is pulled up again.
    """

    needs_reference: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    vanishes: ClassVar[Vanishes] = "margin"

    @abstractmethod
    def per_pair(self, pairs: PairLogps) -> Tensor:
        """Loss of each pair.

        Args:
            pairs: B pairs.

        Returns:
            (B,) to be minimised.
        """

    @abstractmethod
    def weights(self, pairs: PairLogps) -> PairWeights:
        """Both gradient weights in closed form.

        Args:
            pairs: B pairs.

        Returns:
            $g_w$ and $g_l$ of each pair.
        """

    def __call__(self, pairs: PairLogps) -> PairOutput:
        """Compute the loss of a batch.

        Each part holds half of the value and the whole gradient with respect to its own response, so that
        value and gradient of the sum are those of the loss. Second derivatives are not.

        Args:
            pairs: B pairs, the policy's log-probabilities with a graph.

        Returns:
            Parts, losses and weights.
        """
        up, down = self.per_pair(pairs.held(rejected=True)), self.per_pair(pairs.held(chosen=True))
        half = up.detach() / 2
        with torch.no_grad():
            weights = self.weights(pairs.held(chosen=True, rejected=True))
        parts = Parts((up - half).mean(), (down - half).mean(), half.new_zeros(()))
        return PairOutput(parts, 2 * half, weights)


def softplus(logit: Tensor) -> Tensor:
    """Compute log(1 + eˣ) to the last bits; torch's own gives x itself from 20 on, which is 2e-9 off.

    Args:
        logit: x, any shape.

    Returns:
        The same shape.
    """
    return -logsigmoid(-logit)


def above_zero(name: str, value: float, hint: str) -> None:
    """Refuse an option that is not above 0.

    Args:
        name: Its name.
        value: What was given.
        hint: What is usual.

    Raises:
        InputValueError: It is not.
    """
    if not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InputValueError(f"{name}={value}", "a number above 0", hint)


def below_half(name: str, value: float) -> None:
    """Refuse a share of flipped labels that is not from 0 to below one half.

    Args:
        name: Its name.
        value: What was given.

    Raises:
        InputValueError: It is not.
    """
    if not isinstance(value, int | float) or not 0 <= value < 0.5:
        raise InputValueError(f"{name}={value}", "a share from 0 to below 0.5", "0.1 is usual")
