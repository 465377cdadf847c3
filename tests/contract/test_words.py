"""The field's words: phrases that README, documentation, help and pages do not use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = [
    ROOT / "README.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "decisions"),
    *sorted((ROOT / "src").rglob("*.py")),
    *sorted((ROOT / "src").rglob("*.yaml")),
    *sorted((ROOT / "src").rglob("*.j2")),
]
INSTEAD = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bnot told (apart )?from\b": "indistinguishable from",
    r"\beach step told\b": "each step reported",
    r"\b(nats|FLOP|bytes|tokens|rows?|one) an? (token|step|question|pair|row|prompt)\b": "per",
    r"\b(samples|questions|pairs) an? (token|step|pair|row|prompt)\b": "per",
    r"\bwithout contrast\b": "zero-variance groups",
    r"\b(is|are|was|were|gets?) weakened\b": "down-weighted",
    r"\bknows no (model|verdict)\b": "model-free; has no verdicts",
    r"\b(can|cannot|can't) be bought\b": "gamed",
    r"\bNone takes the task's own\b": "default: the task's",
    r"(?<!othing )\bto do: ": "expected …; try …",
    r"\b[Gg]o(es)? on (with|from) (the|here|its|a|an)\b": "resume, continue",
    r"\bforetells?\b": "predict",
    r"\bstart anew\b": "start over",
    r"\bone's own\b": "your own",
}
"""What is not said, and what is said instead."""


@pytest.mark.parametrize("phrase", INSTEAD)
def test_the_field_s_words_are_used(phrase: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(phrase, line)
    ]
    assert found == [], f"say {INSTEAD[phrase]!r}"
