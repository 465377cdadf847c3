"""Floor 0: parts, errors, the catalog of methods, run folders, the ledger, progress.

`Parts`, the only one of these that needs torch, is loaded when it is first used: the command line lists
without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antigrad.core.catalog import Catalog
from antigrad.core.errors import AntigradError, InputTypeError, InputValueError, ManyInputsError
from antigrad.core.ledger import Ledger
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder

if TYPE_CHECKING:
    from antigrad.core.parts import Parts

__all__ = [
    "AntigradError",
    "Catalog",
    "InputTypeError",
    "InputValueError",
    "Ledger",
    "ManyInputsError",
    "Parts",
    "RunFolder",
    "progress",
]


def __getattr__(name: str) -> Any:
    """Load `Parts` when it is first used.

    Args:
        name: The name.

    Returns:
        The class.

    Raises:
        AttributeError: There is no such public name.
    """
    if name != "Parts":
        raise AttributeError(f"module 'antigrad.core' has no attribute {name!r}")
    from antigrad.core.parts import Parts

    return Parts
