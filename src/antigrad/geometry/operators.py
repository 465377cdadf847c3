"""Symmetric matrices held as a number and two vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError

LARGEST_DENSE = 64
"""Largest D of which a dense matrix is made."""


@dataclass(frozen=True)
class Operator:
    r"""A symmetric matrix that is a multiple of the identity but for up to two directions.

    $$Pv=b\,v+\sum_{i\le r}(p_i-b)\,u_i\,(u_i\cdot v)$$

    Args:
        base: b, eigenvalue across all u_i.
        vectors: (r, D) float64 orthonormal u_i, r ≤ 2.
        values: (r,) float64 eigenvalues p_i.
        positive_definite: Whether all eigenvalues are claimed to be positive; checked.

    Raises:
        InputTypeError: Shapes or dtypes do not fit.
        InputValueError: The vectors are not orthonormal, a number is not finite, or the claim is false.

    Sign: a positive definite P never turns a vector by 90° or more.

    Source: derived here.

    Deviations: none.

    Example:
        >>> halve = Operator(1.0, torch.tensor([[1.0, 0.0]]).double(), torch.tensor([0.5]).double())
        >>> halve(torch.tensor([2.0, 3.0])).tolist(), halve.inverse().condition
        ([1.0, 3.0], 2.0)
    """

    base: float
    vectors: Tensor
    values: Tensor
    positive_definite: bool = True

    def __post_init__(self) -> None:
        """Check what the methods rely on.

        Raises:
            InputTypeError: Shapes or dtypes do not fit.
            InputValueError: The vectors are not orthonormal, a number is not finite, or the claim is false.
        """
        shapes = f"vectors {tuple(self.vectors.shape)}, values {tuple(self.values.shape)}"
        rank = len(self.values) if self.values.ndim == 1 else -1
        if self.vectors.ndim != 2 or len(self.vectors) != rank or rank > min(2, self.vectors.shape[1]):
            raise InputTypeError(shapes, "(r, D) and (r,) with r at most 2 and D", "one row a direction")
        if {self.vectors.dtype, self.values.dtype} != {torch.float64}:
            raise InputTypeError(f"{self.vectors.dtype}, {self.values.dtype}", "float64", "call .double()")
        if not (math.isfinite(self.base) and bool(self.values.isfinite().all())):
            raise InputValueError(f"base {self.base}, values {self.values.tolist()}", "finite", "look at g and y")
        gram = self.vectors @ self.vectors.T
        if not bool(((gram - torch.eye(rank, dtype=gram.dtype, device=gram.device)).abs() < 1e-8).all()):
            raise InputValueError(f"vectors with products {gram.tolist()}", "orthonormal rows", "normalise them")
        if self.positive_definite and not min(self.eigenvalues) > 0:
            raise InputValueError(
                f"least eigenvalue {min(self.eigenvalues)}", "all positive", "pass positive_definite=False, or fix P"
            )

    @property
    def symmetric(self) -> bool:
        """Always true: the class holds nothing else."""
        return True

    @property
    def eigenvalues(self) -> tuple[float, ...]:
        """Eigenvalues, each once; the base only where the vectors leave room for it."""
        own = tuple(self.values.tolist())
        return own if len(own) == self.vectors.shape[1] else (self.base, *own)

    @property
    def condition(self) -> float:
        """Greatest over least eigenvalue in size; infinite where one is zero."""
        sizes = [abs(value) for value in self.eigenvalues]
        return max(sizes) / min(sizes) if min(sizes) > 0 else math.inf

    def __call__(self, vector: Tensor) -> Tensor:
        """Multiply a vector; the same as `apply`.

        Args:
            vector: (D,) v, any float dtype.

        Returns:
            (D,) P v of the dtype of v.
        """
        return self.apply(vector)

    def apply(self, vector: Tensor) -> Tensor:
        """Multiply a vector, with r dot products.

        Args:
            vector: (D,) v, any float dtype.

        Returns:
            (D,) P v of the dtype of v; taken in float64.

        Raises:
            InputTypeError: The vector is not (D,).
        """
        size = self.vectors.shape[1]
        if vector.shape != (size,):
            raise InputTypeError(f"a vector {tuple(vector.shape)}", f"({size},)", "flatten it")
        v = vector.double()
        return (self.base * v + ((self.values - self.base) * (self.vectors @ v)) @ self.vectors).to(vector.dtype)

    def inverse(self) -> Operator:
        """Invert.

        Returns:
            P⁻¹, of the same class.

        Raises:
            InputValueError: An eigenvalue is zero.
        """
        if not math.isfinite(self.condition):
            raise InputValueError("an eigenvalue of 0", "none", "a singular matrix has no inverse")
        # The base of a full plane is no eigenvalue: it only has to stay finite.
        base = 1 / self.base if len(self.eigenvalues) > len(self.values) else 1.0
        return Operator(base, self.vectors, 1 / self.values, self.positive_definite)

    def power(self, exponent: float) -> Operator:
        """Raise to a real power.

        Args:
            exponent: Any real number.

        Returns:
            P to that power, of the same class.

        Raises:
            InputValueError: P is not positive definite.
        """
        if not self.positive_definite:
            raise InputValueError("an operator not known to be positive definite", "an SPD one", "use inverse()")
        base = self.base**exponent if len(self.eigenvalues) > len(self.values) else 1.0
        return Operator(base, self.vectors, self.values**exponent)

    def sqrt(self) -> Operator:
        """Take the SPD square root.

        Returns:
            The operator whose square is P.
        """
        return self.power(0.5)

    def as_matrix(self) -> Tensor:
        """Write out the matrix; for small D, to look at.

        Returns:
            (D, D) float64.

        Raises:
            InputValueError: D is above 64.
        """
        size = self.vectors.shape[1]
        if size > LARGEST_DENSE:
            raise InputValueError(f"D = {size}", f"at most {LARGEST_DENSE}", "use the operator: it needs no matrix")
        eye = torch.eye(size, dtype=torch.float64, device=self.vectors.device)
        return self.base * eye + self.vectors.T @ torch.diag(self.values - self.base) @ self.vectors
