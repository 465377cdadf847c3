"""What one optimizer step did: to the responses it was made from, and by which part of its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Displacement:
    r"""Change of the log-likelihood of correct and of wrong responses of mixed groups.

    $$\Delta=\frac1N\sum_i\sum_k\big[\ln\pi_{\theta'}(y_{i,k}|x)-\ln\pi_\theta(y_{i,k}|x)\big]$$

    Args:
        sums: (4,) sum over correct responses, their number, sum over wrong responses, their number.
    """

    sums: Tensor = field(default_factory=lambda: torch.zeros(4, dtype=torch.float64))

    def add(self, before: Tensor, after: Tensor, mask: Tensor, correct: Tensor, mixed: Tensor) -> None:
        """Add some responses.

        Args:
            before: (B, T) log-probabilities of their tokens in nats.
            after: (B, T) the same under the policy to compare with.
            mask: (B, T) True on tokens that count.
            correct: (B,) True on correct responses.
            mixed: (B,) True on responses of mixed groups.
        """
        change = torch.where(mask, (after - before).double(), 0.0).sum(-1)
        counted = mixed & mask.any(-1)
        for place, rows in ((0, counted & correct), (2, counted & ~correct)):
            self.sums[place] += change[rows].sum().cpu()
            self.sums[place + 1] += int(rows.sum())


def means(sums: Tensor) -> dict[str, float]:
    """Turn sums into means.

    Args:
        sums: (4,) of `Displacement`, over all processes.

    Returns:
        Δ of the correct and of the wrong responses in nats per response; those of which there were any.

    Example:
        >>> means(torch.tensor([-3.0, 2.0, 0.0, 0.0]))
        {'delta_correct': -1.5}
    """
    names = ("delta_correct", "delta_wrong")
    return {name: float(total / count) for name, (total, count) in zip(names, sums.view(2, 2), strict=True) if count}


class PartNorms:
    r"""Gradient norms of what a loss pulls up and of what it pushes down.

    With ℓ the log-probabilities of the tokens, $\nabla_\theta L=J^\top\nabla_\ell L$ is linear in $\nabla_\ell L$: a
    backward pass with only the tokens of negative weight gives the down part, and what is left of the whole
    gradient is the up part. A KL term goes with the tokens it stands on.

    Args:
        parameters: What is trained.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._down: list[Tensor | None] = [None] * len(self.parameters)

    def add(self, loss: Tensor, log_probs: Tensor, down: Tensor) -> None:
        """Add the down part of one micro-batch; the graph of the loss stays for its own backward.

        Args:
            loss: The loss.
            log_probs: (B, T) log-probabilities it was made from.
            down: (B, T) True where a token is pushed down.
        """
        (at_tokens,) = torch.autograd.grad(loss, log_probs, retain_graph=True)
        own = torch.autograd.grad(
            log_probs, self.parameters, torch.where(down, at_tokens, 0.0), retain_graph=True, allow_unused=True
        )
        for place, gradient in enumerate(own):
            if gradient is not None:  # pyright: ignore[reportUnnecessaryComparison] - torch's types do not know it
                kept = self._down[place]
                self._down[place] = gradient if kept is None else kept + gradient

    def norms(self, accelerator: Any) -> dict[str, float]:
        """Norms over all parameters, once the whole gradient stands in them and before it is clipped.

        Args:
            accelerator: Averages over processes, as it did with the whole gradient.

        Returns:
            `up`, `down` and the cosine between them.
        """
        sums = torch.zeros(3, dtype=torch.float64)
        for parameter, down in zip(self.parameters, self._down, strict=True):
            whole = parameter.grad
            if whole is None:  # pyright: ignore[reportUnnecessaryComparison] - torch's types do not know it
                continue
            one = torch.zeros_like(whole) if down is None else down
            if accelerator.num_processes > 1:
                one = accelerator.reduce(one, reduction="mean")
            up = (whole - one).double()
            sums += torch.stack([up.pow(2).sum(), one.double().pow(2).sum(), (up * one).sum()]).cpu()
        up, down, product = sums[0].sqrt(), sums[1].sqrt(), sums[2]
        figures = {"grad_norm_up": float(up), "grad_norm_down": float(down)}
        return figures | ({"cos_up_down": float(product / (up * down))} if up * down > 0 else {})


def is_random(model: nn.Module) -> bool:
    """Say whether a training forward draws, so that its log-probabilities are not the policy's.

    Args:
        model: The model.

    Returns:
        True with dropout anywhere.

    Example:
        >>> is_random(nn.Sequential(nn.Dropout(0.0))), is_random(nn.Sequential(nn.Dropout(0.1)))
        (False, True)
    """
    return any(
        (isinstance(module, nn.Dropout) and module.p > 0) or getattr(module, "attention_dropout", 0) > 0
        for module in model.modules()
    )
