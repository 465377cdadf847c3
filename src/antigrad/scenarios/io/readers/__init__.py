"""Readers of scene formats, one file each."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.io.readers.reader import SceneReader

READERS: Catalog[SceneReader] = Catalog("antigrad.scenarios.io.readers", SceneReader)  # pyright: ignore[reportAbstractUsage]

__all__ = ["READERS", "SceneReader"]
