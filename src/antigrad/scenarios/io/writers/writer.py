"""What a writer of a scene format is."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from antigrad.scenarios.scene import Scenes


@dataclass(frozen=True)
class SceneWriter(ABC):
    """Writes scenes in one format. A subclass writes `__call__`; its options are its fields."""

    @abstractmethod
    def __call__(self, scenes: Scenes, folder: str | Path) -> tuple[Path, ...]:
        """Write the scenes; each file appears whole or not at all.

        Args:
            scenes: A batch.
            folder: Where; made if it is not there.

        Returns:
            The files written.
        """


def file_names(scenes: Scenes, ending: str) -> list[str]:
    """One plain file name a scene, from its id; numbered where ids repeat.

    Args:
        scenes: A batch.
        ending: For example `.xml`.

    Returns:
        Names without a way out of the folder.
    """
    plain = [re.sub(r"[^A-Za-z0-9_.-]+", "_", record.id).strip("._")[:120] or "scene" for record in scenes.records]
    seen: dict[str, int] = {}
    names: list[str] = []
    for stem in plain:
        seen[stem] = seen.get(stem, 0) + 1
        names.append(f"{stem}{f'-{seen[stem]}' if seen[stem] > 1 else ''}{ending}")
    return names
