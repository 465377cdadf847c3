"""How the parts of an objective act on each other through one step, and at which weights all of them gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from antigrad.geometry.angle import Certificate
from antigrad.geometry.dots import dot
from antigrad.geometry.effects import least_kappa_interaction
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.watched import local

Diagonal = Callable[[nn.Parameter], Tensor | float]
"""Diagonal of the optimizer's own preconditioner at a parameter."""


@dataclass(frozen=True)
class PartSums:
    """Scalars between a step g, the negative gradient y that made it, and those of n parts.

    Args:
        names: The parts.
        effects: (n,) y_a·g, the first-order drop of each part's loss.
        with_descent: (n,) y_a·y.
        gram: (n, n) y_a·y_b.
        weighted: (n, n) y_a·P y_b with the optimizer's own diagonal P; None where it has none.
    """

    names: Sequence[str]
    effects: Tensor
    with_descent: Tensor
    gram: Tensor
    weighted: Tensor | None

    def interaction(self, whole: Certificate) -> tuple[str, Tensor]:
        r"""K_ab = y_a·P y_b, and which P it is.

        Args:
            whole: The certificate of the step against its own gradient.

        Returns:
            `optimizer` (its own diagonal), `least_kappa` (the rank-one matrix of least condition
            number that turns y into g) or `euclidean` (P = I, when the step goes up), and (n, n).
        """
        if self.weighted is not None:
            return "optimizer", self.weighted
        if whole.effective:
            return "least_kappa", least_kappa_interaction(self.gram, self.with_descent, self.effects, whole)
        return "euclidean", self.gram


def part_sums(
    parts: PartGradients,
    moves: Mapping[nn.Parameter, Tensor],
    gradient: Mapping[nn.Parameter, Tensor],
    diagonal: Diagonal | None,
) -> Tensor:
    """Take the sums of a step over what this process holds.

    Args:
        parts: Gradients of the parts.
        moves: g, the parameters after the step minus before it.
        gradient: ∇L that made the step.
        diagonal: The optimizer's own preconditioner, if it has one.

    Returns:
        (P, 2 + n or 2 + 2n, n) float64, for each parameter: effects, with_descent, gram, weighted.
    """
    count = len(parts.names)
    size = 2 + (1 if diagonal is None else 2) * count
    sums: list[Tensor] = []
    for parameter, move in moves.items():
        here = torch.zeros(size, count, dtype=torch.float64, device=move.device)
        slopes = [parts.of(name, parameter) for name in parts.names]
        scale = None if diagonal is None else diagonal(parameter)
        for a, one in enumerate(slopes):
            if one is None:
                continue
            here[0, a] = -dot(one, move)
            here[1, a] = dot(one, gradient[parameter]) if parameter in gradient else 0.0
            for b, other in enumerate(slopes[a:], a):
                if other is None:
                    continue
                here[2 + a, b] = here[2 + b, a] = dot(one, other)
                if scale is not None:
                    here[2 + count + a, b] = here[2 + count + b, a] = dot(one * scale, other)
        sums.append(here)
    return torch.stack(sums)


def as_part_sums(names: Sequence[str], sums: Tensor, scale: float) -> PartSums:
    """Give the sums their names.

    Args:
        names: The parts.
        sums: (2 + n or 2 + 2n, n), added up over parameters and processes.
        scale: Factor by which the gradient that made the step was multiplied.

    Returns:
        The same with names.
    """
    count = len(names)
    weighted = sums[2 + count :] if len(sums) > 2 + count else None
    return PartSums(names, sums[0], sums[1] / scale, sums[2 : 2 + count], weighted)


def optimizer_diagonal(optimizer: torch.optim.Optimizer) -> Diagonal | None:
    r"""Diagonal of an optimizer's own preconditioner: η for SGD, η/(√v̂ + ε) for Adam and its kin.

    Args:
        optimizer: The optimizer, after its step.

    Returns:
        The diagonal of a parameter; None for other optimizers.

    Source: Kingma, Ba 2015, arXiv 1412.6980, Alg. 1; momentum is left out: it averages steps, and
        does not change how two gradients of one step act on each other.
    """
    groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
    if isinstance(optimizer, torch.optim.SGD):
        return lambda parameter: float(groups[parameter]["lr"])
    state = cast(Mapping[nn.Parameter, Mapping[str, Any]], optimizer.state)
    if not state or any(not {"exp_avg_sq", "step"} <= values.keys() for values in state.values()):
        return None

    def adam(parameter: nn.Parameter) -> Tensor | float:
        group, values = groups[parameter], state.get(parameter)
        if values is None or "betas" not in group:
            return 0.0
        correction = 1 - float(group["betas"][1]) ** float(values["step"])
        return float(group["lr"]) / (
            (local(values.get("max_exp_avg_sq", values["exp_avg_sq"])) / correction).sqrt() + float(group["eps"])
        )

    return adam


def weight_range(interaction: Tensor, down: int) -> tuple[float, float] | None:
    r"""Weights λ ≥ 0 of the down part at which the first-order effect of every part is positive.

    $$\Big\{\lambda\ge0:\ \sum_{b\ne\downarrow}K_{ab}+\lambda K_{a\downarrow}>0\ \text{for all }a\Big\}$$

    Args:
        interaction: (n, n) K, symmetric.
        down: Place of the down part.

    Returns:
        The open interval, its upper end infinite if nothing bounds it; None if there is no such
        weight (never so for two parts). A part without any gradient has no say.

    Source: derived here; for two parts it is (−K₊₋/K₋₋, K₊₊/−K₊₋).

    Example:
        >>> low, high = weight_range(torch.tensor([[2.0, -1.0], [-1.0, 3.0]]), down=1)
        >>> round(low, 4), high
        (0.3333, 2.0)
    """
    low, high = 0.0, math.inf
    slopes, constants = interaction[:, down], interaction.sum(1) - interaction[:, down]
    for place in range(len(interaction)):
        constant, slope = float(constants[place]), float(slopes[place])
        if float(interaction[place, place]) == 0:
            continue
        if slope > 0:
            low = max(low, -constant / slope)
        elif slope < 0:
            high = min(high, constant / -slope)
        elif constant <= 0:
            return None
    return (low, high) if low < high else None
