"""Bytes of a file, plain or compressed, and no more of them than a scene can have."""

from __future__ import annotations

import lzma
from pathlib import Path

from antigrad.core.errors import InputValueError

LARGEST = 1 << 29
"""bytes of one file, after decompression."""


def content(path: Path) -> bytes:
    """Read a file, decompressed if its name ends in `.xz`.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        InputValueError: It is larger than 512 MiB.
    """
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputValueError(f"{path.name} is larger than {LARGEST} bytes", "one scene", "split the file")
    return data


def head(path: Path, count: int = 4096) -> bytes:
    """First bytes of a file, decompressed if its name ends in `.xz`; none of what can't be read.

    Args:
        path: The file.
        count: How many.

    Returns:
        At most that many bytes.
    """
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            return file.read(count)
    except (OSError, EOFError, lzma.LZMAError):
        return b""
