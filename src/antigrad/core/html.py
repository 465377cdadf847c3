"""What a notebook shows of an object: its name and its figures as a small table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any


def figures_table(title: str, figures: Mapping[str, Any], *, link: str = "", most: int = 40) -> str:
    """Write figures as HTML, in the notebook's own colours.

    Args:
        title: Above the table.
        figures: Name and figure.
        link: Where the title leads; empty for nowhere.
        most: Rows that are shown.

    Returns:
        HTML; every text in it is escaped.

    Example:
        >>> figures_table("a < b", {"cos": 0.25})
        '<b>a &lt; b</b><table><tr><th style="text-align:left">cos</th><td>0.25</td></tr></table>'
    """
    head = f'<a href="{escape(link, quote=True)}">{escape(title)}</a>' if link else escape(title)
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td>{escape(shown(value))}</td></tr>'
        for name, value in [*figures.items()][:most]
    )
    left = f"<p>and {len(figures) - most} more</p>" if len(figures) > most else ""
    return f"<b>{head}</b><table>{rows}</table>{left}"


def shown(value: Any) -> str:
    """Write a figure as people read it.

    Args:
        value: A number or a text.

    Returns:
        Six digits of a number with a fraction.

    Example:
        >>> shown(1 / 3), shown(7), shown(float("inf")), shown(None)
        ('0.333333', '7', '∞', '')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    return str(value)
