"""Vectors whose squares leave float64: brought into its range by a power of two, or refused with the reason."""

from __future__ import annotations

import math

from torch import Tensor

from antigrad.core.errors import InputValueError

_ORDINARY = 400
"""Exponents of two up to which a vector is taken as it is: its squares stay far inside float64."""


def check_square(name: str, square: float, vector: Tensor) -> None:
    """Refuse a vector whose squared length float64 does not hold.

    Args:
        name: What the vector is called.
        square: Its squared length, as it was computed.
        vector: The vector, its entries finite.

    Raises:
        InputValueError: The square overflowed, or vanished though the vector is not zero.
    """
    lost = square == 0 and bool((vector != 0).any())
    if lost or not math.isfinite(square):
        largest = float(vector.abs().max())
        raise InputValueError(
            f"a {name} with entries up to {largest:.3g}, whose squared length is outside float64",
            "entries between about 1e-150 and 1e150 in size",
            "divide it by its largest entry: the angle and κ do not depend on the length",
        )


def scaled(tensor: Tensor) -> tuple[Tensor, int]:
    """Bring a vector into the range in which squares neither overflow nor vanish.

    Args:
        tensor: Any float dtype, entries finite.

    Returns:
        It in float64, divided by a power of two, and the exponent of that power: 0 for all ordinary vectors,
        which come back as they are.
    """
    wide = tensor.double()
    largest = float(wide.abs().max()) if wide.numel() else 0.0
    exponent = math.frexp(largest)[1] if largest > 0 else 0
    if abs(exponent) <= _ORDINARY:
        return wide, 0
    return times_power_of_two(wide, -exponent), exponent


def times_power_of_two(tensor: Tensor, exponent: int) -> Tensor:
    """Multiply by a power of two, which may itself be outside float64.

    Args:
        tensor: Any.
        exponent: Of the power.

    Returns:
        The product.
    """
    half = exponent // 2
    return tensor if exponent == 0 else tensor * math.ldexp(1.0, half) * math.ldexp(1.0, exponent - half)
