"""Checkpoints that say themselves whether they are whole: a manifest of sizes and hashes, written last.

A checkpoint is a folder `checkpoint-N`. Its manifest lists every file with its size and SHA-256 and appears by one
rename once all of them are on disk; a checkpoint without it was never finished. What does not agree with its manifest
is damaged, and the one before it is taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

from rich.console import Console

from antigrad.core.errors import AntigradError, InputValueError, shortened
from antigrad.core.files import UNREADABLE, disk_errors, write_atomic
from antigrad.core.locks import PARTIAL

MANIFEST = "antigrad_manifest.json"
PREFIX = "checkpoint-"
MOST = 10_000_000
"""Bytes of a manifest that are read."""
_UNLOADABLE = (*UNREADABLE, EOFError, RuntimeError, UnpicklingError, ArithmeticError)


class Checkpoints:
    """The checkpoints of a job, oldest first; the last two are kept, so that there is one to fall back to.

    Args:
        folder: Where they are; made with the first one.
        keep: How many stay.

    Example:
        >>> import tempfile
        >>> checkpoints = Checkpoints(Path(tempfile.mkdtemp()))
        >>> [checkpoints.write(number, {"weights": b"w"}).name for number in (1, 2, 3)]
        ['checkpoint-1', 'checkpoint-2', 'checkpoint-3']
        >>> _ = (checkpoints.folder / "checkpoint-3" / "weights").write_bytes(b"x")
        >>> checkpoints.last(say=lambda text: None).name
        'checkpoint-2'
    """

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self.folder, self.keep = Path(folder), keep

    def write(self, number: int, files: Mapping[str, bytes]) -> Path:
        """Write one, whole or not at all, and remove those that are older than the ones to keep.

        Args:
            number: Of the step or epoch; larger ones are later.
            files: Name and content.

        Returns:
            Its folder.

        Raises:
            AntigradError: The disk is full, or the folder can't be written.
        """
        path = emptied(self.folder / f"{PREFIX}{number}")
        for name, content in files.items():
            write_atomic(path / name, content)
        seal(path)
        for old in self.found()[: -self.keep]:
            remove(old)
        return path

    def found(self) -> list[Path]:
        """List them, whole or not, oldest first.

        Returns:
            Their folders.
        """
        paths = self.folder.glob(f"{PREFIX}*") if self.folder.is_dir() else ()
        numbered = [path for path in paths if path.name.removeprefix(PREFIX).isdecimal()]
        return sorted(numbered, key=lambda path: int(path.name.removeprefix(PREFIX)))

    def last(self, *, say: Callable[[str], None] | None = None) -> Path | None:
        """Find the newest one that is whole.

        Args:
            say: Takes a sentence on each damaged one that was passed over; standard error when None.

        Returns:
            Its folder; None where there is none.
        """
        passed: list[str] = []
        chosen: Path | None = None
        for path in reversed(self.found()):
            damage = damage_of(path)
            if damage is None:
                chosen = path
                break
            passed.append(f"{path} is passed over: {damage}")
        going = f"resuming from {chosen.name}" if chosen is not None else "resuming from the beginning"
        for text in passed:
            (say or tell)(f"{text}; {going}")
        return chosen

    def remove(self) -> None:
        """Remove all of them: what they are of is done."""
        for path in self.found():
            remove(path)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Read a checkpoint; one that agrees with its manifest and can't be read was written by someone else.

    Args:
        path: Its folder.

    Yields:
        Nothing; read inside.

    Raises:
        InputValueError: It can't be read.
    """
    try:
        yield
    except _UNLOADABLE as error:
        if isinstance(error, AntigradError):
            raise
        reason = shortened(" ".join(str(error).split()) or type(error).__name__, 300)
        hint = "remove it, then use --resume"
        raise InputValueError(f"{path}: {reason}", "a checkpoint as its job wrote it", hint) from error


