"""One GRPO update from the same starting weights, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.core.parts import Parts
from antigrad.language.measure import batches, log_probs_of
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts
from antigrad.objectives import Grpo

Optimizer = Callable[[list[nn.Parameter], float], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Optimizer] = {
    "adamw": lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0, fused=True),
    "sgd": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr),
}


def check_optimizer(name: str) -> None:
    """Refuse an unknown optimizer.

    Args:
        name: What was asked for.

    Raises:
        InputValueError: There is none of that name.
    """
    if name not in OPTIMIZERS:
        raise InputValueError(f"optimizer {name!r}", "an optimizer", did_you_mean(name, OPTIMIZERS))


class Snapshot:
    """A copy of a model's weights and buffers, to which it can be set back bit for bit.

    Args:
        model: The model as it starts.
    """

    def __init__(self, model: nn.Module) -> None:
        self._tensors = [(tensor, tensor.detach().clone()) for tensor in _tensors(model)]

    @torch.no_grad()
    def restore(self) -> None:
        """Set every weight and buffer back; gradients stay as they are."""
        for tensor, saved in self._tensors:
            tensor.copy_(saved)

    def unchanged(self) -> bool:
        """Whether the model is at the snapshot, bit for bit.

        Returns:
            True if every weight and buffer is.
        """
        return all(torch.equal(tensor, saved) for tensor, saved in self._tensors)


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def accumulate(
    policy: Policy, rollouts: Rollouts, weights: Tensor, objective: Grpo, *, temperature: float, rows_at_once: int
) -> Parts:
    r"""Leave the gradient of one GRPO loss, and no other, in the model, rows taken a few at a time.

    $$\nabla\mathcal L=\sum_m\frac{n_m}{n}\nabla\mathcal L_m$$

    with $n_m$ the counted tokens of micro-batch m and n those of the whole group: token-normalised
    GRPO of the group, whatever the size of a micro-batch. Responses whose weights are all 0 give no
    gradient and are not run.

    Args:
        policy: The policy at the starting weights; the ratio to itself is 1.
        rollouts: The group.
        weights: (B, T) signed token weights.
        objective: GRPO with `normalisation="tokens"`.
        temperature: Sampling temperature.
        rows_at_once: Responses per forward and backward pass.

    Returns:
        The parts of the loss, without graph.

    Raises:
        InputValueError: The objective is normalised in another way.

    Sign: an optimizer step on the gradient left raises what has positive weight.

    Source: Deng et al. 2025, arXiv 2505.18830, Sec. 2.2 (token-normalised GRPO, near-online).

    Deviations: none.
    """
    if objective.normalisation != "tokens":
        raise InputValueError(f"normalisation={objective.normalisation!r}", "tokens", "micro-batches add up only then")
    policy.model.zero_grad()
    active = ((weights != 0) & rollouts.mask).any(-1).nonzero()[:, 0]
    parts, counted = Parts.zeros(torch.zeros((), device=policy.device)), rollouts.mask.sum()
    for rows in batches(rollouts.mask, active, rows_at_once):
        log_probs = log_probs_of(policy, rollouts, rows, temperature)[0]
        here = slice(0, log_probs.shape[1])
        mask = rollouts.mask[rows, here]
        piece = objective(log_probs, log_probs.detach(), weights[rows, here].float(), mask)
        share = mask.sum() / counted
        (piece.total() * share).backward()
        done = piece.detached()
        parts = parts + Parts(done.up * share, done.down * share, done.anchor * share)
    return parts


class Stepper:
    """Single steps of one optimizer, each as if it were the optimizer's first.

    The state is kept and set to zero between steps, which is how these optimizers begin; allocating
    it anew for every update of a large model costs more than the update.

    Args:
        policy: The policy whose weights are stepped.
        optimizer: A name in `OPTIMIZERS`.
    """

    def __init__(self, policy: Policy, optimizer: str) -> None:
        self._optimizer = OPTIMIZERS[optimizer](list(policy.model.parameters()), 1.0)

    @torch.no_grad()
    def step(self, step_size: float) -> None:
        """Step from the gradient in the model; the gradient stays.

        Args:
            step_size: Learning rate.
        """
        for state in self._optimizer.state.values():
            for value in state.values():
                value.zero_()
        for group in self._optimizer.param_groups:
            group["lr"] = step_size
        self._optimizer.step()
