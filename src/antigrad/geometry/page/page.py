"""What the report shows of certificates: from ledger rows to sections, and to a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.page import Card, Cards, Column, Page, Section, Table, Verdict
from antigrad.core.runs import RunFolder
from antigrad.geometry.evidence import THRESHOLD
from antigrad.geometry.page.charts import (
    PARTS,
    RUNGS,
    Row,
    alignment_over_time,
    any_of,
    effect,
    effects_over_time,
    ladder_over_time,
    number,
    weight_over_time,
)
from antigrad.geometry.page.kept import kept
from antigrad.geometry.page.layers import layer_table, layers_over_time

CAVEATS = (
    "A step that goes down the loss is always some natural gradient step, so that a certificate exists says little; "
    "look at how far it is turned, in which layers, and for which part.",
    "On the batch that made the step the certificate is flattering (plain SGD is 1 by construction). Against the next "
    "batch it sees the end of the step: near a minimum that slope is against the step though the step went down.",
    "A verdict pools recent steps, and is given only where the spread of their products supports it.",
    "κ of the whole step is its cosine again. ψ depends on the coordinates.",
    "That a step went where you asked does not mean that asking was wise.",
)
_MOST_OPTIMIZERS = 4
_INDEPENDENT = {
    "lagged": "on the next batch",
    "split": "on the other half of the batch",
    "held_out": "on held-out data",
    "in_batch": "on the step's own batch",
}


def certificate_sections(rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Describe the certificates of a training run.

    Args:
        rows: Ledger rows; those of another kind than `certificate`, and skipped steps, take no part. Of
            two rows of one step and optimizer the later counts.

    Returns:
        Headline figures, layers, alignment, parts, weight of the down part, ladder of κ, worst layers
        and alarms; those for which the rows hold nothing are left out. Where several optimizers share
        the model, figures of the whole step are given for each (not for more than four), layers together.

    Raises:
        InputValueError: There is no certificate among the rows.

    Sign: an effect above zero, and a cosine above zero, is an improvement.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; parts, blocks and window derived here.

    Deviations: none.

    Example:
        >>> rows = [{"kind": "certificate", "step": 10, "independent": "lagged", "cos": 0.5, "kappa": 14.0}]
        >>> [section.kind for section in certificate_sections(rows)]
        ['cards', 'chart', 'chart']
    """
    found = [row for row in rows if row.get("kind") == "certificate" and not row.get("skipped")]
    if not found:
        raise InputValueError(
            f"{len(rows)} rows without a certificate",
            "at least one",
            "watch the optimizer for at least one logged step",
        )
    by_optimizer = _by_optimizer(found)
    ordered = sorted((row for rows in by_optimizer.values() for row in rows), key=lambda row: row["step"])
    figures = [_figures(row) for row in ordered]
    if len(by_optimizer) > _MOST_OPTIMIZERS:  # One optimizer a parameter, say: its layers tell it all.
        sections: list[Section] = [Cards("In short", _cards_of_many(ordered, len(by_optimizer)))]
    else:
        sections = _whole_sections(by_optimizer)
    if any(row.get("block_cos") for row in figures):
        sections.insert(1 if len(by_optimizer) == 1 else len(sections), layers_over_time(_layers_together(figures)))
        sections.append(layer_table(figures))
    if any(row.get("alarms") for row in ordered):
        sections.append(_alarm_table(ordered, len(by_optimizer)))
    return sections


def certificate_page(rows: Sequence[Mapping[str, Any]], title: str, verdict: Verdict | str) -> Page:
    """Make a page of certificates alone.

    Args:
        rows: Ledger rows, see `certificate_sections`.
        title: Title of the page.
        verdict: What a reader reads first.

    Returns:
        The page.

    Example:
        >>> rows = [{"kind": "certificate", "step": 10, "independent": "lagged", "cos": 0.5, "kappa": 14.0}]
        >>> certificate_page(rows, "A run", "It went down.").title
        'A run'
    """
    return Page(title, verdict, certificate_sections(rows))


