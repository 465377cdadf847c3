"""Drawing groups of actions for all arms, rates and seeds at once."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Batch, Policy


def draw(law: Tensor, uniforms: Tensor) -> Tensor:
    """Turn uniform numbers into actions by inverting the cumulative law.

    Args:
        law: (..., V) probabilities.
        uniforms: (..., G) numbers from 0 to 1; may lack or repeat leading axes of the law.

    Returns:
        (..., G) actions. Arms with the same numbers and law draw the same.

    Example:
        >>> draw(torch.tensor([0.2, 0.0, 0.8]), torch.tensor([0.1, 0.2, 0.99])).tolist()
        [0, 2, 2]
    """
    edges = law.cumsum(-1)
    wanted = uniforms.expand(*law.shape[:-1], uniforms.shape[-1]) * edges[..., -1:]
    return torch.searchsorted(edges, wanted.contiguous(), right=True).clamp(max=law.shape[-1] - 1)


def empirical_laws(law: Tensor, count: int, seeds: int, seed: int) -> Tensor:
    """Data sets of independent draws, as laws.

    Args:
        law: (X, V) what is drawn from.
        count: m, draws of each prompt.
        seeds: S data sets.
        seed: Of the random numbers.

    Returns:
        (S, X, V) shares of the draws.

    Example:
        >>> empirical_laws(torch.tensor([[0.5, 0.5]]), 4, 1, 0).sum().item()
        1.0
    """
    numbers = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(seeds, law.shape[0], count, generator=numbers, dtype=torch.float64)
    actions = draw(law.expand(seeds, *law.shape).double(), uniforms)
    counts = torch.zeros(seeds, *law.shape, dtype=torch.float64)
    return counts.scatter_add(-1, actions, torch.ones_like(uniforms)) / count


class Sampler:
    """Groups for some or all prompts, the same random numbers for every arm and rate.

    Args:
        bandit: The world.
        group: G.
        seeds: S; each has its own numbers.
        seed: Where they start.
        prompts: Prompts drawn a step without repetition; all of them when None.
    """

    def __init__(self, bandit: Bandit, group: int, seeds: int, seed: int, prompts: int | None) -> None:
        self.bandit, self.group, self.seeds = bandit, group, seeds
        self.drawn = bandit.prompts if prompts is None else prompts
        self._numbers = torch.Generator().manual_seed(seed)
        self.place: Tensor | None = None
        self.actions = self.log_old = self.rewards = self.log_reference = torch.empty(0)

    def draw(self, law: Tensor) -> None:
        """Draw fresh groups.

        Args:
            law: (A, E, S, X, V) law of every arm.
        """
        if self.drawn < self.bandit.prompts:
            order = torch.rand(self.seeds, self.bandit.prompts, generator=self._numbers).argsort(-1)
            self.place = order[:, : self.drawn]
        numbers = torch.rand(self.seeds, self.drawn, self.group, generator=self._numbers, dtype=torch.float64)
        here = self.at_drawn(law)
        self.actions = draw(here, numbers)
        self.log_old = here.gather(-1, self.actions).log()
        self.rewards, self.log_reference = (
            self._of_prompts(table).expand(*here.shape).gather(-1, self.actions)
            for table in (self.bandit.rewards, self.bandit.reference.log())
        )

    def batch(self, policy: Policy, *, fresh: bool) -> Batch:
        """See the groups under the policy as it is now.

        Args:
            policy: (A, E, S, X, V).
            fresh: Whether it drew them.

        Returns:
            The batch.
        """
        here = Policy(self.at_drawn(policy.log))
        log_probs = here.log.gather(-1, self.actions)
        return Batch(self.actions, self.rewards, log_probs, self.log_old, self.log_reference, here, fresh)

    def keep(self, arms: Tensor) -> None:
        """Continue with some arms only.

        Args:
            arms: Places of the arms that go on.
        """
        if self.actions.numel():
            for name in ("actions", "log_old", "rewards", "log_reference"):
                setattr(self, name, getattr(self, name)[arms])

    def at_drawn(self, table: Tensor) -> Tensor:
        """Take the rows of the prompts that were drawn.

        Args:
            table: (A, E, S, X, V).

        Returns:
            (A, E, S, B, V).
        """
        if self.place is None:
            return table
        index = self.place[..., None].expand(*table.shape[:2], *self.place.shape, table.shape[-1])
        return table.gather(-2, index)

    def spread(self, direction: Tensor) -> Tensor:
        """Put directions of the drawn prompts in their places, scaled so that their mean is that of all prompts.

        Args:
            direction: (A, E, S, B, V).

        Returns:
            (A, E, S, X, V), 0 for prompts that were not drawn, times X / B for those that were.
        """
        if self.place is None:
            return direction
        count = self.bandit.prompts
        index = self.place[..., None].expand(direction.shape)
        zeros = direction.new_zeros(*direction.shape[:-2], count, direction.shape[-1])
        return zeros.scatter(-2, index, direction * (count / self.drawn))

    def _of_prompts(self, table: Tensor) -> Tensor:
        return table if self.place is None else table[self.place]
