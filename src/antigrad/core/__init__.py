"""Floor 0: parts, errors, the catalog of methods, run folders, the ledger, progress."""

from antigrad.core.catalog import Catalog
from antigrad.core.errors import AntigradError, InputTypeError, InputValueError, ManyInputsError
from antigrad.core.ledger import Ledger
from antigrad.core.parts import Parts
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder

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
