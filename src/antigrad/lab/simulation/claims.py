"""A claim of your own: `METRIC: ARM > ARM`, read from text and measured on policies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.lab.bandit import Bandit
from antigrad.lab.measures import accuracy, divergences, entropy, pass_at_k

START = "start"
"""The arm that does not move."""
_FORM = re.compile(r"^\s*(?P<metric>[^:]+?)\s*:\s*(?P<first>.+?)\s+(?P<sign>[<>])\s+(?P<second>.+?)\s*$")
_NAMES = ("reward", "entropy", "kl", "correct")


@dataclass(frozen=True)
class Claim:
    """One comparison that is claimed.

    Args:
        metric: What is compared.
        above: The arm that shall have more: an objective as it was given, or `start`.
        below: The arm that shall have less.
    """

    metric: str
    above: str
    below: str

    @property
    def says(self) -> str:
        """In words."""
        return f"{self.metric} of {self.above} above {self.below}"


def read_claims(text: str, arms: Sequence[str], actions: int) -> list[Claim]:
    """Read claims joined by `;`.

    Args:
        text: For example `entropy: grpo_n > grpo; reward: grpo > start`.
        arms: Objectives as they were given.
        actions: Number of actions.

    Returns:
        One each; none for an empty text.

    Raises:
        InputValueError: One has another form, or names what there is not.

    Example:
        >>> read_claims("action 1: grpo < psr", ["grpo", "psr"], 3)
        [Claim(metric='action 1', above='psr', below='grpo')]
    """
    claims: list[Claim] = []
    for one in filter(None, map(str.strip, text.split(";"))):
        found = _FORM.match(one)
        if found is None:
            raise InputValueError(f"claim {one!r}", "METRIC: ARM > ARM", "reward: grpo > psr")
        metric = " ".join(found["metric"].split())
        _check_metric(metric, actions)
        for arm in (found["first"], found["second"]):
            if arm not in (*arms, START):
                raise InputValueError(f"claim {one!r}: arm {arm!r}", "an objective as it is given, or start",
                                      did_you_mean(arm, [*arms, START]))  # fmt: skip
        pair = (found["first"], found["second"])
        claims.append(Claim(metric, *(pair if found["sign"] == ">" else pair[::-1])))
    return claims


def _check_metric(metric: str, actions: int) -> None:
    action, attempts = re.fullmatch(r"action (\d+)", metric), re.fullmatch(r"pass@(\d+)", metric)
    if metric in _NAMES or (action and int(action[1]) < actions) or (attempts and int(attempts[1]) > 0):
        return
    expected = f"{', '.join(_NAMES)}, pass@K, action N from 0 to {actions - 1}"
    raise InputValueError(f"metric {metric!r}", expected, did_you_mean(metric, [*_NAMES, "pass@16", "action 0"]))


def measure(metric: str, pi: Tensor, bandit: Bandit) -> Tensor:
    """Measure policies.

    Args:
        metric: Of a claim.
        pi: (..., X, V) probabilities.
        bandit: The world.

    Returns:
        (...) figures, means over prompts.

    Example:
        >>> from antigrad.lab.presets import three_token
        >>> world = three_token((0.5, 0.25, 0.25))
        >>> [round(float(measure(name, world.reference, world)), 3) for name in ("reward", "action 1", "kl", "correct")]
        [0.65, 0.25, 0.0, 0.75]
    """
    if metric == "reward":
        return accuracy(pi, bandit)
    if metric == "entropy":
        return entropy(pi).mean(-1)
    if metric == "kl":
        return divergences(pi, bandit)[0]
    if metric == "correct":
        return (pi * bandit.correct).sum(-1).mean(-1)
    if metric.startswith("pass@"):
        return pass_at_k(pi, bandit, int(metric.removeprefix("pass@")))
    return pi[..., int(metric.removeprefix("action "))].mean(-1)
