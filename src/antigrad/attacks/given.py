"""Checks of what attacks are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from antigrad.core.errors import InputTypeError, InputValueError

Array = NDArray[np.float64]
"""Float64 numbers."""


def scores(values: Any, name: str, *, dimensions: int = 1, least: int = 1) -> Array:
    """Take scores as float64, and refuse what no attack can use.

    Args:
        values: Numbers; a tensor on the CPU, an array or a list.
        name: What they are called in messages.
        dimensions: 1 for a score a sample, 2 for a row of features a sample.
        least: Samples needed.

    Returns:
        The numbers.

    Raises:
        InputTypeError: They have other dimensions.
        InputValueError: There are too few, or one is not a number.

    Example:
        >>> scores([1, 2], "losses").tolist()
        [1.0, 2.0]
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != dimensions:
        raise InputTypeError(f"{name} of shape {found.shape}", f"{dimensions} dimensions", "one row per sample")
    if len(found) < least:
        raise InputValueError(f"{len(found)} {name}", f"at least {least}", "an attack needs samples on both sides")
    if np.isnan(found).any():
        raise InputValueError(f"{name} with NaN", "numbers", "the model's outputs are broken: check its weights")
    return found
