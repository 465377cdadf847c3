"""Artifacts of many rows: one JSON object a line, written whole, read back whole.

Only a line feed ends a line: a text may hold what `splitlines` and universal newlines take for the end of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows, all or none.

    Args:
        path: The file.
        rows: What JSON knows.

    Returns:
        The path.
    """
    return write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_lines(path: Path) -> list[dict[str, Any]]:
    r"""Read rows back.

    Args:
        path: The file.

    Returns:
        The rows.

    Raises:
        InputValueError: It can't be read, or is not what `write_lines` writes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "rows.jsonl"
        >>> read_lines(write_lines(path, [{"prompt": "a\u2028b\x85c"}])) == [{"prompt": "a\u2028b\x85c"}]
        True
    """
    try:
        *lines, rest = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputValueError(*_fault(f"{path}", str(error))) from error
    if rest:
        raise InputValueError(*_fault(f"{path} line {len(lines) + 1}", "its end is missing"))
    return [_row(line, f"{path} line {number}") for number, line in enumerate(lines, 1)]


def _row(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputValueError(*_fault(place, str(error))) from error
    if not isinstance(row, dict):
        raise InputValueError(*_fault(place, "no JSON object"))
    return cast("dict[str, Any]", row)


def _fault(place: str, reason: str) -> tuple[str, str, str]:
    hint = "start over in another --output"
    return f"{place}: {reason}", "one JSON object a line, as this program wrote them", hint
