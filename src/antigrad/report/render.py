"""Sections to HTML: the template writes what is static, the scripts draw charts and tokens from inert JSON."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from antigrad.core.page import Chart, Column, Gallery, Page, Playback, Section, Table, Tokens
from antigrad.report.escape import gaps, plain_figure
from antigrad.report.gallery import picture_view
from antigrad.report.numbers import NOTHING, show, show_cell, sort_key
from antigrad.report.playback import scene_view
from antigrad.report.tokens import group_view

_SCRIPTS = ("theme.js", "charts.js", "tables.js", "tokens.js", "gallery.js", "scene_drawing.js", "scene.js")
_TYPED = re.compile(r"(`[^`\n]+`|(?<![\w-])--\w[\w.-]*)")
_NEGATIVE = re.compile(r"(?<![^\s(])-(?=[\d.])")
"""A hyphen that is a minus sign: not in a word, an exponent or an option."""
_FACTS = ("job", "started", "python", "platform", "git")


def render(
    page: Page,
    facts: Mapping[str, Any],
    summary: Mapping[str, Any],
    *,
    name: str,
    inside: Mapping[str, str] | None = None,
) -> str:
    """Write the whole page.

    Args:
        page: What the job says.
        facts: What `run.yaml` says.
        summary: The headline figures, name to figure.
        name: Name of the run, for the head of the page.
        inside: Pages of runs in folders of this one: relative path and title.

    Returns:
        One HTML document; nothing in it points outside of the run folder.
    """
    scripts = [_asset(script) for script in _SCRIPTS]
    if any(isinstance(section, Chart) for section in page.sections):
        scripts.insert(0, get_plotlyjs())
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            page=page,
            name=name,
            job=facts.get("job", "JOB"),
            inside=inside or {},
            started=f"{str(facts.get('started', ''))[:16].replace('T', ' ')} UTC",
            sections=[_view(section) for section in page.sections],
            environment=_environment(facts),
            summary=summary,
            settings=yaml.safe_dump(facts["config"], sort_keys=False, allow_unicode=True),
            style=_asset("style.css"),
            scripts=scripts,
            hashes=" ".join(_hash(script) for script in scripts),
        )
    )


def templates() -> Environment:
    """Set up Jinja: everything is escaped, and `tojson` writes short ASCII that is inert in a script element.

    Returns:
        Its environment.
    """
    environment = Environment(
        loader=PackageLoader("antigrad.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["show"] = show
    environment.filters["prose"] = prose
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment


def prose(text: str) -> Markup:
    """Escape a sentence, and dress what is typed in it: `code` between backticks, flags, minus signs.

    Args:
        text: Plain text of a job.

    Returns:
        HTML.

    Example:
        >>> str(prose("<b> fell by -0.5: ask `antigrad diagnose` with --arms"))
        '&lt;b&gt; fell by −0.5: ask <code>antigrad diagnose</code> with <span class="flag">--arms</span>'
    """
    pieces = _TYPED.split(str(text))
    return Markup("").join(_dressed(piece, typed=bool(place % 2)) for place, piece in enumerate(pieces))


def _dressed(piece: str, *, typed: bool) -> Markup:
    if not typed:
        return escape(_NEGATIVE.sub("−", piece))
    if piece[0] != "`":
        return Markup('<span class="flag">{}</span>').format(piece)
    words = (
        Markup('<span class="flag">{}</span>').format(one) if one[:2] == "--" else escape(one)
        for one in piece[1:-1].split(" ")
    )
    return Markup("<code>{}</code>").format(Markup(" ").join(words))


def _view(section: Section) -> dict[str, Any]:
    # What the template needs of a section beside the section itself.
    view: dict[str, Any] = {"section": section, "kind": section.kind, "title": section.title, "text": section.text}
    if isinstance(section, Chart):
        return view | {"figure": gaps(plain_figure(section.figure))}
    if isinstance(section, Table):
        section, same = said_once(section)
        rows = [_cells(section, row) for row in section.rows]
        view |= {"section": section, "text": " ".join(filter(None, (section.text, same)))}
        return view | {"rows": rows, "filters": _filters(section, rows), "more": any(c.more for c in section.columns)}
    if isinstance(section, Tokens):
        return view | {"groups": [gaps(group_view(group)) for group in section.groups]}
    if isinstance(section, Playback):
        return view | {"groups": [gaps(scene_view(scene)) for scene in section.scenes]}
    if isinstance(section, Gallery):
        return view | {"groups": [gaps(picture_view(group)) for group in section.groups]}
    return view


def said_once(table: Table) -> tuple[Table, str]:
    """Leave out what is the same in every row, and what no row has; the first column stays, and one beside it.

    Args:
        table: A table.

    Returns:
        The table with the other columns, and a sentence on those that said the same.

    Example:
        >>> from antigrad.core.page import Column
        >>> columns = [Column("arm", "rule"), Column("gain", "gain", "integer"), Column("n", "questions", "integer")]
        >>> rows = [{"arm": arm, "gain": gain, "n": 8, "error": None} for arm, gain in [("none", 0), ("nthr", 1)]]
        >>> short, text = said_once(Table("Rules", columns, rows))
        >>> [column.key for column in short.columns], text
        (['arm', 'gain'], 'In every row: questions 8.')
    """
    kept, said = list(table.columns[:1]), list[str]()
    for column in table.columns[1:]:
        values = [_text(column, row) for row in table.rows]
        if len(values) < 2 or len(set(values)) > 1:
            kept.append(column)
        elif values[0] not in ("", NOTHING):
            if column.more:
                kept.append(column)
            else:
                said.append(f"{column.label} {values[0]}")
    if all(column.more for column in kept[1:]):
        return table, ""  # a list of names alone says less than a table
    return replace(table, columns=kept), f"In every row: {', '.join(said)}." if said else ""


def _cells(table: Table, row: Mapping[str, Any]) -> Sequence[tuple[str, float | None]]:
    # Text and sort key of each cell; cells of a text column sort by their text.
    return [
        (_text(column, row), None if column.format == "text" else sort_key(row.get(column.key)))
        for column in table.columns
    ]


def _text(column: Column, row: Mapping[str, Any]) -> str:
    return show_cell(row.get(column.key), [row.get(key) for key in column.spread], column.format)


def _filters(table: Table, rows: Sequence[Sequence[tuple[str, float | None]]]) -> list[dict[str, Any]]:
    # Place, heading and values of the columns that can be chosen from.
    places = [place for place, column in enumerate(table.columns) if column.key in table.filters]
    return [
        {"place": place, "label": table.columns[place].label, "values": sorted({row[place][0] for row in rows})}
        for place in places
    ]


def _environment(facts: Mapping[str, Any]) -> dict[str, Any]:
    versions = facts.get("versions")
    return {key: facts[key] for key in _FACTS if facts.get(key)} | (versions if isinstance(versions, dict) else {})


def _asset(name: str) -> str:
    return (files("antigrad.report") / "assets" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    # How the content security policy names a script that may run.
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
