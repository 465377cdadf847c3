"""Whether two runs came to the same: rows, figures, weights and pages, without what the clock says."""

import json
import re
from pathlib import Path
from typing import Any

CLOCK = ("seconds", "runtime", "per_second", "step_time", "started", "cached")
TOLD = ("unlearn", "unlearn compare", "lab run", "lab simulate")
"""Jobs whose page tells seconds."""
TWICE = ("scenario",)
"""Jobs that begin an interrupted piece again, and read the second rows of it."""


def timeless(value: Any) -> Any:
    """The same without keys that tell time."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if not any(word in key for word in CLOCK)}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def difference(job: str, one: Path, other: Path) -> str | None:
    """What differs between two finished runs, in a few words; None if nothing does."""
    first, second = _content(job, one), _content(job, other)
    if first.keys() != second.keys():
        return f"files {sorted(first.keys() ^ second.keys())[:6]}"
    for name, mine in first.items():
        if mine != second[name]:
            return f"{name}: {_where(mine, second[name])}"
    left = [str(path.relative_to(one)) for path in one.rglob(".*")]
    return f"left behind: {left[:5]}" if left else None


def _content(job: str, run: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if not path.is_file() or path.name.startswith(".") or path.name in ("run.yaml", "report.html"):
            continue
        if name.startswith("checkpoints/") and not name.startswith("checkpoints/policy/"):
            continue
        if path.suffix == ".bin" or (job in TOLD and "page.json" in name):
            continue
        found[name] = _read(job, path)
        if path.name == "README.md" and isinstance(found[name], bytes):  # a model card is headed by its folder's name
            found[name] = re.sub(rb"(?m)^# .*, step ", b"# RUN, step ", found[name])
    return found


def _read(job: str, path: Path) -> Any:
    if path.suffix == ".jsonl":
        rows = [json.dumps(timeless(json.loads(line)), sort_keys=True) for line in path.read_text().split("\n") if line]
        return sorted(set(rows)) if job in TWICE else rows
    if path.suffix == ".json":
        return timeless(json.loads(path.read_text()))
    if path.suffix == ".md" and job.startswith("unlearn"):
        return None  # the card of a model names the seconds of its metrics
    if path.suffix == ".safetensors":  # the order of several facts in its header is not defined
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        return json.loads(content[8:start]), content[start:]
    return path.read_bytes()


def _where(one: Any, other: Any) -> str:
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{len(one)} rows, and {len(other)}"
        place = next(place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
        return f"row {place}: {str(one[place])[:300]} | {str(other[place])[:300]}"
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        return f"{keys[:5]}: {str(one.get(keys[0]))[:200]} | {str(other.get(keys[0]))[:200]}"
    return "other bytes"
