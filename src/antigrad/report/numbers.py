"""How a value looks on the page: four significant digits, a true minus sign, a dash for nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from antigrad.core.ledger import from_json
from antigrad.core.page import Format

NOTHING = "–"
_MINUS = "−"
_PERCENT = "%"
_DIGITS = 4


def show(value: Any, form: Format = "number") -> str:
    r"""Write a value for a reader.

    Args:
        value: A number, text, truth value, None, or anything JSON knows.
        form: `text` and `number` show what is there; `plain` a number that was set, without zeros at its end;
            `integer` rounds; `signed` always has its sign; `percent` takes a share.

    Returns:
        The text.

    Example:
        >>> [show(-0.123456), show(1e-05, "plain"), show(0.5, "signed"), show(0.256, "percent"), show(None)]
        ['−0.1235', '1e−05', '+0.5000', '25.6%', '–']
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


def show_cell(value: Any, spread: Sequence[Any], form: Format = "number") -> str:
    """Write a value with its standard error, or with the ends of its interval.

    Args:
        value: As in `show`.
        spread: Nothing, a standard error, or two ends; an error or an end that is missing or NaN is left out.
        form: As in `show`.

    Returns:
        The text; a dash where there is no value, or none that is a number.

    Example:
        >>> show_cell(0.25, [0.01234], "signed"), show_cell(0.5, [0.25, 0.75], "percent"), show_cell(0.25, [None])
        ('+0.2500 ± 0.012', '50.0% (25.0 to 75.0%)', '0.2500')
    """
    if isinstance(number := from_json(value), float) and math.isnan(number):
        return NOTHING
    text, known = show(value, form), [from_json(one) for one in spread]
    if sort_key(value) is None or any(sort_key(one) is None for one in known) or not known:
        return text
    if len(known) == 1:
        error = f"{100 * known[0]:.1f}%" if form == "percent" else f"{known[0]:.2g}"
        return f"{text} ± {error.replace('e-0', 'e−').replace('e-', 'e−')}"
    low, high = (show(one, form) for one in known)
    return f"{text} ({low.removesuffix(_PERCENT)} to {high})"


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
        return f"{100 * value:.1f}%"
    if form == "plain":
        return f"{value:g}".replace("-", _MINUS)
    if isinstance(value, int) or form == "integer":
        return f"{round(value):,}"
    if not value:
        return "0"
    digits, _, exponent = f"{value:#.{_DIGITS}g}".partition("e")
    return digits.rstrip(".") + (f"e{int(exponent)}".replace("-", _MINUS) if exponent else "")
