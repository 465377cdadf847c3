"""The ledger of a run as Parquet, one file per kind of row: for what a page has no room for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.core.files import disk_errors
from antigrad.core.ledger import Ledger, to_json
from antigrad.core.locks import PARTIAL

AT_ONCE = 5000
"""Rows that are in memory at a time."""
FOLDER = "tables"


class Rows(Protocol):
    """What a run folder has of rows and places; it imports this, so it can't be imported here."""

    path: Path
    ledger: Ledger

    def artifact(self, name: str) -> Path:
        """Name a file of the run.

        Args:
            name: Relative name.

        Returns:
            Its path.
        """
        ...


def write_tables(run: Rows, kind: str | None = None, path: Path | None = None) -> list[Path]:
    """Write the rows of each kind into `artifacts/tables/KIND.parquet`, or those of one kind wherever you want them.

    Numbers, texts and truth values are columns of their kind; what is nested, or of more than one kind, is JSON in a
    column of texts. The ledger is read twice and never held.

    Args:
        run: The run, finished or not.
        kind: Kind of row; None for all, a file each.
        path: Where rows of one kind go; None for the folder of the run.

    Returns:
        The files, in the order in which the kinds appear.

    Raises:
        AntigradError: The folder can't be written, or pyarrow is not installed.
        InputValueError: There are no rows of this kind.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as error:
        raise AntigradError("Parquet without pyarrow", "the package pyarrow", "pip install pyarrow") from error
    kinds = _columns(run)
    if kind is not None and kind not in kinds:
        raise InputValueError(f"{run.path} without rows {kind!r}", "a kind of row", did_you_mean(kind, kinds))
    wanted = list(kinds) if kind is None else [kind]
    inside = {name: run.artifact(f"{FOLDER}/{_plain(name)}.parquet") for name in wanted}
    names = inside if kind is None or path is None else {kind: Path(path)}
    written: list[Path] = []
    for kind, path in names.items():
        types = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string(), "json": pa.string()}
        schema = pa.schema([(key, types[what]) for key, what in kinds[kind].items()])
        part = path.with_name(f".{path.name}{PARTIAL}")
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with pq.ParquetWriter(part, schema) as writer:
                    for rows in _batches(run, kind, kinds[kind]):
                        writer.write_table(pa.Table.from_pylist(rows, schema))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        written.append(path)
    return written


def _columns(run: Rows) -> dict[str, dict[str, str]]:
    # Of each kind of row its keys, and what they hold.
    found: dict[str, dict[str, str]] = {}
    for row in run.ledger.stream():
        keys = found.setdefault(str(row.get("kind", "row")), {})
        for key, value in row.items():
            what = _what(value)
            if what is not None:
                known = keys.get(key)
                keys[key] = what if known in (None, what) else _both(known, what)
            keys.setdefault(key, "")
    return {kind: {key: what or "json" for key, what in keys.items()} for kind, keys in found.items()}


def _what(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "json"
    return "float" if isinstance(value, float) else "text" if isinstance(value, str) else "json"


def _both(known: str | None, what: str) -> str:
    if not known:
        return what
    return "float" if {known, what} == {"int", "float"} else "json"


def _batches(run: Rows, kind: str, columns: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in run.ledger.stream():
        if str(row.get("kind", "row")) != kind:
            continue
        batch.append({key: _cell(row.get(key), what) for key, what in columns.items()})
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    yield batch


def _cell(value: Any, what: str) -> Any:
    if what == "json":
        return None if value is None else json.dumps(to_json(value))
    if what == "text" and value is not None:
        return str(value).encode("utf-8", "replace").decode()  # a lone surrogate has no UTF-8
    return float(value) if what == "float" and value is not None else value


def _plain(kind: str) -> str:
    # A file name, whatever the kind is called.
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in kind)[:80] or "row"
