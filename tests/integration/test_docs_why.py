"""The page of questions quotes studies word for word: every quote stands on the page it points to."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "why-is-my.md"
QUOTES = re.findall(r"^- Measured: \[(.+)\]\((\S+\.md)\)", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize(("quote", "where"), QUOTES)
def test_a_quote_stands_on_its_page(quote: str, where: str) -> None:
    assert quote in (PAGE.parent / where).read_text()


def test_every_measured_line_is_a_quote() -> None:
    assert len(QUOTES) == PAGE.read_text().count("- Measured:") > 8
