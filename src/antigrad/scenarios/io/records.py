"""TFRecord framing: length, checksum, payload, checksum; without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from antigrad.core.errors import InputValueError

MASK, WORD = 0xA282EAD8, 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """Return the checksum that TFRecords store: CRC-32C, rotated right by 15 bits, plus a constant.

    Args:
        data: The bytes.

    Returns:
        32 bits.
    """
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + MASK) & WORD


def read_records(path: Path) -> Iterator[bytes]:
    """Payloads of a TFRecord file, one at a time, each checked.

    Args:
        path: The file.

    Yields:
        The payload of each record.

    Raises:
        InputValueError: A record is cut short, or a checksum does not fit.
    """
    left, number = path.stat().st_size, 0
    with path.open("rb") as file:
        while left:
            start = file.read(12)
            if len(start) < 12:
                raise InputValueError(*_damaged(number, "is cut short"))
            length, crc = struct.unpack("<QI", start)
            if masked_crc(start[:8]) != crc:
                raise InputValueError(*_damaged(number, "has a length that does not fit its checksum"))
            if length + 16 > left:
                raise InputValueError(
                    *_damaged(number, f"is cut short: {length} bytes announced, {max(left - 16, 0)} there")
                )
            payload, end = file.read(length), file.read(4)
            if masked_crc(payload) != struct.unpack("<I", end)[0]:
                raise InputValueError(*_damaged(number, "does not fit its checksum"))
            yield payload
            left, number = left - length - 16, number + 1


def starts_a_record(path: Path) -> bool:
    """Whether a file begins with the length of a record and the checksum of that length.

    Args:
        path: A file.

    Returns:
        True for TFRecords, also where the rest is damaged.
    """
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return len(start) == 12 and masked_crc(start[:8]) == struct.unpack("<I", start[8:])[0]


def frame(payloads: Iterable[bytes]) -> bytes:
    """Frame payloads as a TFRecord file.

    Args:
        payloads: Serialised messages.

    Returns:
        The file's bytes.

    Example:
        >>> len(frame([b"abc", b""]))
        35
    """
    pieces: list[bytes] = []
    for payload in payloads:
        length = struct.pack("<Q", len(payload))
        pieces += [length, struct.pack("<I", masked_crc(length)), payload, struct.pack("<I", masked_crc(payload))]
    return b"".join(pieces)


def _damaged(number: int, what: str) -> tuple[str, str, str]:
    return f"record {number} {what}", "whole records", "download the file again"
