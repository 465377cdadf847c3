"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

import html
import re
import xml.etree.ElementTree as ET
from typing import Any

from latex2mathml.converter import convert

_SPAN = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_MATHML = "http://www.w3.org/1998/Math/MathML"
# Browsers know no `mathvariant` but `normal`: the letters themselves have to be the styled ones.
_ALPHABETS = {"script": (0x1D49C, 0x1D4B6), "bold": (0x1D400, 0x1D41A), "double-struck": (0x1D538, 0x1D552)}
# Letters that Unicode had before it had the alphabets.
_EARLIER = {
    0x1D49D: "ℬ", 0x1D4A0: "ℰ", 0x1D4A1: "ℱ", 0x1D4A3: "ℋ", 0x1D4A4: "ℐ", 0x1D4A7: "ℒ", 0x1D4A8: "ℳ", 0x1D4AD: "ℛ",
    0x1D53A: "ℂ", 0x1D53F: "ℍ", 0x1D545: "ℕ", 0x1D547: "ℙ", 0x1D548: "ℚ", 0x1D549: "ℝ", 0x1D551: "ℤ",
}  # fmt: skip

ET.register_namespace("", _MATHML)


def on_page_content(content: str, **_: Any) -> str:
    """Replace what `pymdownx.arithmatex` marked, in pages and docstrings alike."""
    return _SPAN.sub(lambda found: mathml(html.unescape(found[2]), block=found[1] == "div"), content)


def mathml(latex: str, *, block: bool) -> str:
    r"""Turn LaTeX into MathML.

    >>> mathml(r"\mathcal L", block=False)
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>ℒ</mi></mrow></math>'
    """
    root = ET.fromstring(convert(latex, display="block" if block else "inline"))
    for element in root.iter():
        first = _ALPHABETS.get(element.get("mathvariant", ""))
        if first and element.text:
            element.text = "".join(_styled(letter, *first) for letter in element.text)
            del element.attrib["mathvariant"]
        if element.text and "\\" in element.text:
            raise ValueError(f"{element.text} in the formula {latex!r} is a command that latex2mathml does not know")
        if element.tag.endswith("msup") and element[1].text == "′":
            # As an exponent of an index the sign is too small to see, and as a letter it is raised already.
            element.tag, element[1].tag = f"{{{_MATHML}}}mrow", f"{{{_MATHML}}}mo"
            element[1].attrib.update(lspace="0", rspace="0")
    return ET.tostring(root, encoding="unicode")


def _styled(letter: str, upper: int, lower: int) -> str:
    if not (letter.isascii() and letter.isalpha()):
        return letter
    place = upper + ord(letter) - ord("A") if letter.isupper() else lower + ord(letter) - ord("a")
    return _EARLIER.get(place, chr(place))
