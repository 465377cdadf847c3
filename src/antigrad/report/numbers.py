"""How a value looks on the page: four significant digits, a true minus sign, a dash for nothing."""

from __future__ import annotations

import json
import math
from typing import Any

from antigrad.core.ledger import from_json
from antigrad.core.page import Format

NOTHING = "–"
_MINUS = "−"
_DIGITS = 4


def show(value: Any, form: Format = "number") -> str:
    r"""Write a value for a reader.

    Args:
        value: A number, text, truth value, None, or anything JSON knows.
        form: `text` and `number` show what is there; `integer` rounds; `signed` always has its sign;
            `percent` takes a share.

    Returns:
        The text.

    Example:
        >>> [show(-0.123456), show(0.5, "signed"), show(0.256, "percent"), show(12345), show(None)]
        ['−0.1235', '+0.5000', '25.6\xa0%', '12,345', '–']
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if form != "text":
        value = from_json(value)
    if isinstance(value, int | float):
        return _signed(value, form)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def sort_key(value: Any) -> float | None:
    """The number a table sorts by.

    Args:
        value: A cell.

    Returns:
        The number, or None where the cell has none (missing, NaN, text): it sorts last.

    Example:
        >>> [sort_key(2), sort_key(None), sort_key("NaN")]
        [2.0, None, None]
    """
    value = from_json(value)
    return float(value) if isinstance(value, int | float) and not math.isnan(value) else None


def _signed(value: float, form: Format) -> str:
    if math.isnan(value):
        return "NaN"
    text = _magnitude(abs(value), form)
    is_zero = not any(digit in text for digit in "123456789∞")
    sign = "" if is_zero else _MINUS if value < 0 else "+" if form == "signed" else ""
    return sign + text


def _magnitude(value: float, form: Format) -> str:
    if math.isinf(value):
        return "∞"
    if form == "percent":
        return f"{100 * value:.1f}\xa0%"
    if isinstance(value, int) or form == "integer":
        return f"{round(value):,}"
    if not value:
        return "0"
    digits, _, exponent = f"{value:#.{_DIGITS}g}".partition("e")
    return digits.rstrip(".") + (f"e{int(exponent)}".replace("-", _MINUS) if exponent else "")
