"""What a reader of a scene format is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.scenarios.scene import Scenes

LONGEST = 250
Made = TypeVar("Made")


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
    def parse(self, path: Path) -> Iterator[Scenes | Callable[[], Scenes]]:
        """Read the scenes one after the other.

        Args:
            path: A file or folder.

        Yields:
            Batches of one, objects in the order of the file; or, where a file has many, functions that make them: what
            is wrong with one scene then leaves the others readable.
        """

    def each(self, path: str | Path) -> Iterator[Scenes | InputValueError]:
        """Read the scenes one after the other, past those that can't be read.

        Args:
            path: A file or folder.

        Yields:
            Batches of one, objects in the order of the file; in place of a scene that is damaged or says something
            absurd, one clear error. Where the file itself is damaged, that error is the last.
        """
        path = Path(path)
        scenes = self.parse(path)
        while (found := self._tried(lambda: next(scenes, None), path)) is not None:
            if isinstance(found, Scenes):
                yield found
            elif isinstance(found, InputValueError):
                yield found
                return
            else:
                yield self._tried(found, path)

    def __call__(self, path: str | Path) -> Iterator[Scenes]:
        """Read the scenes one after the other; whatever is wrong with the file is one clear error.

        Args:
            path: A file or folder.

        Yields:
            Batches of one, objects in the order of the file.

        Raises:
            InputValueError: The file is missing, damaged, not of this format, or says something absurd.
        """
        for found in self.each(path):
            if isinstance(found, InputValueError):
                raise found
            yield found

    def _tried(self, make: Callable[[], Made], path: Path) -> Made | InputValueError:
        try:
            with np.errstate(all="ignore"):  # what overflows is refused as absurd
                return make()
        except AntigradError as error:
            given, *rest = (_short(text) for text in (error.given, error.expected, error.hint))
            return _caused(InputValueError(f"{path.name}: {given}", *rest), error)
        except (MemoryError, RecursionError) as error:
            given = f"{path.name}: nested too deeply or too large"
            return _caused(InputValueError(given, "a scene", "leave it out"), error)
        except Exception as error:  # a damaged file can break a parser anywhere
            reason = f"no {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            given, whole = f"{path.name}: {_short(reason)}", f"a whole {type(self).__name__} file"
            return _caused(InputValueError(given, whole, "leave the file out, or get it again"), error)


def _caused(error: InputValueError, cause: BaseException) -> InputValueError:
    error.__cause__ = cause
    return error


def _short(text: str) -> str:
    # A damaged file can put its whole content into a message.
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
