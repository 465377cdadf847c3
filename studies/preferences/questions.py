"""Questions for SmolLM2-135M that it now and then solves in steps: sums of three digits, written as GSM8K is."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path

from antigrad.core.files import write_atomic


def write_sums(folder: Path) -> tuple[Path, Path]:
    """Write sums of three digits with worked answers, each in one of two files.

    Args:
        folder: Where to.

    Returns:
        Questions to train on, and others.

    """
    sums = list(product(range(2, 10), repeat=3))
    random.Random(0).shuffle(sums)
    rows = [
        {
            "question": f"{a} + {b} + {c}",
            "answer": f"{a} + {b} = {a + b}, {a + b} + {c} = {a + b + c}\n#### {a + b + c}",
        }
        for a, b, c in sums
    ]
    paths = folder / "sums-train.jsonl", folder / "sums-test.jsonl"
    for path, some in zip(paths, (rows[:384], rows[384:]), strict=True):
        write_atomic(path, "".join(json.dumps(row) + "\n" for row in some))
    return paths
