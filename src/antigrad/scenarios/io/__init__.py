"""Reading and writing scenes, one file a format."""

from antigrad.scenarios.io.load import Source, batches, find
from antigrad.scenarios.io.readers import READERS, SceneReader
from antigrad.scenarios.io.writers import WRITERS, SceneWriter

__all__ = ["READERS", "WRITERS", "SceneReader", "SceneWriter", "Source", "batches", "find"]
