"""Displacement on the tiny policy: its table in the index of papers, from the kept figures."""

from __future__ import annotations

from typing import Any

from studies.displacement.study import ARMS, PAIRS
from studies.kept import kept
from studies.page import PAPERS, fill, markdown

STEPS = ("1e-05", "0.0001")
SHOWN = (*ARMS[:1], ARMS[3], ARMS[4], ARMS[6])
"""Arms whose displaced answers are shown."""


def main() -> None:
    """Write the table."""
    fill(PAPERS, {"displacement-tiny": table(kept(__file__, "displacement_tiny")["figures"])})


def told(figure: dict[str, Any], form: str) -> str:
    """A mean over seeds and its standard error."""
    text = f"{figure['mean']:{form}} ± {figure['se_over_seeds']:{form.removeprefix('+')}}"
    return text.replace("-", "−")


def table(figures: dict[str, Any]) -> str:
    """Means over seeds, at both steps."""

    def both(key: str, form: str) -> list[str]:
        return [told(figures[f"{key}@{step}"], form) for step in STEPS]

    def difference(first: str, second: str) -> list[str]:
        found = [figures[f"delta_correct: {first} − {second}@{step}"] for step in STEPS]
        cells = [f"{told(one, '+.4f')} ({one['seeds_above_0']} of 5)" for one in found]
        return [f"`{first}` − `{second}` (seeds above 0)", *cells]

    overlaps = [
        f"{told(figures[f'gwhes_overlap@{step}'], '.1%')} ({figures[f'gwhes_by_chance@{step}']['mean']:.0%})"
        for step in STEPS
    ]
    selected = " / ".join(told(figures[f"selected_share/{anchor}"], ".1%") for anchor in ("inclusive", "others"))
    rows = [
        *([f"$\\Delta$ correct, `{arm}`", *both(f"delta_correct/{arm}", "+.4f")] for arm in ARMS),
        *(difference(*pair) for pair in PAIRS[2:]),
        *([f"distinct correct answers displaced, `{arm}`", *both(f"lld_response_share/{arm}", ".1%")] for arm in SHOWN),
        ["questions displaced, `none`", *both("lld_share/none", ".1%")],
        ["wrong tokens selected, inclusive / others", selected, "the same"],
        ["GWHES overlap of the top third (by chance)", *overlaps],
        ["rank correlation of −GWHES with $\\Delta$, questions", *both("gwhes_rank_correlation", "+.4f")],
    ]
    return markdown(["figure", "step 1e-5", "step 1e-4"], rows)