def write_certificate_page(run: RunFolder) -> str:
    """Write the page of a run whose ledger holds certificates; `antigrad report FOLDER` then draws it.

    For a training loop of your own: a job of this library writes its page itself.

    Args:
        run: The run.

    Returns:
        The path of the artifact.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> run = RunFolder.start(Path(tempfile.mkdtemp()) / "r", job="my training", config={})
        >>> run.ledger.append({"kind": "certificate", "step": 10, "independent": "lagged", "cos": 0.5})
        >>> Path(write_certificate_page(run)).name
        'page.json'
    """
    rows = list(kept(run.ledger.stream("certificate")))
    job = run.facts["job"]
    title = "Certificates of the steps" if job == "watch" else f"Certificates of {job}"
    return certificate_page(rows, title, _verdict(rows)).write(run)


def _by_optimizer(rows: Sequence[Row]) -> dict[str, list[Row]]:
    latest = {(str(row.get("optimizer")), row["step"]): row for row in rows}
    names = dict.fromkeys(name for name, _ in latest)
    return {name: [latest[key] for key in sorted(latest) if key[0] == name] for name in names}


def _whole_sections(by_optimizer: Mapping[str, Sequence[Row]]) -> list[Section]:
    """Show the whole steps of each optimizer, under its name where there are several.

    Args:
        by_optimizer: Name, and rows in order of their steps.

    Returns:
        The sections, optimizer by optimizer.
    """
    sections: list[Section] = []
    for name, rows in by_optimizer.items():
        figures = [_figures(row) for row in rows]
        here: list[Section] = [Cards("In short", _cards(rows, figures), CAVEATS[0]), alignment_over_time(rows)]
        if any(any_of([effect(row, part) for part in PARTS]) for row in rows):
            here.append(effects_over_time(rows))
        if any(row.get("lambda_hi") is not None or row.get("safe_weight") is not None for row in rows):
            here.append(weight_over_time(rows))
        if any(row.get(key) is not None for row in figures for key in RUNGS.values()):
            here.append(ladder_over_time(figures))
        several = len(by_optimizer) > 1
        sections += [replace(one, title=f"{one.title}: {name}") for one in here] if several else here
    return sections


def _layers_together(figures: Sequence[Row]) -> list[Row]:
    # Optimizers that share a model have different layers of one step.
    together: dict[int, Mapping[str, float | None]] = {}
    for row in figures:
        own, others = row.get("block_cos") or {}, together.get(row["step"])
        together[row["step"]] = own if not others else {**others, **own}
    return [{"step": step, "block_cos": cosines} for step, cosines in together.items()]


def _cards_of_many(rows: Sequence[Row], optimizers: int) -> list[Card]:
    note = "too many to show whole steps of each; the layers below are those of all"
    return [Card("Optimizers", str(optimizers), note), _alarm_card(rows)]


def _figures(row: Row) -> Row:
    # The certificate on another batch; where there is none, the flattering one on the step's own.
    own = row.get("in_batch") or {}
    return row if number(row.get("cos")) is not None or not own else {**row, **own, "independent": "in_batch"}


def _verdict(rows: Sequence[Row]) -> Verdict:
    question = "Did the logged steps go down the loss?"
    taken = [row for row in rows if not row.get("skipped")]
    by_optimizer = _by_optimizer(taken)
    if not by_optimizer:
        return Verdict(question, "No step was taken.", "", "Watch a training that takes steps.", tone="bad")
    figures = [_figures(row) for found in by_optimizer.values() for row in found]
    if len(by_optimizer) > _MOST_OPTIMIZERS:
        answer = f"{_verdicts(figures)} {len(by_optimizer)} optimizers share the model."
    else:
        said = {name: _verdicts([_figures(row) for row in found]) for name, found in by_optimizer.items()}
        answer = " ".join(said.values() if len(said) == 1 else [f"{name}: {text}" for name, text in said.items()])
    counts = Counter(row.get("effective") for row in figures)
    answer = f"{_word(counts)}: {answer[0].lower()}{answer[1:]}" if answer.startswith("Of") else answer
    alarms = sum(bool(row.get("alarms")) for row in taken)
    if alarms:
        answer += f" {alarms} of them raised an alarm."
        advice = "Read the table of alarms: each line says what to try."
    elif counts["no"]:
        advice = "See which layers go against the loss, and for which part."
    elif counts["yes"]:
        advice = "Nothing to fix."
    else:
        advice = "Log more steps (every=), or split the batch: chance explains all of these."
    bad = alarms or counts["no"] > counts["yes"]
    tone = "bad" if bad else "good" if counts["yes"] and not counts["no"] else "neutral"
    sure = f"t beyond ±{THRESHOLD:g} over recent steps; unresolved is indistinguishable from chance."
    return Verdict(question, answer, sure, advice, CAVEATS, tone)


