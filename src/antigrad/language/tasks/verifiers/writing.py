r"""How numbers are written: other scripts and signs, thousands, exponents, mixed numbers, put into one form.

| written | read as |
| --- | --- |
| `−3`, `–3`, `－3` (U+2212, en dash, full width) | −3 |
| `１６`, `١٦`, `१६` | 16 |
| `1,234`, `1 234`, `1 234` (no-break), `1'234`, `12,34,567` | with thousands |
| `1e-3`, `1.5 × 10^3`, `1.5\times10^{3}` | a decimal exponent |
| `1 1/2`, `1½`, `1\frac{1}{2}` | 3/2 |
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

LONGEST = 1000
"""Characters of a number; Python refuses to read integers of some thousand digits."""

_MINUS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-")
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2008\u2009\u200a\u202f\u3000"), " ")
_NOTHING = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u200e\u200f"))
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_ARABIC = {0x066B: ".", 0x066C: ",", 0x2044: "/"}
_SIGNS = {**_WIDE, **_MINUS, **_SPACES, **_NOTHING, **_ARABIC}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")

_PARTS = re.compile(r"(?<=\d)\s*([¼½¾⅐-⅞])|([¼½¾⅐-⅞])")
_POWER_OF_TEN = re.compile(
    r"(?<=\d)\s*(?:\\times|\\cdot|[×·*x])\s*10\s*(?:\^\s*\{?\s*([-+]?\d{1,3})\s*\}?|([⁻⁺]?[⁰¹²³⁴-⁹]{1,3}))"
)
_THOUSANDS = re.compile(r"(?<![\d.,/])(\d{1,3})((?:[ '\u2019]\d{3})+)(?![\d/])")
_MAGNITUDE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+"
NUMBER = re.compile(
    # A minus sign after a digit, a letter or a closing bracket subtracts: the last number of `10-3` is 3.
    rf"(?P<sign>(?<![\w)\]}}])-)?[$€£]?(?:(?P<whole>\d+) (?P<part>\d+)/(?P<of>\d+)(?![\d/]|\.\d)"
    rf"|(?P<top>(?:{_MAGNITUDE})(?:[eE][-+]?\d{{1,3}}(?!\d))?)(?:/(?P<bottom>{_MAGNITUDE}))?)",
    re.ASCII,
)
_LATEX = [
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[,!$]"), ""),
    (re.compile(r"\\[;: ]|~"), " "),
    (re.compile(r"(?<=\d)\s*\\[dtc]?frac(?=[\d{])"), r" \\frac"),
    (re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))"), r"\1\2/\3\4"),
]


def plain(text: str) -> str:
    r"""Put signs, digits, thousands and exponents into one form; LaTeX stays as it is.

    Args:
        text: A text.

    Returns:
        The same with ASCII digits and minus signs, thousands without spaces, `e` for powers of ten, and parts as `1/2`.

    Example:
        >>> plain("−１ 234 or 1.5×10³ or 2½")
        '-1234 or 1.5e3 or 2 1/2'
    """
    if not text.isascii():
        text = "".join(one if one.isascii() else str(unicodedata.decimal(one, one)) for one in text.translate(_SIGNS))
        text = _PARTS.sub(_part, text)
    text = _POWER_OF_TEN.sub(lambda found: "e" + (found[1] or found[2].translate(_RAISED)), text)
    return _THOUSANDS.sub(lambda found: found[1] + re.sub(r"\D", "", found[2]), text)


def _part(found: re.Match[str]) -> str:
    value = Fraction(unicodedata.numeric(found[1] or found[2])).limit_denominator(10)
    return f"{' ' if found[1] else ''}{value.numerator}/{value.denominator}"


def without_latex(text: str) -> str:
    r"""Write LaTeX's spaces, separators and fractions as plain text.

    Args:
        text: As `plain` gives it.

    Returns:
        The text with `a/b` for `\frac{a}{b}` and for `\frac12`.

    Example:
        >>> without_latex(r"1\frac{1}{2}, 1{,}234, \frac12")
        '1 1/2, 1,234, 1/2'
    """
    for pattern, written in _LATEX:
        text = pattern.sub(written, text)
    return text


def value_of(found: re.Match[str]) -> Fraction | None:
    """Read a number.

    Args:
        found: A match of `NUMBER`.

    Returns:
        Its value; None if it is too long, or a division by zero.

    Example:
        >>> value_of(NUMBER.search("-1 1/2")), value_of(NUMBER.search("7 4/2")), value_of(NUMBER.search("1/0"))
        (Fraction(-3, 2), Fraction(2, 1), None)
    """
    if len(found[0]) > LONGEST:
        return None
    if found["whole"] is not None:
        part, of = int(found["part"]), int(found["of"])
        if not of:
            return None
        # Only a proper fraction belongs to the number before it.
        total = Fraction(part, of) + (int(found["whole"]) if part < of else 0)
        return -total if found["sign"] and part < of else total
    top, bottom = (Fraction((found[name] or "1").replace(",", "")) for name in ("top", "bottom"))
    return (-top if found["sign"] else top) / bottom if bottom else None


def numbers(text: str) -> list[re.Match[str]]:
    """Find all numbers of a text.

    Args:
        text: A text in one form, see `plain` and `without_latex`.

    Returns:
        Matches of `NUMBER`, in order.
    """
    return [*NUMBER.finditer(text)]
