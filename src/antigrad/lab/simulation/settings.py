"""Settings of your own simulation: the world, what is followed in it, the claim that is tested."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import AntigradError, InputValueError, raise_all
from antigrad.core.settings import Settings
from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Objective
from antigrad.lab.own import objective as make
from antigrad.lab.presets import peak, tanh_cauchy
from antigrad.lab.simulation.claims import Claim, read_claims

Rows = list[float] | list[list[float]]


@dataclass(frozen=True)
class SimulateConfig(Settings):
    """Settings of a simulation.

    Args:
        objective: What is followed, one arm each: names of the catalog, `module:Name` or `file.py:Name`, with options.
        rewards: Reward of each action; or one list per prompt.
        start: Initial law, which is the reference: probabilities of the actions, for every prompt or one list each.
            Without it all actions are equally likely; with `peak` it is the data law of the didactic bandit.
        peak: Instead of `rewards`: they peak at this action, with that law as a start.
        width: Width of the peak.
        actions: Actions of a world with a peak.
        share: ρ, how strongly prompts share an update; 0 is a tabular policy.
        claim: What is to be checked: `METRIC: ARM > ARM`, several joined by `;`. Metrics: reward, entropy, kl (to the
            start), correct, `pass@K`, `action N`. An arm is an objective as it is given above, or `start`.
        sentence: The claim in words, for the page.
        eta: Step size.
        steps: Steps.
        tier: `mean_field`, `sampled`, or `dataset`: the exact direction on draws of the start.
        law: What is drawn from: `online`, `offline`, or a number of steps after which it is refreshed.
        group: Samples per prompt.
        prompts: Prompts drawn per step (tier `sampled`); 0 is all.
        draws: Draws of a data set (tier `dataset`).
        seeds: Seeds of the drawn tiers; a verdict needs six.
        seed: Where they start.
        levels: Mean rewards at which arms are compared; by default one half and nine tenths of the range from
            the start to the best.
        equal_steps: Steps at which they are compared; by default a tenth of the steps, and the last.
        export: Write every path as `csv` or `parquet` too, or `none`.
        output: Folder of the run.
        resume: Resume the run in `output`; arms that are done are kept.
    """

    objective: list[str] = field(default_factory=lambda: ["grpo"])
    rewards: list[float] | list[list[float]] = field(default_factory=list[float])
    start: list[float] | list[list[float]] = field(default_factory=list[float])
    peak: float | None = None
    width: float = 10.0
    actions: int = 100
    share: float = 0.0
    claim: str = ""
    sentence: str = ""
    eta: float = 0.1
    steps: int = 1000
    tier: Literal["mean_field", "sampled", "dataset"] = "mean_field"
    law: str = "online"
    group: int = 8
    prompts: int = 0
    draws: int = 30
    seeds: int = 12
    seed: int = 0
    levels: list[float] = field(default_factory=list[float])
    equal_steps: list[int] = field(default_factory=list[int])
    export: Literal["none", "csv", "parquet"] = "none"
    output: Path = Path("runs/lab-simulate")
    resume: bool = False

    @property
    def drawn(self) -> int:
        """Number of seeds: 1 where nothing is drawn."""
        return 1 if self.tier == "mean_field" else self.seeds

    @property
    def period(self) -> Literal["online", "offline"] | int:
        """The law, with a number as a number."""
        if self.law == "online" or self.law == "offline":
            return self.law
        return int(self.law)

    def check(self) -> tuple[Bandit, list[Objective], list[Claim]]:
        """Check every setting and make what is simulated.

        Returns:
            The world, the arms and the claims.

        Raises:
            ManyInputsError: All problems at once.
            InputValueError: There is no world.
        """
        problems = self._problems()
        bandit, arms, claims = None, list[Objective](), list[Claim]()
        try:
            bandit = self._world()
        except AntigradError as error:
            problems.append(str(error))
        for spec in self.objective:
            try:
                arms.append(make(spec))
            except AntigradError as error:
                problems.append(f"objective: {error}")
        if bandit is not None and len(arms) == len(self.objective):
            try:
                claims = read_claims(self.claim, self.objective, bandit.actions)
            except AntigradError as error:
                problems.append(str(error))
        labels = [arm.label for arm in arms]
        problems += [f"objective {one}: given twice" for one in sorted(set(labels)) if labels.count(one) > 1]
        if bandit is not None and self.prompts > bandit.prompts:
            problems.append(f"prompts={self.prompts}: the world has {bandit.prompts}")
        raise_all("settings of lab simulate", problems)
        if bandit is None:
            raise InputValueError("no world", "rewards or a peak", "give --rewards")
        return bandit, arms, claims

    def _problems(self) -> list[str]:
        problems = [] if self.objective else ["objective: at least one"]
        for name, least in (("steps", 1), ("group", 2), ("seeds", 1), ("draws", 1), ("prompts", 0), ("seed", 0)):
            if getattr(self, name) < least:
                problems.append(f"{name}={getattr(self, name)}: at least {least} is needed")
        if not (math.isfinite(self.eta) and self.eta > 0):
            problems.append(f"eta={self.eta}: a step size above 0")
        if not 0 <= self.share <= 1:
            problems.append(f"share={self.share}: from 0 to 1")
        if self.law not in ("online", "offline") and not (self.law.isdigit() and int(self.law) > 0):
            problems.append(f"law={self.law!r}: online, offline or a number of steps from 1")
        if not all(map(math.isfinite, self.levels)):
            problems.append(f"levels={self.levels}: finite rewards")
        problems += [f"equal_steps: {one} is not from 1 to {self.steps}" for one in self.equal_steps
                     if not 1 <= one <= self.steps]  # fmt: skip
        if self.prompts and self.tier != "sampled":
            problems.append(f"prompts={self.prompts} with tier {self.tier}: only the sampled tier draws prompts")
        if bool(self.rewards) == (self.peak is not None):
            problems.append("rewards, or a peak: one of the two says what is rewarded")
        if self.peak is not None and not (self.width > 0 and self.actions >= 2 and 0 <= self.peak < self.actions):
            problems.append(
                f"peak={self.peak}, width={self.width}, actions={self.actions}: a peak at one of the actions"
            )
        return problems

    def _world(self) -> Bandit | None:
        if self.peak is not None and self.width > 0 and self.actions >= 2:
            rewards, law = peak([self.peak], self.width, self.actions).rewards, tanh_cauchy(self.actions)
        elif self.rewards:
            rewards = _table("rewards", self.rewards)
            law = torch.full((rewards.shape[-1],), 1 / rewards.shape[-1], dtype=torch.float64)
        else:
            return None
        start = _table("start", self.start) if self.start else law[None]
        if len(start) == 1:
            start = start.expand(len(rewards), -1)
        if len(rewards) == 1:
            rewards = rewards.expand(len(start), -1)
        if start.shape != rewards.shape:
            given = f"rewards {tuple(rewards.shape)}, start {tuple(start.shape)}"
            raise InputValueError(given, "as many probabilities as rewards", "a row per prompt, or one for all")
        kernel = None
        if self.share:
            count = len(rewards)
            kernel = (1 - self.share) * torch.eye(count, dtype=torch.float64) + 10 * self.share / count
        return Bandit(rewards, start, kernel)


def _table(name: str, rows: Rows) -> Tensor:
    nested = [row if isinstance(row, list) else [row] for row in rows]
    if any(isinstance(row, list) for row in rows):
        if len({len(row) for row in nested}) > 1:
            raise InputValueError(f"{name} with rows of {sorted({len(row) for row in nested})}", "rows of one length",
                                  "one number per action in each")  # fmt: skip
        return torch.tensor(nested, dtype=torch.float64)
    return torch.tensor([rows], dtype=torch.float64)
