"""AdamW and Muon on the tiny policy: worked answers, a real training loop, every step watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from antigrad.geometry import Watch
from antigrad.language.policy import load_policy
from antigrad.language.tasks.arithmetic import questions
from antigrad.language.tiny.pretrain.job import batch


class Together(torch.optim.Optimizer):
    """Several optimizers that share a model, as one: their step is certified whole.

    Args:
        optimizers: Each with parameters of its own.
    """

    def __init__(self, *optimizers: torch.optim.Optimizer) -> None:
        super().__init__([group for optimizer in optimizers for group in optimizer.param_groups], {})
        self._optimizers = optimizers

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step each.

        Args:
            closure: Not used.
        """
        for optimizer in self._optimizers:
            optimizer.step()


def _adamw(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)


def _muon(model: nn.Module) -> torch.optim.Optimizer:
    # As its authors use it: matrices of hidden layers; the (tied) embedding and the norms go to AdamW.
    named = list(model.named_parameters())
    hidden = [weight for name, weight in named if weight.ndim == 2 and "embed" not in name]
    rest = [weight for name, weight in named if weight.ndim != 2 or "embed" in name]
    matrices = torch.optim.Muon(hidden, lr=1e-3, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    return Together(matrices, _adamw(rest))


POLICY_RULES: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "AdamW": lambda model: _adamw(list(model.parameters())),
    "Muon + AdamW": _muon,
}


def train_policy(name: str, seed: int, steps: int) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Go on with the pre-training of the tiny policy by one rule.

    Args:
        name: One of `POLICY_RULES`.
        seed: Decides the questions.
        steps: Batches of 64.

    Returns:
        The certificates against the loss of 128 held-out questions, and that loss before and after.
    """
    policy = load_policy("tiny", device="cpu")
    model, optimizer = policy.model, POLICY_RULES[name](policy.model)
    held_out = batch(policy.tokenizer, questions(128, seed, "test"))
    problems = questions(64 * steps, seed, "train")

    def loss() -> torch.Tensor:
        return model(**held_out).loss

    with torch.no_grad():
        before = float(loss())
    watched = Watch(optimizer, model=model, every=1, granularity="coordinate", held_out=loss, decoupled_decay=True)
    with watched as watch:
        for step in range(steps):
            optimizer.zero_grad()
            model(**batch(policy.tokenizer, problems[64 * step : 64 * step + 64])).loss.backward()
            optimizer.step()
    with torch.no_grad():
        return watch.rows, {"held_out_loss_before": before, "held_out_loss_after": float(loss())}
