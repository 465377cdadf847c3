"""Metrics of a step as dense matrices, for tests."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from helpers.pairs import Pair


def eye(size: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64)


def dense(one: Pair, member: str) -> Tensor:
    """The formulas of the members, written out with outer products."""
    g, y, size = one.g, one.y, len(one.g)
    k, s = math.cos(one.psi), math.sin(one.psi)
    c, up, unit = (g @ g) / (g @ y), torch.outer(g, g) / (g @ y), torch.outer(y, y) / (y @ y)
    high, low = c * (1 + s), c * (1 - s)
    t = (k * g / g.norm() - y / y.norm()) / s
    p, q = y / y.norm() + t, y / y.norm() - t
    R = torch.outer(p, p) / (p @ p) - torch.outer(q, q) / (q @ q)
    V = eye(size) - torch.outer(g, y) / (g @ y)
    q1, p1 = high * y - g, g - low * y
    members: dict[str, Callable[[], Tensor]] = {
        "arithmetic": lambda: c * eye(size) + up - c * unit,
        "upper": lambda: high * eye(size) - (high - low) * torch.outer(q1, q1) / (q1 @ q1),
        "lower": lambda: low * eye(size) + (high - low) * torch.outer(p1, p1) / (p1 @ p1),
        "geometric": lambda: one.rho * torch.linalg.matrix_exp(math.atanh(s) * R),
        "bfgs": lambda: up + eye(size) - unit,
        "dfp": lambda: V @ V.T + up,
        "psb": lambda: dense_psb(one, one.rho * (1 + s * s) / k),
    }
    return members[member]()


def dense_psb(one: Pair, scale: float) -> Tensor:
    y, r = one.y, one.g - scale * one.y
    both = (torch.outer(r, y) + torch.outer(y, r)) / (y @ y)
    return scale * eye(len(y)) + both - (r @ y) * torch.outer(y, y) / (y @ y) ** 2