def emptied(path: Path) -> Path:
    """Make the folder of a new checkpoint, without what an unfinished one left in it.

    Args:
        path: The folder.

    Returns:
        The same.

    Raises:
        AntigradError: It can't be written.
    """
    with disk_errors(path):
        remove(path)
        path.mkdir(parents=True)
    return path


def remove(path: Path) -> None:
    """Remove a checkpoint, its manifest first, so that half of it never counts as whole.

    Args:
        path: Its folder, or what is in the place of it; a link goes, not what it leads to.
    """
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        manifest = path / MANIFEST
        if manifest.is_file() or manifest.is_symlink():
            manifest.unlink()
        shutil.rmtree(path)


def seal(path: Path) -> None:
    """Force the files of a checkpoint to disk, then write its manifest.

    Args:
        path: Its folder, with everything in it.

    Raises:
        AntigradError: The disk is full, or the folder can't be written.
    """
    with disk_errors(path):
        names = sorted(str(file.relative_to(path)) for file in path.rglob("*") if _counts(file))
        files = {
            name: {"size": (path / name).stat().st_size, "sha256": digest(path / name, sync=True)} for name in names
        }
    write_atomic(path / MANIFEST, json.dumps({"files": files}, indent=1))


def damage_of(path: Path) -> str | None:
    """Compare a checkpoint with its manifest.

    Args:
        path: Its folder.

    Returns:
        What is wrong with it, in a few words; None if it is whole.
    """
    if path.is_symlink() or not path.is_dir():
        return "it is no folder"
    files = _manifest(path / MANIFEST)
    if isinstance(files, str):
        return files
    for name, facts in files.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return f"{MANIFEST} names a file outside of it"
        wrong = flaw(path / name, facts.get("sha256"), facts.get("size"))
        if wrong is not None:
            return shortened(f"{name if name.isprintable() else ascii(name)} {wrong}", 400)
    return None


def flaw(path: Path, sha256: object, size: object = None) -> str | None:
    """Compare a file with what was written of it.

    Args:
        path: The file.
        sha256: Of its content, in hexadecimal.
        size: In bytes; None where it is not known.

    Returns:
        What is wrong with it, in a few words; None if it is the same file.
    """
    try:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode):
            return "is no file"
        if size is not None and facts.st_size != size:
            return f"has {facts.st_size:,} bytes, not those that were written"
        return None if digest(path) == sha256 else "is not what was written: its SHA-256 differs"
    except FileNotFoundError:
        return "is missing"
    except (OSError, ValueError) as error:  # ValueError: a name with NUL
        return f"can't be read: {error}"


def digest(path: Path, *, sync: bool = False) -> str:
    """Hash a file.

    Args:
        path: The file.
        sync: Force it to disk too.

    Returns:
        SHA-256, in hexadecimal.
    """
    with path.open("r+b" if sync else "rb") as file:
        found = hashlib.sha256()
        while block := file.read(1 << 20):
            found.update(block)
        if sync:
            os.fsync(file.fileno())
    return found.hexdigest()


def tell(text: str) -> None:
    """Say something about a run on standard error.

    Args:
        text: One sentence.
    """
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def _counts(file: Path) -> bool:
    return file.is_file() and file.name != MANIFEST and not file.name.endswith(PARTIAL)


def _manifest(path: Path) -> dict[str, dict[str, Any]] | str:
    # The files of a checkpoint, or what is wrong with the list of them.
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return f"{MANIFEST} is no file"
        with path.open("rb") as file:
            content: Any = json.loads(file.read(MOST))
        files = content["files"]
    except FileNotFoundError:
        return f"it was never finished: no {MANIFEST}"
    except (OSError, ValueError, RecursionError, KeyError, TypeError, IndexError):
        return f"{MANIFEST} can't be read"
    if not isinstance(files, dict) or not files:
        return f"{MANIFEST} lists no files"
    named = cast("dict[str, Any]", files)
    return named if all(isinstance(facts, dict) for facts in named.values()) else f"{MANIFEST} can't be read"
