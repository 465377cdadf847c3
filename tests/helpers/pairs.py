"""Random steps and negative gradients, and dense matrices to hold the geometry against (float64)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """A step g at a known angle psi to a negative gradient y, with |g| = rho |y|."""

    g: Tensor
    y: Tensor
    psi: float
    rho: float

    @property
    def sums(self) -> tuple[float, float, float]:
        return float(self.g @ self.g), float(self.y @ self.y), float(self.g @ self.y)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(rng: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=rng)


def uniform(rng: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), dtype=torch.float64, generator=rng))


def pair(rng: torch.Generator, size: int, psi: float | None = None, rho: float | None = None) -> Pair:
    """Any angle between 1 and 86 degrees unless told."""
    y = normal(rng, size) * uniform(rng, 0.1, 5)
    psi = uniform(rng, 0.02, 1.5) if psi is None else psi
    rho = math.exp(float(normal(rng))) if rho is None else rho
    across = normal(rng, size)
    across -= y * (across @ y) / (y @ y)
    turned = math.cos(psi) * y / y.norm() + math.sin(psi) * across / across.norm()
    return Pair(rho * y.norm() * turned, y, psi, rho)


def complement(y: Tensor) -> Tensor:
    """(D, D - 1) orthonormal basis of what is across y, or across the columns of y."""
    columns = y[:, None] if y.ndim == 1 else y
    return torch.linalg.qr(columns, mode="complete")[0][:, columns.shape[1] :]


def random_member(rng: torch.Generator, g: Tensor, y: Tensor) -> Tensor:
    """A random SPD P with P y = g, from the whole family."""
    N = complement(y)
    Q = torch.linalg.qr(normal(rng, N.shape[1], N.shape[1]))[0]
    spread = uniform(rng, 0.01, 2)
    values = torch.exp(spread * normal(rng, N.shape[1]) + math.log(float((g @ g) / (g @ y))))
    return torch.outer(g, g) / (g @ y) + N @ (Q * values) @ Q.T @ N.T


def random_spd(rng: torch.Generator, size: int, floor: float = 0.1) -> Tensor:
    B = normal(rng, size, size)
    return B @ B.T + floor * torch.eye(size, dtype=torch.float64)


def condition(P: Tensor) -> float:
    values = torch.linalg.eigvalsh(P)
    return float(values[-1] / values[0])


def quartic(rng: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Coefficients (A, b) of L(x) = x A x / 2 + 0.1 sum x^4 + b x; see `loss` and `slope`."""
    A = normal(rng, size, size)
    return A @ A.T / size, normal(rng, size)


def loss(coefficients: tuple[Tensor, Tensor], x: Tensor) -> float:
    A, b = coefficients
    return float(0.5 * x @ A @ x + 0.1 * (x**4).sum() + b @ x)


def slope(coefficients: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    A, b = coefficients
    return A @ x + 0.4 * x**3 + b
