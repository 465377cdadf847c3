"""One process a folder: an exclusive lock for the life of a job, and what dead processes left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import weakref
from pathlib import Path
from typing import Any, Self

from antigrad.core.errors import AntigradError

LOCK, OWNER = ".lock", ".lock.owner"
PARTIAL = ".partial"
"""How names of files end that are not whole yet; see `write_atomic`."""
_THEIRS = re.compile(r"\.tmp[A-Za-z0-9]{6}")
"""What safetensors calls a file that it has not written to the end."""
_held: dict[Path, tuple[Any, int]] = {}
"""Locks of this process, and how many hold each: a job may open its own folder again."""


class FolderLock:
    """Keeps a folder to this process until `release`, or until nobody refers to it.

    The operating system gives the lock up when a process dies, however it dies. Where a file system has no locks,
    nothing is kept.

    Args:
        folder: The folder; it exists.
        wait: Wait for another process that has it, instead of refusing.

    Raises:
        AntigradError: Another process has it.
    """

    def __init__(self, folder: Path, *, wait: bool = False) -> None:
        self.path = folder.resolve()
        _acquire(self.path, -1 if wait else 0)
        self._release = weakref.finalize(self, _let_go, self.path, os.getpid())

    def release(self) -> None:
        """Give the folder up; once is enough."""
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _acquire(path: Path, timeout: float) -> None:
    from filelock import FileLock, Timeout

    lock, count = _held.get(path, (None, 0))
    if lock is None:
        lock = FileLock(path / LOCK, timeout=timeout, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise AntigradError(
                f"{path} is in use by {_owner(path)}",
                "one job at a time in a folder",
                "wait until it is done, or choose another --output",
            ) from error
        except (OSError, NotImplementedError):
            return  # a file system without locks
        _sign(path)
    _held[path] = (lock, count + 1)


def _let_go(path: Path, process: int) -> None:
    if process != os.getpid() or path not in _held:
        return  # a forked child holds nothing
    lock, count = _held.pop(path)
    if count > 1:
        _held[path] = (lock, count - 1)
        return
    (path / OWNER).unlink(missing_ok=True)
    (path / LOCK).unlink(missing_ok=True)  # while it is still held: who waits for it looks again
    lock.release()


def _sign(path: Path) -> None:
    try:
        (path / OWNER).write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
    except OSError:
        return  # whose it is can't be known then, but that it is held


def _owner(path: Path) -> str:
    try:
        owner = json.loads((path / OWNER).read_text())
        return f"process {int(owner['process'])} on {str(owner['host'])[:80]}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return "another process"


def clear_leftovers(folder: Path, *, deep: bool = True) -> None:
    """Remove files and folders that killed processes left half-written; the caller holds the folder's lock.

    Args:
        folder: Where they are.
        deep: In the folders below it too, but not behind links; those may be in use by others where they have a lock
            of their own.
    """
    for root, folders, files in os.walk(folder):
        for name in [*files, *folders]:
            if (name.startswith(".") and name.endswith(PARTIAL)) or _THEIRS.fullmatch(name):
                path = Path(root) / name
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() and not path.is_symlink() else path.unlink(
                    missing_ok=True
                )
        folders[:] = [name for name in folders if deep and not name.endswith(PARTIAL)]
