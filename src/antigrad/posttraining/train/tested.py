"""Which versions of TRL the trainers here are for."""

from __future__ import annotations

import warnings
from importlib.metadata import PackageNotFoundError, version

from antigrad.core.errors import AntigradError

TESTED = "1.16"
LEAST = (1, 10)
"""Older ones lack what the trainers here stand on; with 1.10 GRPO and DPO run, and trainings on own answers do not."""


def check_trl() -> None:
    """Refuse a TRL that is too old, and say where it is another than the one that is tested.

    Raises:
        AntigradError: It is too old.
    """
    try:
        found = version("trl")
    except PackageNotFoundError:
        return  # whoever imports it says what brings it
    numbers = tuple(int(one) for one in found.split(".")[:2] if one.isdigit())
    if numbers < LEAST:
        wanted = f"TRL {LEAST[0]}.{LEAST[1]} or later; {TESTED} is tested"
        raise AntigradError(f"TRL {found}", wanted, "pip install 'antigrad[train]'")
    if not found.startswith(f"{TESTED}."):
        warnings.warn(f"TRL {found}: the trainers are tested with TRL {TESTED}", stacklevel=2)
