"""Devices by the names that torch gives them."""

from __future__ import annotations


def device_problems(name: str) -> list[str]:
    """Check that something can be computed on a device, for the `check` of a job.

    Args:
        name: `cpu`, `cuda`, `cuda:1`, `mps`.

    Returns:
        One sentence if torch has none of that name here.

    Example:
        >>> device_problems("cpu"), device_problems("gpu")
        ([], ["device 'gpu': torch sees none of that name here; cpu, cuda, cuda:1"])
    """
    import torch

    try:
        float(torch.zeros((), device=name))  # `meta` has no values
    except (RuntimeError, AssertionError, NotImplementedError, ValueError):
        return [f"device {name!r}: torch sees none of that name here; cpu, cuda, cuda:1"]
    return []
