"""What a reader of a scene format is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.scenarios.scene import Scenes

LONGEST = 250


@dataclass(frozen=True)
class SceneReader(ABC):
    """Reads the scenes of one format. A subclass writes `reads` and `parse`; its options are its fields."""

    @abstractmethod
    def reads(self, path: Path) -> bool:
        """Whether a path looks like this format, from its name and first bytes.

        Args:
            path: A file or folder.

        Returns:
            True if `parse` should be tried.
        """

    @abstractmethod
    def parse(self, path: Path) -> Iterator[Scenes]:
        """Read the scenes one after the other.

        Args:
            path: A file or folder.

        Yields:
            Batches of one, objects in the order of the file.
        """

    def __call__(self, path: str | Path) -> Iterator[Scenes]:
        """Read the scenes one after the other; whatever is wrong with the file is one clear error.

        Args:
            path: A file or folder.

        Yields:
            Batches of one, objects in the order of the file.

        Raises:
            InputValueError: The file is missing, damaged, not of this format, or says something absurd.
        """
        path = Path(path)
        scenes = self.parse(path)
        while (scene := self._next(scenes, path)) is not None:
            yield scene

    def _next(self, scenes: Iterator[Scenes], path: Path) -> Scenes | None:
        try:
            with np.errstate(all="ignore"):  # what overflows is refused as absurd
                return next(scenes, None)
        except AntigradError as error:
            given, *rest = (_short(text) for text in (error.given, error.expected, error.hint))
            raise InputValueError(f"{path.name}: {given}", *rest) from error
        except (MemoryError, RecursionError) as error:
            raise InputValueError(f"{path.name}: nested too deeply or too large", "a scene", "leave it out") from error
        except Exception as error:  # a damaged file can break a parser anywhere
            reason = f"no {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            raise InputValueError(
                f"{path.name}: {_short(reason)}",
                f"a whole {type(self).__name__} file",
                "leave the file out, or get it again",
            ) from error


def _short(text: str) -> str:
    # A damaged file can put its whole content into a message.
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
