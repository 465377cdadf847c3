"""Training many arms of a parametric bandit at once: rounds of rollouts, inner steps of Adam, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.progress import progress
from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.lab.objectives.ppo import Ppo
from antigrad.lab.stacked import Weights, World, repeat
from antigrad.objectives import advantages_of_groups, clipped_gain

RESPONSES = 10
"""N, responses per prompt."""
_STACK = 10
"""Networks in a stack at most: more would not be faster, and memory grows with them."""


@dataclass(frozen=True)
class Arm:
    """One algorithm on one reward.

    Args:
        objective: What is maximised.
        centre: c of the reward.
        reuse: T, gradient steps on one round of rollouts; None is offline: one round for the whole run.
        steps: Gradient steps in all.
        prompts: Training prompts, with ten responses each a round.
        rate: Adam's learning rate.
    """

    objective: Objective
    centre: float
    reuse: int | None
    steps: int
    prompts: int = 10
    rate: float = 1e-3

    @property
    def name(self) -> str:
        """Words for figures."""
        where = "offline" if self.reuse is None else f"on-policy T={self.reuse}"
        return f"{where} {self.objective.label}" + (f", {self.prompts} prompts" if self.prompts != 10 else "")

    def __post_init__(self) -> None:
        if self.steps < 1 or self.prompts < 1 or not (self.reuse is None or self.reuse >= 1):
            given = f"steps={self.steps}, prompts={self.prompts}, reuse={self.reuse}"
            raise InputValueError(given, "at least 1 each", "reuse=None is offline")


@dataclass(frozen=True)
class Score:
    """One evaluation of an arm of one seed.

    Args:
        arm: Place of the arm.
        seed: Seed.
        step: Gradient steps done.
        queries: Rewards asked for so far.
        reward: Mean reward on fresh prompts; NaN once the arm is not finite.
        best: Mean log-ratio to the reference of the best training sample of each prompt, nats.
        others: The same of the others.
        stopped: Gradient step whose update was not finite; None where none was. Other arms and seeds go on.
    """

    arm: int
    seed: int
    step: int
    queries: int
    reward: float
    best: float
    others: float
    stopped: int | None = None


def train(
    world: World,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    every: int = 50,
    shown: int = 500,
    reference: Weights | None = None,
    workers: int = 2,
) -> list[Score]:
    """Train all arms for all seeds; arms with as many prompts, steps and one rate run as stacks of ten networks.

    Args:
        world: The policy and its prompts.
        arms: A arms.
        seeds: S seeds: each has its own reference, prompts and draws, shared by its arms.
        every: Gradient steps between evaluations.
        shown: Prompts of an evaluation.
        reference: What `world.start(seeds)` gave, to train it once for several calls.
        workers: Stacks computed at the same time; the scores do not depend on it.

    Returns:
        One score an arm, seed and evaluation.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Algorithm 1 and released code.

    Deviations: rewards are standardised per prompt (Bessel) for objectives that take their size; see `TokenWorld`.
    """
    reference = world.start(list(seeds))[0] if reference is None else reference
    alike: dict[tuple[int, int, float], list[int]] = {}
    for place, arm in enumerate(arms):
        alike.setdefault((arm.prompts, arm.steps, arm.rate), []).append(place)
    size = max(1, _STACK // len(seeds))
    stacks = [places[i : i + size] for places in alike.values() for i in range(0, len(places), size)]
    with progress("gradient steps", sum(arms[places[0]].steps for places in stacks)) as bar, _Threads(workers) as pool:

        def run(places: list[int]) -> list[Score]:
            stack, found = _Stack(world, [arms[place] for place in places], list(seeds), reference), list[Score]()
            for step in range(1, arms[places[0]].steps + 1):
                if pool.cancelled.is_set():
                    break
                stack.one_step(step - 1)
                bar.advance()
                if step % every == 0 or step == arms[places[0]].steps:
                    found += stack.evaluate(step, places, shown)
            return found

        scores = [score for found in pool.map(run, stacks) for score in found]
    return sorted(scores, key=lambda score: (score.arm, score.seed, score.step))


class _Threads(ThreadPoolExecutor):
    # Workers that compute on one thread each: threads inside an operation wait for each other, workers do not.

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.cancelled = Event()
        self._before = torch.get_num_threads()
        if workers > 1:
            torch.set_num_threads(1)

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self.cancelled.set()  # an interrupted run does not wait for its last step
        super().__exit__(*error)
        torch.set_num_threads(self._before)


class _Stack:
    # Networks in the order arm by arm, seed by seed within.

    def __init__(self, world: World, arms: list[Arm], seeds: list[int], reference: Weights) -> None:
        self.world, self.arms, self.seeds = world, arms, seeds
        count = len(seeds)
        self.owner = [arm for arm in arms for _ in seeds]
        self.reference = repeat(reference, torch.arange(count).repeat(len(arms)))
        self.weights = {name: value.clone().requires_grad_() for name, value in self.reference.items()}
        self.optimizer = torch.optim.Adam(list(self.weights.values()), lr=arms[0].rate, fused=True)
        self.old = torch.empty(0)
        self.rewards = torch.zeros(len(self.owner), arms[0].prompts, RESPONSES, dtype=torch.float64)
        self.base = torch.zeros(self.rewards.shape)
        self.numbers = torch.Generator().manual_seed(10_000 + seeds[0])
        own = [torch.Generator().manual_seed(20_000 + seed) for seed in seeds]
        prompts = torch.stack([world.prompts(arms[0].prompts, numbers) for numbers in own])
        self.prompts = prompts.repeat(len(arms), *[1] * (prompts.ndim - 1)).repeat_interleave(RESPONSES, 1)
        self.shown_numbers = torch.Generator().manual_seed(30_000 + seeds[0])
        self.centres = torch.tensor([arm.centre for arm in self.owner])
        self.queries = [0] * len(self.owner)
        self.stopped = torch.full((len(self.owner),), -1)
        self.samples = world.first_rollout(self.reference, self.prompts, self.numbers)

    def one_step(self, step: int) -> None:
        """Draw where a round begins, then take one Adam step on every arm."""
        drawn = [step == 0 if arm.reuse is None else step % arm.reuse == 0 for arm in self.owner]
        fresh = torch.tensor(drawn).nonzero().flatten()
        if len(fresh):
            self._draw(step, fresh)
        tokens = self.world.token_log_probs(self.weights, self.samples)
        # What drew is what learns first: its log-probabilities are those of the old policy for the rest of the round.
        self.old = tokens.detach().clone() if step == 0 else self.old.index_copy(0, fresh, tokens.detach()[fresh])
        loss = self._loss(tokens)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._look(step)

    @torch.no_grad()
    def _look(self, step: int) -> None:
        # An update that is not finite ends its network, which from then on scores nothing but NaN: weights of stacked
        # networks do not touch, so that the others continue.
        sums = torch.stack([value.flatten(1).sum(-1) for value in self.weights.values()])
        self.stopped[(self.stopped < 0) & ~sums.isfinite().all(0)] = step

    @torch.no_grad()
    def _draw(self, step: int, fresh: Tensor) -> None:
        # New samples for the arms whose round begins, and all that is known of samples when they are drawn.
        weights = {name: value[fresh] for name, value in self.weights.items()}
        if step > 0:
            self.samples[fresh] = self.world.rollout(weights, self.prompts[fresh], self.numbers)
        samples, reference = self.samples[fresh], {name: value[fresh] for name, value in self.reference.items()}
        shape = (len(fresh), -1, RESPONSES)
        self.rewards[fresh] = self.world.rewards(samples, self.centres[fresh]).view(shape)
        self.base[fresh] = self.world.reference_log_probs(reference, samples).view(shape)
        for place in fresh.tolist():
            self.queries[place] += self.prompts.shape[1]

    def _loss(self, tokens: Tensor) -> Tensor:
        # The sum over networks, whose gradients do not mix. Minus the weights times log π has the objective's gradient.
        sequence = tokens.sum(-1).view(self.rewards.shape)
        advantages = advantages_of_groups(self.rewards, "sample").to(tokens)
        total, start = tokens.new_zeros(()), 0
        while start < len(self.owner):
            stop = start + len(self.seeds)
            here, objective = slice(start, stop), self.owner[start].objective
            if isinstance(objective, Ppo):
                clip = objective.clip or 0.2
                weights = advantages[here].reshape(len(self.seeds), -1, 1).expand_as(tokens[here])
                gain = clipped_gain(tokens[here] - self.old[here], weights, clip, clip)
                total = total - gain.sum(-1).mean(-1).sum()
            else:
                weights = objective.weigh(self._batch(here, sequence, advantages), _CONTEXT)
                total = total - (weights.to(tokens) * sequence[here]).mean((-1, -2)).sum()
            start = stop
        return total

    def _batch(self, here: slice, sequence: Tensor, advantages: Tensor) -> Batch:
        now, old = sequence[here].detach(), self.old[here].sum(-1).view(sequence[here].shape)
        nothing = torch.zeros(0, dtype=torch.long)
        return Batch(nothing, advantages[here], now, old, self.base[here].to(now), Policy(now), fresh=False)

    @torch.no_grad()
    def evaluate(self, step: int, places: list[int], shown: int) -> list[Score]:
        """Measure every network on fresh prompts, and its log-ratios on its training samples.

        Args:
            step: Gradient steps done.
            places: Places of the arms in the order they were given.
            shown: Prompts.

        Returns:
            One score a network.
        """
        prompts = torch.stack([self.world.prompts(shown, self.shown_numbers) for _ in self.owner])
        rewards = self.world.rewards(self.world.rollout(self.weights, prompts, self.shown_numbers), self.centres).mean(
            -1
        )
        sequence = self.world.token_log_probs(self.weights, self.samples).sum(-1).view(self.rewards.shape)
        ratio = (sequence - self.base).double()
        best = ratio.gather(-1, self.rewards.argmax(-1, keepdim=True)).mean((-1, -2))
        others = (ratio.sum((-1, -2)) / ratio.shape[1] - best) / (RESPONSES - 1)
        rewards = torch.where(self.stopped < 0, rewards, torch.nan)
        return [
            Score(
                places[place // len(self.seeds)],
                self.seeds[place % len(self.seeds)],
                step,
                self.queries[place],
                float(rewards[place]),
                float(best[place]),
                float(others[place]),
                int(self.stopped[place]) if self.stopped[place] >= 0 else None,
            )
            for place in range(len(self.owner))
        ]


# Objectives weigh drawn groups by what is in the batch alone; the world of a network has no table of rewards.
_CONTEXT = Context(Bandit(torch.ones(1, 1), torch.ones(1, 1)), torch.ones(1, 1), RESPONSES)
