"""One tensor program for all arms, rates and seeds: z ← z + η K_x g K_v, until the steps or the levels run out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import raise_all
from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Context, Objective, Policy
from antigrad.lab.sampling import Sampler, empirical_laws
from antigrad.lab.trace import Trace

Tier = Literal["mean_field", "sampled", "dataset"]
Law = Literal["online", "offline"] | int
Keep = Literal["all", "end"] | Sequence[int]


@dataclass(frozen=True)
class _Plan:
    # Everything that decides a simulation, checked.
    bandit: Bandit
    objectives: list[Objective]
    rates: Tensor
    steps: int
    tier: Tier
    group: int
    seeds: int
    seed: int
    periods: list[int]
    inner: int
    draws: int | None
    prompts: int | None
    levels: tuple[float, ...]
    keep: list[int]
    wanted: int
    stop: bool


def simulate(
    bandit: Bandit,
    objectives: Objective | Sequence[Objective],
    eta: float | Sequence[float] | Tensor,
    steps: int,
    tier: Tier = "mean_field",
    *,
    group: int = 8,
    seeds: int = 1,
    seed: int = 0,
    law: Law | Sequence[Law] = "online",
    inner: int = 1,
    draws: int | None = None,
    prompts: int | None = None,
    levels: Sequence[float] = (),
    keep: Keep = "all",
    stop: bool = False,
) -> Trace:
    r"""Follow objectives on a bandit from its reference policy.

    $$z\leftarrow z+\eta\,K_x\,g\,K_v$$

    Args:
        bandit: The world.
        objectives: A arms.
        eta: Step size; several make the axis of rates; a tensor (A, 1) or (A, E) gives each arm its own.
        steps: T.
        tier: `mean_field`: exact expected direction. `sampled`: drawn groups. `dataset`: exact direction under an
            empirical law of `draws` draws of the reference, one data set a seed.
        group: G.
        seeds: S; 1 in the mean field.
        seed: Where the random numbers start. Arms and rates share them.
        law: What is sampled: `online` the policy, `offline` the reference, a number k the policy of every k-th step;
            one for all arms, or one each.
        inner: Steps on one drawn batch, with ratios against the law that drew it.
        draws: Draws of a data set (tier `dataset`).
        prompts: Prompts a step (tier `sampled`), their direction scaled by X / B; all when None.
        levels: Levels of accuracy whose first crossing is kept.
        keep: Steps whose policy is kept: `all`, the first and the last (`end`), or those given.
        stop: Whether an arm ends once all its rates and seeds have crossed the last level and the steps to be kept are
            over.

    Returns:
        The trace. An arm, rate and seed whose update is not finite stops there; the others continue.

    Raises:
        ManyInputsError: Settings do not fit together; all problems at once.

    Source: Yao et al. 2025, arXiv 2510.04028, Theorem 1 with $\rho\approx1$, first order in the ratio.

    Deviations: Euler steps of the size given; nothing is clamped.

    Example:
        >>> from antigrad.lab.objectives.grpo import Grpo
        >>> from antigrad.lab.presets import three_token
        >>> trace = simulate(three_token((0.45, 0.1, 0.45)), [Grpo()], 0.1, 200)
        >>> int((trace.pi[:, 0, 0, 0, 0, 1] > trace.pi[:, 0, 0, 0, 0, 0]).nonzero()[0])  # first step with o > h
        81
    """
    arms = [objectives] if isinstance(objectives, Objective) else list(objectives)
    laws: list[Law] = [law] * len(arms) if isinstance(law, str | int) else list(law)
    rates = torch.as_tensor(eta, dtype=torch.float64)
    rates = rates.reshape(1, -1).expand(len(arms), -1) if rates.ndim < 2 else rates
    kept = list(range(steps + 1)) if keep == "all" else [0, steps] if keep == "end" else sorted({int(k) for k in keep})
    raise_all("simulate", _problems(bandit, arms, rates, steps, tier, group, seeds, laws, inner, draws, prompts, kept))
    periods = [one if isinstance(one, int) else int(one == "online") for one in laws]
    plan = _Plan(
        bandit, arms, rates.clone(), steps, tier, group, seeds, seed, periods, inner, draws, prompts,
        tuple(sorted(levels)), kept, 0 if isinstance(keep, str) else kept[-1], stop,
    )  # fmt: skip
    with torch.no_grad():
        return _Run(plan).go()


def _problems(
    bandit: Bandit,
    arms: list[Objective],
    rates: Tensor,
    steps: int,
    tier: str,
    group: int,
    seeds: int,
    laws: Sequence[Law],
    inner: int,
    draws: int | None,
    prompts: int | None,
    kept: list[int],
) -> list[str]:
    problems = [] if arms else ["no objective"]
    if tier not in get_args(Tier):
        problems.append(f"tier {tier!r}: one of {', '.join(get_args(Tier))}")
    if rates.shape[0] != len(arms) or not bool((rates > 0).all()):
        problems.append(f"eta {rates.tolist()}: step sizes above 0, one row per arm")
    for name, value, least in (("steps", steps, 0), ("group", group, 2), ("seeds", seeds, 1), ("inner", inner, 1)):
        if value < least:
            problems.append(f"{name}={value}: at least {least} is needed")
    if tier == "mean_field" and seeds > 1:
        problems.append(f"seeds={seeds} in the mean field: it draws nothing, one seed is all")
    if (draws is None) != (tier != "dataset") or (draws is not None and draws < 1):
        problems.append(f"draws={draws} with tier {tier!r}: a data set, and nothing else, has a number of draws")
    if prompts is not None and (tier != "sampled" or not 1 <= prompts <= bandit.prompts):
        problems.append(f"prompts={prompts}: from 1 to {bandit.prompts}, in the sampled tier")
    if inner > 1 and tier != "sampled":
        problems.append(f"inner={inner} with tier {tier!r}: only drawn batches can be used again")
    if len(laws) != len(arms):
        problems.append(f"{len(laws)} laws for {len(arms)} arms: one for all, or one each")
    problems += [
        f"law {law!r}: online, offline or a number of steps from 1"
        for law in laws
        if law not in ("online", "offline") and not (isinstance(law, int) and law >= 1)
    ]
    if not kept or kept[0] < 0 or kept[-1] > steps:
        problems.append(f"keep {kept[:3]}…: steps from 0 to {steps}")
    return problems


class _Run:
    # The state of a simulation: arms that still move, and what has been seen.

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        bandit = plan.bandit
        shape = (len(plan.objectives), plan.rates.shape[1], plan.seeds)
        self.z = bandit.reference.log().expand(*shape, *bandit.rewards.shape).clone()
        self.law = bandit.reference.expand(self.z.shape).clone()
        self.sampler = Sampler(bandit, plan.group, plan.seeds, plan.seed, plan.prompts)
        if plan.draws is not None:
            self.law = empirical_laws(bandit.reference, plan.draws, plan.seeds, plan.seed).expand(self.z.shape).clone()
        self.moving = torch.arange(shape[0])
        self.stopped = torch.full(shape, -1)
        self.accuracy = torch.full((plan.steps + 1, *shape), torch.nan, dtype=torch.float64)
        self.pi = torch.full((len(plan.keep), *self.z.shape), torch.nan, dtype=torch.float64)
        self.places = {step: place for place, step in enumerate(plan.keep)}
        self.crossed = {level: (torch.full(shape, -1), torch.full_like(self.z, torch.nan)) for level in plan.levels}

    def go(self) -> Trace:
        plan, last = self.plan, 0
        z, law, rates = self.z.clone(), self.law, self.plan.rates[..., None, None, None]
        alive = torch.ones(self.stopped.shape, dtype=torch.bool)
        for step in range(plan.steps + 1):
            policy = Policy.of(z)
            self._see(step, policy, alive)
            last = step
            going = self._going(step, alive)
            if going is not None:
                self.z[self.moving] = z
                self.moving = self.moving[going]
                z, law, rates, alive = z[going], law[going], rates[going], alive[going]
                policy = Policy(policy.log[going])
                self.sampler.keep(going)
            if step == plan.steps or not len(self.moving):
                break
            law = self._law(step, policy, law)
            moved = z + rates * plan.bandit.share(self._direction(step, policy, law))
            finite = moved.sum((-1, -2)).isfinite()
            if not bool(finite.all()):
                new = ~finite & alive
                stopped = self.stopped[self.moving]
                stopped[new] = step
                self.stopped[self.moving] = stopped
                alive = alive & finite
                moved = torch.where(finite[..., None, None], moved, z)
            z = torch.where(alive[..., None, None], moved, z) if not bool(alive.all()) else moved
        self.z[self.moving] = z
        return self._trace(last)

    def _law(self, step: int, policy: Policy, law: Tensor) -> Tensor:
        plan = self.plan
        if plan.tier == "dataset":
            return law
        periods = [plan.periods[arm] for arm in self.moving.tolist()]
        fresh = [period > 0 and step % period == 0 for period in periods]
        if all(fresh):
            return policy.p
        if any(fresh):
            return torch.where(torch.tensor(fresh)[:, None, None, None, None], policy.p, law)
        return law

    def _direction(self, step: int, policy: Policy, law: Tensor) -> Tensor:
        plan = self.plan
        arms = [plan.objectives[arm] for arm in self.moving.tolist()]
        sampled = plan.tier == "sampled"
        if sampled and step % plan.inner == 0:
            self.sampler.draw(law)
        batch = self.sampler.batch(policy, fresh=law is policy.p and step % plan.inner == 0) if sampled else None
        parts: list[Tensor] = []
        start = 0
        for _, some in groupby(arms, key=lambda arm: arm if sampled else arm.stack_key()):
            group = list(some)
            here = slice(start, start + len(group))
            ctx = Context(plan.bandit, law[here], plan.group)
            if batch is None:
                parts.append(type(group[0]).expected_arms(group, Policy(policy.log[here]), ctx))
            else:
                parts.append(group[0].sampled(batch.of_arms(here), ctx))
            start += len(group)
        direction = parts[0] if len(parts) == 1 else torch.cat(parts)
        return self.sampler.spread(direction) if sampled else direction

    def _see(self, step: int, policy: Policy, alive: Tensor) -> None:
        rewards = (policy.p * self.plan.bandit.rewards).sum(-1).mean(-1)
        whole = bool(alive.all())
        rewards = rewards if whole else torch.where(alive, rewards, torch.nan)
        self.accuracy[step, self.moving] = rewards
        if step in self.places:
            self.pi[self.places[step], self.moving] = (
                policy.p if whole else torch.where(alive[..., None, None], policy.p, torch.nan)
            )
        for level, (when, pi) in self.crossed.items():
            steps = when[self.moving]
            new = (rewards >= level) & (steps < 0)
            if bool(new.any()):
                steps[new] = step
                when[self.moving] = steps
                policies = pi[self.moving]
                policies[new] = policy.p[new]
                pi[self.moving] = policies

    def _going(self, step: int, alive: Tensor) -> Tensor | None:
        # Places of the arms that go on; None when all do.
        done = ~alive.flatten(1).any(1)
        if self.plan.stop and self.plan.levels and step >= self.plan.wanted:
            reached = self.crossed[self.plan.levels[-1]][0][self.moving] >= 0
            done |= (reached | ~alive).flatten(1).all(1)
        return (~done).nonzero().flatten() if bool(done.any()) else None

    def _trace(self, last: int) -> Trace:
        plan = self.plan
        seen = [place for place, step in enumerate(plan.keep) if step <= last]
        meta = {
            "tier": plan.tier,
            "objectives": [arm.record() for arm in plan.objectives],
            "eta": plan.rates.tolist(),
            "group": plan.group,
            "seeds": plan.seeds,
            "seed": plan.seed,
            "law": ["offline" if p == 0 else "online" if p == 1 else f"every {p}" for p in plan.periods],
            "inner": plan.inner,
            "draws": plan.draws,
            "prompts": plan.prompts,
            "version": version("antigrad"),
        }
        return Trace(
            plan.bandit,
            [arm.label for arm in plan.objectives],
            plan.rates,
            self.accuracy[: last + 1],
            torch.tensor([plan.keep[place] for place in seen]),
            self.pi[: len(seen)],
            self.z,
            self.crossed,
            self.stopped,
            meta,
        )
