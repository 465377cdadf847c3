"""Figures of a study: printed as JSON, and kept beside its code with what they were measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.measure import environment


def record(result: dict[str, Any], study: str, *, keep: bool) -> None:
    """Print a result as one JSON line, and keep it in the study's `results/`.

    Args:
        result: `name`, `what`, figures.
        study: Path of the study's file: `__file__`.
        keep: Also write it.
    """
    result = result | {"environment": environment()}
    print(json.dumps(result), flush=True)
    if keep:
        folder = Path(study).parent / "results"
        folder.mkdir(exist_ok=True)
        (folder / f"{result['name']}.json").write_text(json.dumps(result, indent=1) + "\n")


def kept(study: str, name: str) -> dict[str, Any]:
    """Read a kept result.

    Args:
        study: Path of a file of the study: `__file__`.
        name: Of the result.

    Returns:
        What was recorded.
    """
    return json.loads((Path(study).parent / "results" / f"{name}.json").read_text())
