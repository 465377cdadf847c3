"""Group Relative Policy Optimisation as parts: what it pulls up, pushes down, and the KL that anchors it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError, did_you_mean
from antigrad.core.parts import Parts

Normalisation = Literal["tokens", "responses", "constant"]
Ratio = Literal["token", "sequence"]
Scale = Literal["sample", "population", "none"]


def group_advantages(rewards: Tensor, *, scale: Scale = "sample") -> Tensor:
    r"""Group-relative advantages of one prompt's responses.

    $$\hat A_i=\frac{r_i-\mu}{\sigma+10^{-4}}$$

    Args:
        rewards: (B,) rewards of one group.
        scale: `sample` divides by the standard deviation with Bessel's correction, as TRL does;
            `population` by the plain one, without the 1e-4, as in the paper's lemma; `none` does not.

    Returns:
        (B,) advantages; zeros when all rewards are equal.

    Raises:
        InputTypeError: Not a floating-point vector.
        InputValueError: Fewer than two rewards, one is not finite, or there is no such scale.

    Sign: positive for rewards above the group's mean.

    Source: Shao et al. 2024, arXiv 2402.03300; Liu et al. 2025, arXiv 2503.20783 (`none`).

    Deviations: none.

    Example:
        >>> group_advantages(torch.tensor([1.0, 0.0, 0.0, 0.0]), scale="population").tolist()
        [1.732..., -0.577..., -0.577..., -0.577...]
    """
    if rewards.ndim != 1 or not rewards.is_floating_point():
        given = f"rewards of shape {tuple(rewards.shape)}, {rewards.dtype}"
        raise InputTypeError(given, "a floating-point vector: one group", "call it once a group, with rewards.float()")
    if scale not in get_args(Scale):
        raise InputValueError(f"scale {scale!r}", "sample, population or none", "sample is TRL's")
    if len(rewards) < 2 or not bool(torch.isfinite(rewards).all()):
        raise InputValueError(f"rewards {rewards.tolist()}", "at least two finite rewards", "sample more responses")
    return advantages_of_groups(rewards, scale)


def advantages_of_groups(rewards: Tensor, scale: Scale) -> Tensor:
    r"""Group-relative advantages of many groups at once, along the last axis.

    $$\hat A_i=\frac{r_i-\mu}{\sigma}$$

    Args:
        rewards: (..., B) rewards; each row is one group of at least two.
        scale: As in `group_advantages`, which checks what it is given; this does not.

    Returns:
        (..., B) advantages; zeros in a group whose rewards are all equal.

    Sign: positive for rewards above the group's mean.

    Source: Shao et al. 2024, arXiv 2402.03300; Liu et al. 2025, arXiv 2503.20783 (`none`).

    Deviations: none.

    Example:
        >>> advantages_of_groups(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "population").tolist()
        [[1.0, -1.0], [0.0, 0.0]]
    """
    centred = rewards - rewards.mean(-1, keepdim=True)
    if scale == "population":
        centred = centred / rewards.std(-1, correction=0, keepdim=True)
    elif scale == "sample":
        centred = centred / (rewards.std(-1, keepdim=True) + 1e-4)
    # The rounded mean of equal rewards may differ from them, and so may not give 0.
    return torch.where(rewards.amax(-1, keepdim=True) == rewards.amin(-1, keepdim=True), 0.0, centred)


def clipped_gain(log_ratio: Tensor, weights: Tensor, low: float, high: float) -> Tensor:
    r"""The clipped surrogate of PPO and GRPO, element by element.

    $$\min\big(\rho w,\mathrm{clip}(\rho,1-\epsilon,1+\epsilon_{high})\,w\big),\qquad\rho=\pi/\pi_{old}$$

    Args:
        log_ratio: log π − log π_old, any shape.
        weights: Signed weights (advantages) of the same shape.
        low: Lower clip ε.
        high: Upper clip.

    Returns:
        The gain, to be maximised. Its gradient is 0 where w > 0 and ρ > 1 + high, and where w < 0 and ρ < 1 − low.

    Sign: maximising it raises log π where w > 0 and lowers it where w < 0.

    Source: Schulman et al. 2017, arXiv 1707.06347, Eq. 7.

    Deviations: none.

    Example:
        >>> clipped_gain(torch.tensor([1.0, 1.0]), torch.tensor([1.0, -1.0]), 0.2, 0.2).tolist()
        [1.20..., -2.71...]
    """
    # What is clipped has no gradient; a ratio that overflows would make it 0 times infinity.
    rho = torch.where(weights < 0, log_ratio, log_ratio.clamp(max=1 + high)).exp()
    return torch.minimum(rho * weights, rho.clamp(1 - low, 1 + high) * weights)


@dataclass(frozen=True)
class Grpo:
    r"""Clipped surrogate of GRPO, split by the sign of the token weight.

    $$\mathcal L=-\frac1Z\sum_{i,k}\min\big(\rho_{ik}w_{ik},\mathrm{clip}(\rho_{ik},1-\epsilon,
    1+\epsilon_{high})w_{ik}\big)+\frac{\beta}{Z}\sum_{i,k}\big(e^{\delta_{ik}}-\delta_{ik}-1\big)$$

    with $\rho=\exp(\log\pi-\log\pi_{old})$ and $\delta=\log\pi_{ref}-\log\pi$. `up` sums tokens with
    $w>0$, `down` those with $w<0$, `anchor` is the KL term.

    Args:
        epsilon: Lower clip.
        epsilon_high: Upper clip; None means `epsilon`.
        beta: Weight of the KL term.
        normalisation: Z and weights: `tokens` divides by the number of counted tokens (TRL's
            `dapo`, `bnpo`), `responses` takes each response's mean first (TRL's `grpo`), `constant`
            divides by B times `max_length` (TRL's `dr_grpo`).
        max_length: Longest response, for `constant`.
        ratio: `token`, or `sequence`: one ratio a response (GSPO), which cannot carry token weights.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising `up` raises log π of tokens with positive weight, minimising `down` lowers log π
        of tokens with negative weight.

    Source: Shao et al. 2024, arXiv 2402.03300, Eq. 3; Yu et al. 2025, arXiv 2503.14476 (`tokens`,
        `epsilon_high`); Zheng et al. 2025, arXiv 2507.18071 (`sequence`).

    Deviations: none.

    Example:
        >>> import torch
        >>> logp = torch.zeros(2, 1, requires_grad=True)
        >>> weights, mask = torch.tensor([[1.0], [-1.0]]), torch.ones(2, 1, dtype=torch.bool)
        >>> parts = Grpo()(logp, logp.detach(), weights, mask)
        >>> parts.up.item(), parts.down.item()
        (-0.5, 0.5)
    """

    epsilon: float = 0.2
    epsilon_high: float | None = None
    beta: float = 0.0
    normalisation: Normalisation = "tokens"
    max_length: int | None = None
    ratio: Ratio = "token"

    def __post_init__(self) -> None:
        high = self.epsilon if self.epsilon_high is None else self.epsilon_high
        if not (0 < self.epsilon < 1 and high > 0 and self.beta >= 0):
            given = f"epsilon={self.epsilon}, epsilon_high={self.epsilon_high}, beta={self.beta}"
            raise InputValueError(given, "0 < epsilon < 1, epsilon_high > 0, beta >= 0", "0.2, None and 0 are usual")
        for name, known in (("normalisation", get_args(Normalisation)), ("ratio", get_args(Ratio))):
            if getattr(self, name) not in known:
                raise InputValueError(
                    f"{name} {getattr(self, name)!r}",
                    f"one of {', '.join(known)}",
                    did_you_mean(getattr(self, name), known),
                )
        if self.normalisation == "constant" and not self.max_length:
            raise InputValueError(
                "normalisation='constant' without max_length", "the longest response", "set max_length"
            )

    def __call__(
        self, log_probs: Tensor, old_log_probs: Tensor, weights: Tensor, mask: Tensor, reference: Tensor | None = None
    ) -> Parts:
        """Compute the loss of a batch of responses.

        Args:
            log_probs: (B, T) log-probabilities under the policy that is trained, in nats, with a graph.
            old_log_probs: (B, T) the same under the policy that sampled, without one.
            weights: (B, T) signed token weights, or (B,) advantages.
            mask: (B, T) True where a token counts.
            reference: (B, T) log-probabilities under the reference policy; needed when beta > 0.

        Returns:
            The three parts, scalars.

        Raises:
            InputTypeError: Shapes do not fit, or the mask is not boolean.
            InputValueError: A sequence ratio with token weights, a KL term without a reference, or
                nothing that counts.
        """
        if weights.ndim == 1 and mask.ndim == 2 and len(weights) == len(mask):
            weights = weights[:, None].expand(mask.shape)
        given = (log_probs, old_log_probs, weights, mask, *(() if reference is None else (reference,)))
        shapes = {tuple(value.shape) for value in given}
        if len(shapes) != 1 or mask.ndim != 2:
            raise InputTypeError(f"shapes {sorted(shapes)}", "one shape (B, T)", "pad all to the longest response")
        if mask.dtype != torch.bool:
            raise InputTypeError(f"mask {mask.dtype}", "a bool tensor, True counts", "call .bool()")
        if not bool(mask.any()):
            raise InputValueError("a mask that counts no token", "at least one token", "leave the batch out")
        # Padding may hold any number; a masked entry must touch neither value nor gradient.
        zero = torch.zeros((), dtype=log_probs.dtype, device=log_probs.device)
        weights = torch.where(mask, weights, torch.zeros_like(weights))
        shift = torch.where(mask, log_probs - old_log_probs, zero)
        if self.ratio == "sequence":
            shift = self._sequence_shift(shift, weights, mask)
        high = self.epsilon if self.epsilon_high is None else self.epsilon_high
        gain = clipped_gain(shift, weights, self.epsilon, high)
        up = -self._reduce(torch.where(weights > 0, gain, zero), mask)
        down = -self._reduce(torch.where(weights < 0, gain, zero), mask)
        return Parts(up, down, self._anchor(log_probs, reference, mask, zero))

    def _sequence_shift(self, shift: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
        counted = torch.where(mask, weights, weights.new_full((), float("nan")))
        spread = counted.nan_to_num(nan=float("-inf")).amax(-1) - counted.nan_to_num(nan=float("inf")).amin(-1)
        if bool((spread > 0).any()):
            raise InputValueError(
                "a sequence-level ratio with weights that differ within a response",
                "one weight per response",
                "use ratio='token': a sequence ratio gives every token its response's mean weight",
            )
        mean = shift.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
        return mean.expand(mask.shape)

    def _reduce(self, values: Tensor, mask: Tensor) -> Tensor:
        if self.normalisation == "tokens":
            return values.sum() / mask.sum()
        if self.normalisation == "responses":
            return (values.sum(-1) / mask.sum(-1).clamp(min=1)).mean()
        return values.sum() / (mask.shape[0] * (self.max_length or 1))

    def _anchor(self, log_probs: Tensor, reference: Tensor | None, mask: Tensor, zero: Tensor) -> Tensor:
        if self.beta == 0:
            return zero.clone()
        if reference is None:
            raise InputValueError(f"beta={self.beta} without reference log-probabilities", "them", "pass reference=")
        delta = torch.where(mask, reference - log_probs, zero)
        return self.beta * self._reduce(torch.where(mask, delta.exp() - delta - 1, zero), mask)
