"""Bandits of the papers and of the studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.lab.bandit import Bandit


def three_token(
    start: Sequence[float] | Sequence[Sequence[float]], rewards: Sequence[float] = (0.8, 1.0, 0.0)
) -> Bandit:
    """Three actions H, O, L: explored with a high reward, rare and optimal, explored with a low one.

    Args:
        start: Initial probabilities (h, o, l), or several such triples, which become independent prompts.
        rewards: Rewards of H, O, L.

    Returns:
        The bandit.

    Raises:
        InputValueError: Not three numbers each.

    Source: Yao et al. 2025, arXiv 2510.04028, Fig. 1; its logits and step size are not known to us.

    Example:
        >>> three_token((0.495, 0.01, 0.495)).rewards.tolist()
        [[0.8, 1.0, 0.0]]
    """
    rows = [start] if all(isinstance(one, int | float) for one in start) else list(start)
    if len(rewards) != 3 or not rows or any(len(cast(Sequence[float], row)) != 3 for row in rows):
        raise InputValueError(f"start={start}, rewards={rewards}", "three numbers each: H, O, L", "see the presets")
    reference = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)
    return Bandit(torch.tensor(rewards, dtype=torch.float64).expand_as(reference), reference)


def tanh_cauchy(actions: int = 100, location: float = -0.7, scale: float = 0.4) -> Tensor:
    r"""Exact masses of $\tanh(\mathrm{Cauchy})$ on [−1, 1] in equal bins.

    $$F(b)=\frac12+\frac1\pi\arctan\frac{\mathrm{artanh}(b)-\text{location}}{\text{scale}}$$

    Args:
        actions: Bins.
        location: Of the Cauchy law.
        scale: Of the Cauchy law.

    Returns:
        (actions,) probabilities.

    Source: Tajwar et al. 2024, arXiv 2404.14367, released code; they histogram 10 000 draws.

    Example:
        >>> law = tanh_cauchy()
        >>> [round(law[place].item(), 4) for place in (0, 16, 99)]
        [0.0781, 0.0268, 0.0422]
    """
    edges = torch.linspace(-1, 1, actions + 1, dtype=torch.float64)
    below = 0.5 + torch.atan((torch.atanh(edges) - location) / scale) / torch.pi
    below[0], below[-1] = 0.0, 1.0
    return below.diff()


def peak(centres: Sequence[float], width: float = 10.0, actions: int = 100) -> Bandit:
    r"""Rewards $e^{-((a-c)/w)^2}$ over the tanh-Cauchy reference, one prompt a centre.

    Args:
        centres: c of each prompt: 70 is disjoint from the reference ($R_1$), 20 overlaps with it ($R_2$).
        width: w.
        actions: V.

    Returns:
        The bandit.

    Source: Tajwar et al. 2024, arXiv 2404.14367, didactic bandit, rewards number 4 and 5.

    Example:
        >>> bandit = peak([70, 20])
        >>> [round(value, 3) for value in (bandit.rewards * bandit.reference).sum(-1).tolist()]
        [0.039, 0.377]
    """
    place = torch.arange(actions, dtype=torch.float64)
    rewards = torch.exp(-(((place - torch.tensor(centres, dtype=torch.float64)[:, None]) / width) ** 2))
    return Bandit(rewards, tanh_cauchy(actions).expand_as(rewards))


def is_rare(centre: float, width: float = 10.0, actions: int = 100) -> bool:
    """Whether a peak lies where the data law has less mass than an even law.

    Args:
        centre: Of the peak.
        width: What is near it, on either side.
        actions: Bins.

    Returns:
        True for unlikely regions.

    Example:
        >>> is_rare(70), is_rare(20)
        (True, False)
    """
    near = (torch.arange(actions) - centre).abs() <= width
    return float(tanh_cauchy(actions)[near].sum()) < float(near.double().mean())


def correct_set(actions: int, correct: int, accuracy: float, prior: Tensor | None = None) -> Bandit:
    """One prompt with many correct actions: equally likely, or after a prior.

    Args:
        actions: V.
        correct: Number of correct actions, the first ones.
        accuracy: Their initial mass; spread evenly over the others is the rest.
        prior: (correct,) weights of the correct ones; equal when None.

    Returns:
        The bandit.

    Raises:
        InputValueError: Numbers do not fit.

    Example:
        >>> correct_set(4, 2, 0.5).reference.tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """
    if not (0 < correct < actions and 0 < accuracy < 1):
        given = f"actions={actions}, correct={correct}, accuracy={accuracy}"
        raise InputValueError(given, "0 < correct < actions, 0 < accuracy < 1", "2000, 600 and 0.3 are the study's")
    good = torch.ones(correct, dtype=torch.float64) if prior is None else prior.to(torch.float64)
    bad = torch.full((actions - correct,), (1 - accuracy) / (actions - correct), dtype=torch.float64)
    reference = torch.cat([accuracy * good / good.sum(), bad])
    return Bandit((torch.arange(actions) < correct).to(torch.float64)[None], reference[None])


def lognormal_prior(count: int, sigma: float) -> Tensor:
    """Log-normal weights, the same for every σ up to the scale of the exponent.

    Args:
        count: How many.
        sigma: σ; 0 makes them equal.

    Returns:
        (count,) weights.

    Example:
        >>> lognormal_prior(2, 0.0).tolist()
        [1.0, 1.0]
    """
    import numpy as np

    return torch.exp(sigma * torch.from_numpy(np.random.default_rng(7).normal(size=count)))


def shared_prompts(rho: float, prompts: int = 200, actions: int = 30, seed: int = 0) -> Bandit:
    r"""Prompts with one correct action each and a logit direction in common.

    $$K_x=(1-\rho)I+\frac{10\rho}X\mathbf 1\mathbf 1^\top$$

    Args:
        rho: ρ; 0 is a tabular policy.
        prompts: X.
        actions: V.
        seed: Of numpy's generator, which draws logits and correct actions.

    Returns:
        The bandit.

    Raises:
        InputValueError: ρ is not from 0 to 1.

    Example:
        >>> bandit = shared_prompts(0.6)
        >>> round((bandit.reference * bandit.rewards).sum(-1).mean().item(), 3)
        0.033
    """
    if not 0 <= rho <= 1:
        raise InputValueError(f"rho={rho}", "from 0 to 1", "0.6 is the study's")
    import numpy as np

    rng = np.random.default_rng(seed)
    logits = rng.normal(size=actions)[None] + rng.normal(size=(prompts, actions))
    weights = np.exp(-0.35 * np.arange(actions))
    right = torch.from_numpy(rng.choice(actions, size=prompts, p=weights / weights.sum()))
    rewards = torch.nn.functional.one_hot(right, actions).to(torch.float64)
    kernel = None
    if rho:
        kernel = (1 - rho) * torch.eye(prompts, dtype=torch.float64) + 10 * rho / prompts
    return Bandit(rewards, torch.from_numpy(logits).softmax(-1), kernel)


def length(kind: Literal["min", "mode", "skew"], longest: int = 256, mode: int = 203) -> Bandit:
    """Responses by their length alone: a hazard of ending at each token, as a categorical law over lengths.

    The hazard rises so that the most likely length is near `mode`. `min` rewards short responses, `mode` those near
    the mode, `skew` short ones while the reference hardly has any.

    Args:
        kind: Which problem.
        longest: Longest response.
        mode: Most likely length of the reference.

    Returns:
        The bandit, with `longest` + 1 actions.

    Raises:
        InputValueError: There is no such kind.

    Source: the length problems of Tajwar et al. 2024, arXiv 2404.14367, Sec. 4.

    Deviations: our own analogue; their language models and data are not in it, and no number of theirs is claimed.

    Example:
        >>> bandit = length("mode")
        >>> int(bandit.reference.argmax())
        203
    """
    if kind not in ("min", "mode", "skew"):
        raise InputValueError(f"kind {kind!r}", "min, mode or skew", "min is the simplest")
    place = torch.arange(longest + 1, dtype=torch.float64)
    # A Gompertz law peaks where its hazard equals the rate at which the hazard grows.
    growth = 0.05 if kind != "skew" else 0.1
    hazard = -torch.expm1(-growth * torch.exp(growth * (place - mode)))
    survival = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - hazard[:-1], 0)])
    reference = torch.cat([hazard[:-1], torch.ones(1, dtype=torch.float64)]) * survival
    rewards = torch.exp(-(((place - mode) / 10) ** 2)) if kind == "mode" else 1 - place / longest
    return Bandit(rewards[None], reference[None])
