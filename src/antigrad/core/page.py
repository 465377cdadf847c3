"""What a job says about itself: sections that the report turns into a page.

A wing writes a `Page` into its run folder; the report reads it and knows nothing of the wing. All
texts are plain text: the report escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from antigrad.core.page_bounds import SHOWN, bounded, thinned
from antigrad.core.runs import RunFolder

ARTIFACT = "page.json"
Format = Literal["text", "integer", "number", "plain", "signed", "percent"]
Tone = Literal["good", "bad", "neutral"]


@dataclass(frozen=True)
class Verdict:
    """What a reader reads first: what was asked or claimed, what came out, how sure that is, what to do.

    Args:
        question: The question or the claim, one sentence.
        answer: What came out, one sentence with its figures.
        sure: How sure that is: an interval, a test, how few questions.
        advice: What to do now, one line.
        caveats: What else has to be known; folded on the page.
        tone: Whether a reader should be glad. That there is nothing to fix is good news.

    Example:
        >>> Verdict("Did it help?", "Yes, by 3 points.", "95% interval 1 to 5.", "Keep it.").text()
        'Did it help? Yes, by 3 points. (95% interval 1 to 5.) → Keep it.'
    """

    question: str
    answer: str
    sure: str
    advice: str
    caveats: Sequence[str] = field(default_factory=list[str])
    tone: Tone = "neutral"

    def text(self) -> str:
        """Say it in a line, for a terminal.

        Returns:
            Question, answer, how sure, what to do.
        """
        sure = f"({self.sure})" if self.sure else ""
        advice = f"→ {self.advice}" if self.advice else ""
        return " ".join(part for part in (self.question, self.answer, sure, advice) if part)


@dataclass(frozen=True)
class Card:
    """One headline figure.

    Args:
        label: What it is.
        value: The figure, already formatted.
        note: A few words under it.
        tone: Whether a reader should be glad.
    """

    label: str
    value: str
    note: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True)
class Cards:
    """A row of headline figures."""

    title: str
    cards: Sequence[Card]
    text: str = ""
    kind: str = "cards"


@dataclass(frozen=True)
class Chart:
    """A Plotly figure as its JSON: `{"data": [...], "layout": {...}}`.

    Background, fonts, axes and the order of colours are the report's. Texts are plain: a line end is a
    new line, a tag shows as it is written, except `<br>` and `<extra>` in a hover or text template.
    Of more points than a page may hold those that decide how it looks are kept, and the text says so.
    """

    title: str
    figure: dict[str, Any]
    text: str = ""
    kind: str = "chart"

    def __post_init__(self) -> None:
        """Thin the figure at once: several of a long run, waiting for the page, are more than the run's rows."""
        figure, left = thinned(self.figure)
        object.__setattr__(self, "figure", figure)
        object.__setattr__(self, "text", self.text + left)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        key: In the rows.
        label: Heading.
        format: How to show it.
        help: What it means, on hover.
        more: Shown only to who asks for all columns. A column that says the same in every row is left out anyway.
        spread: Keys of what stands behind the value in the same cell: one is its standard error (± …), two are the
            ends of its interval (… to …).
    """

    key: str
    label: str
    format: Format = "text"
    help: str = ""
    more: bool = False
    spread: Sequence[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Table:
    """A table that sorts by a click on a heading and filters by a text, and by the values of some columns.

    Columns that decide come first: those at the end that do not fit the screen wait behind "more columns".

    Args:
        title: Of the section.
        columns: In order.
        rows: Column key to value.
        text: What to know of it.
        filters: Keys of columns with few values, of which a reader may choose one.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    text: str = ""
    filters: Sequence[str] = field(default_factory=list[str])
    kind: str = "table"


@dataclass(frozen=True)
class Token:
    """One token: its text, a value that colours it (None: no colour), a mark, and what hovering shows."""

    text: str
    value: float | None = None
    marked: bool = False
    tip: dict[str, float | str | None] = field(default_factory=dict[str, float | str | None])


@dataclass(frozen=True)
class Response:
    """One response: a label, a tag that says how it was judged (empty: it was not), a note, its tokens."""

    label: str
    tag: Literal["correct", "wrong", "excluded", ""]
    tokens: Sequence[Token]
    note: str = ""


@dataclass(frozen=True)
class TokenGroup:
    """All responses of one question.

    Args:
        label: Names the question in a list.
        prompt: What the model read.
        responses: What it wrote.
        facts: What holds for the group.
        threshold: Place on the scale of the tokens' values beyond which they are marked.
    """

    label: str
    prompt: str
    responses: Sequence[Response]
    facts: dict[str, float | str | None] = field(default_factory=dict[str, float | str | None])
    threshold: float | None = None


@dataclass(frozen=True)
class Tokens:
    """Responses with coloured tokens, one group shown at a time.

    Args:
        title: Of the section.
        groups: One question each.
        value_label: What the colour shows.
        mark_label: What a mark means.
        text: What to know of it.
        positive: What a value above zero does: orange on every page is what pulls down, blue what pulls up.
    """

    title: str
    groups: Sequence[TokenGroup]
    value_label: str
    mark_label: str
    text: str = ""
    positive: Literal["hurts", "helps"] = "hurts"
    kind: str = "tokens"


