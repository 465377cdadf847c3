"""Writing files so that a reader sees the old one or the new one, never a half."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.locks import PARTIAL
from antigrad.core.unicode import half_character

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than it may be",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its links go round in a circle",
}


UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading damaged JSON can raise, up to where its values are used."""
_FULL = ("No space left", "os error 28", "PytorchStreamWriter", "inline_container")
"""What libraries that write files themselves say of a full disk."""


@contextmanager
def full_disk(path: Path) -> Generator[None]:
    """Turn what libraries raise on a full disk into one clear error; all else stays what it is.

    Args:
        path: The folder of the run, for the message.

    Yields:
        Nothing; work inside.

    Raises:
        AntigradError: The disk is full, its quota used up, or it has become read-only.
    """
    try:
        yield
    except AntigradError:
        raise
    except Exception as error:
        reason = _of_disk(error)
        if reason is None:
            raise
        hint = "free some space, then run again with --resume"
        raise AntigradError(f"{path}: {reason}", "a place that can be written", hint) from error


def _of_disk(error: BaseException | None) -> str | None:
    if error is None:
        return None
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
        return _REASONS[error.errno]
    if any(words in str(error) for words in _FULL):
        return _REASONS[errno.ENOSPC]
    return _of_disk(error.__cause__ or error.__context__)


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn the operating system's refusals into one clear error.

    Args:
        path: The file being written, for the message.

    Yields:
        Nothing; write inside.

    Raises:
        AntigradError: The disk is full, or the path can't be written.
        ValueError: As it was raised inside.
    """
    try:
        yield
    except ValueError as error:
        if "null byte" not in str(error):
            raise
        raise AntigradError(f"{str(path)!r}: a NUL character", "a name for a file", "choose another folder") from error
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        hint = (
            "free some space, then run again with --resume" if error.errno == errno.ENOSPC else "choose another folder"
        )
        raise AntigradError(f"{path}: {reason}", "a place that can be written", hint) from error


def check_folder(path: Path) -> None:
    """Check that a folder can be made and written, before the work whose result it is to hold.

    Args:
        path: The folder; it need not be there.

    Raises:
        AntigradError: Its name is none that the system takes, or nothing can be written there.
    """
    fault = _fault(path)
    if fault:
        raise AntigradError(f"{str(path)!r}: {fault}", "a place that can be written", "choose another folder")


def _fault(path: Path) -> str:
    if "\0" in str(path):
        return "a NUL character"
    if path.name.startswith("-"):
        return "a name that begins as a flag does"  # most often the value of the flag before was forgotten
    if half_character(str(path)):
        return "a name that is not UTF-8"  # it is written into text files
    if any(len(part.encode()) > 255 for part in path.parts):
        return _REASONS[errno.ENAMETOOLONG]
    nearest = path
    try:
        while not nearest.exists():
            nearest = nearest.parent
    except OSError as error:
        return _REASONS.get(error.errno or 0, str(error))
    if not nearest.is_dir():
        return _REASONS[errno.ENOTDIR]
    return "" if os.access(nearest, os.W_OK | os.X_OK) else _REASONS[errno.EACCES]


def write_atomic(path: Path, content: str | bytes) -> Path:
    """Write a file under a temporary name, force it to disk, then rename it.

    Args:
        path: Where the file shall be; its folder is made.
        content: Text (UTF-8) or bytes.

    Returns:
        The path.

    Raises:
        AntigradError: The disk is full, or the path can't be written; nothing is left behind.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomic(folder / "a" / "b.txt", "hello").read_text()
        'hello'
    """
    data = content.encode() if isinstance(content, str) else content
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=PARTIAL)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return path


def is_there(path: str | Path) -> bool:
    r"""Whether something is at a path that a user named.

    Args:
        path: Any text: what can't be a path (a NUL, too long, too many links) is not there, where `Path.exists` raises.

    Returns:
        True if it is.

    Example:
        >>> is_there("."), is_there("x" * 300), is_there("\0")
        (True, False, False)
    """
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: str | Path) -> bool:
    """Whether a folder is at a path that a user named; see `is_there`.

    Args:
        path: Any text.

    Returns:
        True if it is.
    """
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | Path) -> bool:
    """Whether a file is at a path that a user named; see `is_there`.

    Args:
        path: Any text.

    Returns:
        True if it is.
    """
    return os.path.isfile(path)  # noqa: PTH113


def inside(folder: Path, name: str) -> Path:
    """Join a name to a folder and refuse a way out of it.

    Args:
        folder: The folder to stay in.
        name: A relative path.

    Returns:
        The joined path.

    Raises:
        InputValueError: The name leads out of the folder.

    Example:
        >>> inside(Path("/runs/a"), "maps/1.png").name
        '1.png'
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise InputValueError(f"artifact name {name!r}", f"a path below {folder}", "use a plain relative name")
    return path
