"""Layouts of roads for synthetic traffic, one file each."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.layouts.layout import Layout

LAYOUTS: Catalog[Layout] = Catalog("antigrad.scenarios.layouts", Layout)  # pyright: ignore[reportAbstractUsage]

__all__ = ["LAYOUTS", "Layout"]
