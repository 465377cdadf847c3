"""Which samples are to be forgotten, one rule a file."""

from antigrad.core.catalog import Catalog
from antigrad.unlearning.splits.split import Split

SPLITS: Catalog[Split] = Catalog("antigrad.unlearning.splits", Split)  # pyright: ignore[reportAbstractUsage]

__all__ = ["SPLITS", "Split"]
