"""Writers of scene formats, one file each."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.io.writers.writer import SceneWriter

WRITERS: Catalog[SceneWriter] = Catalog("antigrad.scenarios.io.writers", SceneWriter)  # pyright: ignore[reportAbstractUsage]

__all__ = ["WRITERS", "SceneWriter"]