@dataclass(frozen=True)
class Stage:
    """A small picture with a few words under it; the picture is a `data:image/…;base64,…` text."""

    picture: str
    note: str


@dataclass(frozen=True)
class Layer:
    """A map of a picture as 8-bit grey pictures in `data:` texts: 128 is zero, 255 the most, 1 the least.

    Args:
        label: What made it.
        note: A few words under it.
        size: Magnitudes.
        signed: With a sign; empty where the map has none.
        stages: Small pictures that go with it.
    """

    label: str
    note: str
    size: str
    signed: str = ""
    stages: Sequence[Stage] = ()


@dataclass(frozen=True)
class PictureGroup:
    """One picture, `data:` text too, and the maps that are laid over it."""

    label: str
    picture: str
    layers: Sequence[Layer]
    facts: dict[str, float | str | None] = field(default_factory=dict[str, float | str | None])


@dataclass(frozen=True)
class Gallery:
    """Pictures with maps over them, one picture shown at a time; the reader chooses sign and opacity."""

    title: str
    groups: Sequence[PictureGroup]
    text: str = ""
    kind: str = "gallery"


@dataclass(frozen=True)
class Track:
    """Where a road user is at each step, m and rad, counter-clockwise from x; None where it is not there."""

    x: Sequence[float | None] = field(default_factory=list[float | None])
    y: Sequence[float | None] = field(default_factory=list[float | None])
    yaw: Sequence[float | None] = field(default_factory=list[float | None])


@dataclass(frozen=True)
class Actor:
    """A road user.

    Args:
        label: Its name.
        role: Who it is; `escape` is what the ego could have done.
        length: m.
        width: m.
        now: Where it is.
        before: Where it was before the change; empty where nothing changed.
    """

    label: str
    role: Literal["ego", "adversary", "other", "escape"]
    length: float
    width: float
    now: Track
    before: Track = field(default_factory=Track)


@dataclass(frozen=True)
class Line:
    """A quantity over the steps of a scene, and the same before the change; None where it has no value."""

    label: str
    unit: str
    values: Sequence[float | None]
    before: Sequence[float | None] = field(default_factory=list[float | None])


@dataclass(frozen=True)
class Mark:
    """A moment of a scene, s; whether a reader should be glad of it."""

    label: str
    at: float
    tone: Tone = "neutral"


@dataclass(frozen=True)
class PlayedScene:
    """Traffic seen from above, step by step.

    Args:
        label: Names the scene in a list.
        verdict: What to know of it first.
        tone: Whether a reader should be glad.
        step: s between two steps.
        start: Step that is shown first.
        actors: Who is there; all tracks have as many steps.
        lines: Quantities below, over time.
        marks: Moments on them.
        edges: Edges of roads, x, y, x, y, … in m.
        areas: Roads as polygons, likewise.
        facts: What holds for the scene.
    """

    label: str
    verdict: str
    tone: Tone
    step: float
    start: int
    actors: Sequence[Actor]
    lines: Sequence[Line] = field(default_factory=list[Line])
    marks: Sequence[Mark] = field(default_factory=list[Mark])
    edges: Sequence[Sequence[float]] = field(default_factory=list[Sequence[float]])
    areas: Sequence[Sequence[float]] = field(default_factory=list[Sequence[float]])
    facts: dict[str, float | str | None] = field(default_factory=dict[str, float | str | None])


@dataclass(frozen=True)
class Playback:
    """Scenes that play, one at a time; the reader stops, scrubs, zooms and chooses what is shown."""

    title: str
    scenes: Sequence[PlayedScene]
    text: str = ""
    kind: str = "scene"


Section = Cards | Chart | Table | Tokens | Gallery | Playback


@dataclass(frozen=True)
class Page:
    """The whole page: a title, the verdict, sections in order. A text alone is an answer that stands for itself.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> run = RunFolder.start(Path(tempfile.mkdtemp()) / "r", job="demo", config={})
        >>> verdict = Verdict("Does it run?", "It ran.", "Once.", "Go on.", tone="good")
        >>> path = Page("Demo", verdict, [Cards("Result", [Card("accuracy", "50%")])]).write(run)
        >>> run.read_json(ARTIFACT)["sections"][0]["kind"]
        'cards'
    """

    title: str
    verdict: Verdict | str
    sections: Sequence[Section]

    def write(self, run: RunFolder, *, shown: int = SHOWN) -> str:
        """Write the page into a run, cut to what a page may hold: see `core.page_bounds`.

        Args:
            run: The run it describes.
            shown: Rows of a table and groups of tokens.

        Returns:
            The path of the artifact.
        """
        # A mapping is the JSON of a section that was cut before.
        sections = [one if isinstance(one, Mapping) else bounded(one, shown) for one in self.sections]
        verdict = Verdict("", self.verdict, "", "") if isinstance(self.verdict, str) else self.verdict
        return str(run.write_json(ARTIFACT, asdict(replace(self, verdict=verdict, sections=sections))))
