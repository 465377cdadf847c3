"""Checkpoints of TRL's trainers that were written whole."""

from __future__ import annotations

import json
from pathlib import Path


def last_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint that was written whole: its trainer state is written last.

    Args:
        folder: Where the trainer saves.

    Returns:
        The checkpoint; None if there is none.
    """
    found = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    for path in sorted(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text())
        except (OSError, ValueError):
            continue
        return path
    return None
