"""The small exact world: prompts, actions, rewards, a reference policy, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from antigrad.core.errors import raise_all

_TOLERANCE = 1e-6
"""How far rows may miss 1: what float32 rounding leaves. They are divided by their sums."""


@dataclass(frozen=True)
class Bandit:
    r"""X prompts with V actions each; an action is a token or a whole response.

    $$\Delta z=\eta\,K_x\,g\,K_v$$

    Args:
        rewards: (X, V) reward of each action; correct is what has more than ½.
        reference: (X, V) reference policy, also the initial one: above 0, rows sum to 1.
        prompt_kernel: (X, X) positive semidefinite $K_x$, how prompts share an update; None is the identity.
        action_kernel: (V, V) positive semidefinite $K_v=HH^\top$ of the actions' features; None is the identity.

    Raises:
        ManyInputsError: Shapes, sums, signs or kernels are wrong; all problems at once.

    Source: Yao et al. 2025, arXiv 2510.04028, with prompts and kernels added.

    Example:
        >>> bandit = Bandit(torch.tensor([[0.75, 1.0, 0.0]]), torch.tensor([[0.45, 0.1, 0.45]]))
        >>> bandit.prompts, bandit.actions, bandit.levels.tolist()
        (1, 3, [0.0, 0.75, 1.0])
    """

    rewards: Tensor
    reference: Tensor
    prompt_kernel: Tensor | None = None
    action_kernel: Tensor | None = None

    def __post_init__(self) -> None:
        """Take everything as float64 and check it.

        Raises:
            ManyInputsError: All problems at once.
        """
        for name in ("rewards", "reference", "prompt_kernel", "action_kernel"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, torch.as_tensor(value).to(torch.float64))
        raise_all("bandit", self._problems())
        object.__setattr__(self, "reference", self.reference / self.reference.sum(-1, keepdim=True))

    def _problems(self) -> list[str]:
        rewards, reference = self.rewards, self.reference
        if rewards.ndim != 2 or reference.shape != rewards.shape:
            return [f"rewards {tuple(rewards.shape)}, reference {tuple(reference.shape)}: one shape (X, V) is needed"]
        problems: list[str] = []
        if not bool(rewards.isfinite().all()):
            problems.append("a reward is not finite")
        sums = reference.sum(-1)
        off = (~((sums - 1).abs() <= _TOLERANCE)).nonzero().flatten().tolist()
        if off:
            problems.append(f"reference of prompt {off[0]} sums to {float(sums[off[0]]):.12g}: divide it by its sum")
        if not bool((reference > 0).all()):
            x, v = (~(reference > 0)).nonzero()[0].tolist()
            problems.append(
                f"reference of action {v} of prompt {x} is {float(reference[x, v]):g}: log-ratios to it do not exist; "
                "leave the action out or smooth the reference"
            )
        for name, kernel, size in (
            ("prompt_kernel", self.prompt_kernel, rewards.shape[0]),
            ("action_kernel", self.action_kernel, rewards.shape[1]),
        ):
            if kernel is None:
                continue
            if kernel.shape != (size, size):
                problems.append(f"{name} {tuple(kernel.shape)}: ({size}, {size}) is needed")
            elif not torch.allclose(kernel, kernel.T) or float(torch.linalg.eigvalsh(kernel).min()) < -1e-9:
                problems.append(f"{name} is not symmetric positive semidefinite: use H Hᵀ of some features H")
        return problems

    @property
    def prompts(self) -> int:
        """Number X of prompts."""
        return self.rewards.shape[0]

    @property
    def actions(self) -> int:
        """Number V of actions."""
        return self.rewards.shape[1]

    @property
    def correct(self) -> Tensor:
        """(X, V) True where the reward is more than ½."""
        return self.rewards > 0.5

    @cached_property
    def levels(self) -> Tensor:
        """(K,) distinct rewards over all prompts, rising."""
        return self.rewards.unique()

    @cached_property
    def level_of(self) -> Tensor:
        """(X, V, K) one-hot level of each action."""
        return (self.rewards[..., None] == self.levels).to(torch.float64)

    @cached_property
    def below(self) -> Tensor:
        """(X, V, V) 1 at [x, a, b] where b has a smaller reward than a."""
        return (self.rewards[:, None, :] < self.rewards[:, :, None]).to(torch.float64)

    @cached_property
    def equal(self) -> Tensor:
        """(X, V, V) 1 at [x, a, b] where a and b have the same reward."""
        return (self.rewards[:, None, :] == self.rewards[:, :, None]).to(torch.float64)

    def share(self, direction: Tensor) -> Tensor:
        """Apply both kernels to a direction in the logits.

        Args:
            direction: (..., X, V) g.

        Returns:
            (..., X, V) $K_x g K_v$.
        """
        if self.prompt_kernel is not None:
            direction = self.prompt_kernel @ direction
        return direction if self.action_kernel is None else direction @ self.action_kernel