def _word(counts: Counter[Any]) -> str:
    if counts["yes"] > counts["no"]:
        return "Mostly" if counts["no"] else "Yes"
    return "No" if counts["no"] else "Not settled"


def _verdicts(figures: Sequence[Row]) -> str:
    said = Counter(row.get("effective") for row in figures)
    open_ = len(figures) - said["yes"] - said["no"]
    text = f"Of {len(figures)} logged steps {said['yes']} went down the loss {_where(figures)}, {said['no']} did not, "
    return f"{text}and {open_} {'is' if open_ == 1 else 'are'} unresolved."


def _where(figures: Sequence[Row]) -> str:
    kinds = dict.fromkeys(str(row.get("independent")) for row in figures)
    return ", or ".join(_INDEPENDENT.get(kind, kind) for kind in kinds)


def _cards(rows: Sequence[Row], figures: Sequence[Row]) -> list[Card]:
    cosines = [value for row in figures if (value := number(row.get("cos"))) is not None]
    kappas = [value for row in figures if (value := number(row.get("kappa"))) is not None]
    cards = [
        Card(
            "Alignment, cos ψ",
            f"{median(cosines):.3g}".replace("-", "−") if cosines else "none",
            f"median of {len(cosines)} logged steps, {_where(figures)}",
            "neutral" if not cosines else "good" if median(cosines) > 0 else "bad",
        ),
        Card(
            "κ of the whole step",
            f"{median(kappas):.3g}" if kappas else "∞",
            f"median; a certificate existed in {len(kappas)} of {len(figures)} logged steps",
        ),
    ]
    finest = Counter(row["granularity"] for row in figures if row.get("granularity"))
    if any("granularity" in row for row in figures):
        rung, count = finest.most_common(1)[0] if finest else ("none", len(figures))
        cards.append(Card("Finest certificate", rung, f"most often, in {count} of {len(figures)} logged steps"))
    against = [value for row in figures if (value := number(row.get("blocks_against"))) is not None]
    if against:
        cards.append(
            Card(
                "Layers against",
                f"{median(against):.0%}",
                "median share of layers whose product is against them, noise included",
            )
        )
    cards += [card for part in PARTS if (card := _gain(rows, part)) is not None]
    return [*cards, _alarm_card(rows)]


def _alarm_card(rows: Sequence[Row]) -> Card:
    alarms = sum(bool(row.get("alarms")) for row in rows)
    note = f"of {len(rows)} logged steps" if alarms else "in any logged step"
    return Card("Steps with an alarm", str(alarms) if alarms else "none", note, "bad" if alarms else "good")


def _gain(rows: Sequence[Row], part: str) -> Card | None:
    gains = [value for row in rows if (value := effect(row, part)) is not None]
    if not gains:
        return None
    lost, total = sum(gain < 0 for gain in gains), math.fsum(gains)
    value = f"{total:+.3g}".replace("-", "−")
    note = f"summed drop of its loss over {len(gains)} logged steps; it lost ground in {lost}"
    return Card(f"What {part} gained", value, note, "good" if total > 0 else "bad" if total < 0 else "neutral")


def _alarm_table(rows: Sequence[Row], optimizers: int) -> Table:
    lines = [
        {"step": row["step"], "optimizer": row.get("optimizer"), "alarm": alarm}
        for row in rows
        for alarm in row.get("alarms") or []
    ]
    whose = [Column("optimizer", "optimizer")] if optimizers > 1 else []
    columns = [Column("step", "step", "integer"), *whose, Column("alarm", "what happened, and what to try")]
    return Table("Alarms", columns, lines)
