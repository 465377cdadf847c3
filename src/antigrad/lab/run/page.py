"""The laboratory in figures and words: what each study found, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from antigrad.core.page import Card, Cards, Column, Page, Section, Table
from antigrad.core.runs import RunFolder
from antigrad.lab.study import Study

_WORDS: dict[str, tuple[str, Literal["good", "bad", "neutral"]]] = {
    "agrees": ("agrees", "good"),
    "mixed": ("agrees in part", "neutral"),
    "disagrees": ("does not agree", "bad"),
    "open": ("not settled", "neutral"),
    "none": ("no claim stated", "neutral"),
}
_COUNTED = {"agrees": "agree", "mixed": "agree in part", "disagrees": "do not agree", "open": "settle nothing"}


def describe(run: RunFolder, studies: Sequence[Study], *, full: bool) -> None:
    """Write the page of a finished run.

    Args:
        run: The run, with the sections of every study among its artifacts.
        studies: The studies, in order.
        full: Whether the full setting was used.
    """
    rows = {row["study"]: row for row in run.ledger.rows("study")}
    counts = {key: sum(row["finding"] == key for row in rows.values()) for key in _COUNTED}
    setting = "full setting" if full else "fast setting: few seeds, `--full` has more"
    if len(studies) == 1:
        title, word = studies[0].title, _WORDS[rows[studies[0].name]["finding"]][0]
        lead = f"{studies[0].asks} The claim it is compared with and its numbers: {word} ({setting})."
    else:
        title = "The categorical policy laboratory"
        lead = f"{len(studies)} studies ({setting}). The numbers of " + ", of ".join(
            f"{count} {_COUNTED[key]}" for key, count in counts.items() if count
        )
        lead += " with the claim they are compared with. Each holds for the settings stated and no further."
    sections: list[Section] = [_overview(studies, rows)] if len(studies) > 1 else []
    for study in studies:
        row = rows[study.name]
        sections.append(head(study, row))
        # They are JSON already; the page is written as JSON.
        sections += cast(list[Section], run.read_json(f"{study.name}.json"))
    Page(title, lead, sections).write(run)


def summary_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Headline figures of all studies.

    Args:
        rows: Of the ledger.

    Returns:
        `STUDY/figure` and its value, with the finding, the tier and the seconds of each.
    """
    figures: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: row["study"]):
        figures |= {f"{row['study']}/{key}": row[key] for key in ("finding", "tier", "seconds")}
        figures |= {f"{row['study']}/{key}": value for key, value in row["numbers"].items()}
    return figures


def _overview(studies: Sequence[Study], rows: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = [
        Column("study", "study"),
        Column("asks", "question"),
        Column("finding", "claim and numbers"),
        Column("paper", "paper"),
        Column("tier", "tier"),
        Column("seconds", "seconds", "number"),
    ]
    shown = [
        {
            "study": study.name,
            "asks": study.asks,
            "finding": _WORDS[rows[study.name]["finding"]][0],
            "paper": study.paper,
            "tier": study.tier,
            "seconds": rows[study.name]["seconds"],
        }
        for study in studies
    ]
    return Table("All studies", columns, shown)


def word_of(finding: str) -> str:
    """A finding in words.

    Args:
        finding: Of a row of the ledger.

    Returns:
        The words.
    """
    return _WORDS[finding][0]


def head(study: Study, row: Mapping[str, Any]) -> Cards:
    """The verdict of a study.

    Args:
        study: The claim.
        row: With finding, verdict and seconds.

    Returns:
        Cards and the paragraph.
    """
    word, tone = _WORDS[row["finding"]]
    cards = [
        Card("The claim and these numbers", word, f"{study.paper}. Tier: {study.tier}.", tone),
        Card("Computed in", f"{row['seconds']:g} s", study.asks),
    ]
    return Cards(study.title, cards, row["verdict"])
