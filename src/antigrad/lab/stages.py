r"""Stages of training on three tokens: when exploitation turns into exploration, as predicted and as observed.

| symbol | meaning |
| --- | --- |
| $h,o,l$ | probabilities of the explored high-reward, the rare optimal and the low-reward action |
| $\Delta_{HL},\Delta_{OH}$ | gaps of their rewards |
| B1 | the advantage of H changes sign |
| B2 | π(O) is at its minimum |
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.lab.bandit import Bandit
from antigrad.lab.groups import group_table
from antigrad.lab.trace import Trace
from antigrad.objectives.grpo import Scale

H, O, L = 0, 1, 2  # noqa: E741 (the paper's names)


def mean_advantages(pi: Tensor, bandit: Bandit, group: int, scale: Scale = "population") -> Tensor:
    """Expected full-group advantage of each action, whatever half of it an objective uses.

    Args:
        pi: (..., X, V) probabilities.
        bandit: Rewards.
        group: G.
        scale: What advantages are divided by.

    Returns:
        (..., X, V) advantages.
    """
    return _of_actions(pi, bandit, group, scale, positive=False)


def explored_share(pi: Tensor, bandit: Bandit, group: int, scale: Scale = "population") -> Tensor:
    r"""Share of the positive advantage that falls on actions other than the most likely one.

    $$E=\frac{\sum_i\hat A_i^+\mathbf 1[a_i\ne\text{mode}]}{\sum_i\hat A_i^+},
    \qquad\text{exploration where }E>\tfrac12$$

    Args:
        pi: (..., X, V) probabilities.
        bandit: Rewards.
        group: G.
        scale: What advantages are divided by.

    Returns:
        (..., X) shares.

    Source: ours; in the rare limit $o/(o+l)$ with the deviation, $o\Delta_{OH}/(o\Delta_{OH}+l\Delta_{HL})$ without.
    """
    mass = pi * _of_actions(pi, bandit, group, scale, positive=True)
    mode = pi.argmax(-1, keepdim=True)
    return 1 - mass.gather(-1, mode)[..., 0] / mass.sum(-1)


def _of_actions(pi: Tensor, bandit: Bandit, group: int, scale: Scale, *, positive: bool) -> Tensor:
    mass = (pi[..., None] * bandit.level_of).sum(-2)
    mean = group_table(bandit.levels, group, scale).mean(mass, (lambda a: a.clamp(min=0)) if positive else None)
    return (mean[..., None, :] * bandit.level_of).sum(-1)


@dataclass(frozen=True)
class Stages:
    """Stage measures of one arm on one prompt with three tokens; None is "not within these steps".

    Args:
        arm: Its label.
        rate: η.
        trough: Step at which π(O) is smallest (B2).
        fall: π(O) at the start divided by π(O) there.
        sign_change: First step at which the full-group advantage of H is below 0 (B1).
        overtakes: First step with π(O) > π(H).
        expansion: First step with π(O) ≥ 1/k.
        end: Last policy (h, o, l).
        steps: Steps seen.
    """

    arm: str
    rate: float
    trough: int
    fall: float
    sign_change: int | None
    overtakes: int | None
    expansion: int | None
    end: tuple[float, float, float]
    steps: int


def stages(trace: Trace, prompt: int = 0, *, k: int = 256, scale: Scale = "population") -> list[Stages]:
    """Observe the stages of every arm, at every step.

    Args:
        trace: A mean-field simulation on three tokens that kept every step.
        prompt: Which prompt.
        k: Budget of the boundary 1/k.
        scale: Normalisation of the advantages whose sign is watched.

    Returns:
        One record an arm and rate.
    """
    pi = trace.pi[..., 0, prompt : prompt + 1, :]
    world = Bandit(trace.bandit.rewards[prompt : prompt + 1], trace.bandit.reference[prompt : prompt + 1])
    advantage = mean_advantages(pi, world, trace.meta["group"], scale)[..., 0, H]
    found: list[Stages] = []
    for a, arm in enumerate(trace.arms):
        for e, rate in enumerate(trace.rates[a].tolist()):
            path = pi[:, a, e, 0]
            rare = path[:, O]
            trough = int(rare.argmin())
            h, o, low = path[-1].tolist()
            found.append(
                Stages(
                    arm,
                    rate,
                    trough,
                    float(rare[0] / rare[trough]),
                    first_step(advantage[:, a, e] < 0),
                    first_step(rare > path[:, H]),
                    first_step(rare >= 1 / k),
                    (h, o, low),
                    len(path) - 1,
                )
            )
    return found


def first_step(holds: Tensor) -> int | None:
    """First step at which something holds.

    Args:
        holds: (T,) True where it does.

    Returns:
        The step; None if it never does.

    Example:
        >>> first_step(torch.tensor([False, True, True])), first_step(torch.tensor([False]))
        (1, None)
    """
    return int(holds.to(torch.uint8).argmax()) if bool(holds.any()) else None


def boundary_ratios(bandit: Bandit, scale: Scale = "population", prompt: int = 0) -> tuple[float, float]:
    r"""Predicted ratios o / l at B1 and B2, once h is near 1.

    $$\text{B1: }\frac ol=1\ \text{(deviation)},\ \frac{\Delta_{HL}}{\Delta_{OH}}\ \text{(none)};
    \qquad\text{B2: half of it}$$

    Args:
        bandit: Rewards of H, O, L.
        scale: What advantages are divided by.
        prompt: Which prompt.

    Returns:
        The ratios at B1 and B2.

    Raises:
        InputValueError: The rewards have another order: there are no such boundaries.

    Source: derived from Yao et al. 2025, arXiv 2510.04028, Theorem 1.

    Example:
        >>> from antigrad.lab.presets import three_token
        >>> [round(ratio, 6) for ratio in boundary_ratios(three_token((0.5, 0.02, 0.48)), "none")]
        [4.0, 2.0]
    """
    high, best, low = bandit.rewards[prompt].tolist()
    if not low < high < best:
        raise InputValueError(f"rewards H {high:g}, O {best:g}, L {low:g}", "L < H < O", "0.8, 1 and 0 are the paper's")
    ratio = (high - low) / (best - high) if scale == "none" else 1.0
    return ratio, ratio / 2


def exploration_time(o: float, eta: float, group: int, *, negatives_only: bool = False) -> float:
    r"""Predicted steps until O overtakes H from (1 − o, o, 0), advantages divided by their deviation.

    $$T\approx\frac1{2\eta\kappa o},\qquad\text{negatives only }T\approx\frac1{4\eta\kappa o^2},
    \qquad\kappa=\sqrt{G-1}$$

    Args:
        o: Probability of O.
        eta: η.
        group: G.
        negatives_only: Which formula.

    Returns:
        Steps.

    Source: derived.

    Example:
        >>> round(exploration_time(0.01, 0.1, 8)), round(exploration_time(0.01, 0.1, 8, negatives_only=True))
        (189, 9449)
    """
    kappa = (group - 1) ** 0.5
    return 1 / (4 * eta * kappa * o**2) if negatives_only else 1 / (2 * eta * kappa * o)
