"""The laboratory in figures and words: what each study found, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from antigrad.core.page import Card, Cards, Column, Page, Section, Table, Tone, Verdict
from antigrad.core.runs import RunFolder
from antigrad.lab.study import Study, claim_of

_WORDS: dict[str, tuple[str, Tone]] = {
    "agrees": ("agrees", "good"),
    "mixed": ("agrees in part", "neutral"),
    "disagrees": ("does not agree", "bad"),
    "open": ("not settled", "neutral"),
    "none": ("no claim stated", "neutral"),
}
_ADVICE = {
    "agrees": "Rely on it within these settings.",
    "mixed": "Rely on it only in the settings for which the table “What the verdict reads” says “for”.",
    "disagrees": "Do not rely on it: the table “What the verdict reads” lists what speaks against it.",
    "open": "Run more seeds (--full) before relying on it.",
    "none": "State a claim to have it tested against these numbers.",
}
_SETTING = {True: "Full setting", False: "Fast setting with few seeds; --full runs more"}
_COUNTED = {
    "agrees": ("agrees with its claim", "agree with their claims"),
    "mixed": ("agrees in part", "agree in part"),
    "disagrees": ("does not agree", "do not agree"),
    "open": ("settles nothing", "settle nothing"),
}


def describe(run: RunFolder, studies: Sequence[Study], *, full: bool) -> None:
    """Write the page of a finished run.

    Args:
        run: The run, with the sections of every study among its artifacts.
        studies: The studies, in order.
        full: Whether the full setting was used.
    """
    rows = {row["study"]: row for row in run.ledger.rows("study")}
    single = len(studies) == 1
    title = studies[0].title if single else "The categorical policy laboratory"
    verdict = study_verdict(studies[0], rows[studies[0].name], full) if single else _verdict_of_all(studies, rows, full)
    sections: list[Section] = [] if single else [_overview(studies, rows)]
    for study in studies:
        row = rows[study.name]
        sections.append(_numbers(study, row) if single else head(study, row))
        # They are JSON already; the page is written as JSON.
        sections += cast(list[Section], run.read_json(f"{study.name}.json"))
    Page(title, verdict, sections).write(run)


def study_verdict(study: Study, row: Mapping[str, Any], full: bool | None) -> Verdict:
    """The claim of a study, and what came out.

    Args:
        study: The claim.
        row: Of the ledger.
        full: Whether the full setting was used; None where there is one setting only.

    Returns:
        The verdict.
    """
    word, tone = _WORDS[row["finding"]]
    numbers = row["numbers"]
    counts = [numbers.get(f"verdict/{key}") for key in ("for", "against", "open")]
    answer = f"{word[0].upper()}{word[1:]}"
    if row["finding"] != "none" and None not in counts:
        answer += f": {counts[0]} comparisons speak for it, {counts[1]} against it, {counts[2]} "
        answer += "settles nothing" if counts[2] == 1 else "settle nothing"
    sure = f"Tier: {study.tier}." + ("" if full is None else f" {_SETTING[full]}.")
    caveats = [text for text in (study.caveat, study.asks) if text]
    return Verdict(_claim(study), f"{answer}.", sure, _ADVICE[row["finding"]], caveats, tone)


def _claim(study: Study) -> str:
    return f"Claim ({study.paper}): {study.sentence}" if study.sentence else study.asks


def _verdict_of_all(studies: Sequence[Study], rows: Mapping[str, Mapping[str, Any]], full: bool) -> Verdict:
    of = {key: [study.name for study in studies if rows[study.name]["finding"] == key] for key in _COUNTED}
    said = [f"{len(names)} {_COUNTED[key][len(names) != 1]}" for key, names in of.items() if names]
    answer = f"Of {len(studies)} studies, {', '.join(said)}."
    if of["disagrees"]:
        advice = (
            f"Do not rely on the claims of {', '.join(of['disagrees'])}; for the others read what speaks against them."
        )
    elif of["open"]:
        advice = f"Run {', '.join(of['open'])} with --full; for the others read what speaks against them."
    else:
        advice = "Read what speaks against each claim before relying on it."
    caveats = ["Each holds for the settings stated and no further."]
    question = "Do published claims on negative gradients hold in worlds that can be computed exactly?"
    tone = "bad" if of["disagrees"] else "good" if len(of["agrees"]) == len(studies) else "neutral"
    return Verdict(question, answer, f"{_SETTING[full]}.", advice, caveats, tone)


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
        Column("finding", "verdict"),
        Column("for", "for", "integer", "comparisons that speak for the claim"),
        Column("against", "against", "integer"),
        Column("open", "open", "integer", "comparisons that settle nothing"),
        Column("claim", "claim"),
        Column("paper", "paper", more=True),
        Column("asks", "question", more=True),
        Column("tier", "tier", more=True),
        Column("seconds", "seconds", "number", more=True),
    ]
    shown: list[dict[str, Any]] = []
    for study in studies:
        row = rows[study.name]
        line = {key: row["numbers"].get(f"verdict/{key}") for key in ("for", "against", "open")}
        line |= {"study": study.name, "finding": _WORDS[row["finding"]][0], "claim": study.sentence}
        shown.append(line | {"paper": study.paper, "asks": study.asks, "tier": study.tier, "seconds": row["seconds"]})
    return Table("All studies", columns, shown)


def _numbers(study: Study, row: Mapping[str, Any]) -> Cards:
    # The page has begun with the claim and what came out: here is the rest.
    said = row["verdict"].removeprefix(claim_of(study))
    return Cards("In numbers", _counts(row), said)


def _counts(row: Mapping[str, Any]) -> list[Card]:
    numbers = row["numbers"]
    notes = {"for": "comparisons speak for the claim", "against": "speak against it", "open": "settle nothing"}
    known = [key for key in notes if numbers.get(f"verdict/{key}") is not None]
    return [Card(key.capitalize(), str(numbers[f"verdict/{key}"]), notes[key]) for key in known]


def head(study: Study, row: Mapping[str, Any]) -> Cards:
    """The verdict of a study.

    Args:
        study: The claim.
        row: With finding, verdict and seconds.

    Returns:
        Cards and the paragraph.
    """
    word, tone = _WORDS[row["finding"]]
    claim = Card("The claim and these numbers", word, f"{study.paper}. Tier: {study.tier}.", tone)
    return Cards(study.title, [claim, *_counts(row)], row["verdict"])
