"""From a folder to scenes: which reader reads what, one file at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from antigrad.core.errors import InputValueError, raise_all
from antigrad.core.files import is_file, is_there
from antigrad.core.unicode import half_character
from antigrad.scenarios.io.readers import READERS, SceneReader
from antigrad.scenarios.scene import Scenes


@dataclass(frozen=True)
class Source:
    """A file or folder, and the reader that reads it.

    Args:
        path: The file or folder.
        reader: The reader.
    """

    path: Path
    reader: SceneReader

    def read(self) -> Iterator[Scenes]:
        """Read its scenes; an unreadable file is one clear error.

        Yields:
            Batches of one.
        """
        yield from self.reader(self.path)

    def each(self) -> Iterator[Scenes | InputValueError]:
        """Read its scenes, past those that can't be read.

        Yields:
            Batches of one; one clear error in place of each that can't be read.
        """
        yield from self.reader.each(self.path)


def find(place: str | Path, reader: str | None = None) -> list[Source]:
    """All scenes in a file, or in a folder and its folders, in the order of their paths.

    Args:
        place: A file or folder.
        reader: Spec of one reader, for example `gpudrive(heading_unit=rad)`; without it each file's is found.

    Returns:
        At least one source.

    Raises:
        InputValueError: The place does not exist, or nothing in it is of a known format.

    Example:
        >>> find("no/such/folder")
        Traceback (most recent call last):
        antigrad.core.errors.InputValueError: given: no/such/folder is not there; expected: a file or folder...
    """
    top = Path(place)
    known = [READERS.make(reader)] if reader else [READERS.make(name) for name in READERS.names()]
    if not is_there(top):
        raise InputValueError(f"{place} is not there", "a file or folder with scenes", "check the path")
    found = [
        Source(path, one)
        for path in _paths(top, known)
        for one in [next((r for r in known if r.reads(path)), None)]
        if one
    ]
    raise_all(
        f"scenes in {place}",
        [f"{str(one.path)!r}: a name that is not UTF-8; rename it" for one in found if half_character(str(one.path))],
    )
    if not found:
        formats = reader or ", ".join(READERS.names())
        raise InputValueError(f"no scene in {place}", f"files of {formats}", "check the path, or name the reader")
    return found


def _paths(top: Path, known: Sequence[SceneReader]) -> Iterator[Path]:
    if is_file(top) or any(reader.reads(top) for reader in known):
        yield top
        return
    for folder, below, files in os.walk(top):
        whole = [name for name in sorted(below) if any(reader.reads(Path(folder) / name) for reader in known)]
        yield from (Path(folder) / name for name in sorted([*files, *whole]))
        below[:] = sorted(set(below) - set(whole))


def batches(scenes: Iterable[Scenes], size: int) -> Iterator[tuple[list[int], Scenes]]:
    """Join scenes to batches with little padding: those with as many objects go together.

    Args:
        scenes: Batches of one, with one time step.
        size: Scenes a batch.

    Yields:
        Numbers of the scenes, and their batch.

    Raises:
        InputValueError: `size` is below 1.
    """
    if size < 1:
        raise InputValueError(f"size={size}", "at least 1 scene a batch", "raise it")
    every = list(scenes)
    order = sorted(range(len(every)), key=lambda number: (every[number].dt, every[number].shape[1:], number))
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield chosen, Scenes.concat([every[number] for number in chosen])
