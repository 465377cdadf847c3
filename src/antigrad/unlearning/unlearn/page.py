"""What `antigrad unlearn` says: the verdict first, then everything beside what retraining gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Card, Cards, Column, Page, Section, Table
from antigrad.core.runs import RunFolder
from antigrad.geometry import certificate_sections
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.unlearn.charts import confusion, embedding, epochs, place_of_models, rocs
from antigrad.unlearning.unlearn.findings import Gap, Judgement, gap_of, judge, verdict_of
from antigrad.unlearning.unlearn.rows import certificates_of, last, metrics_of
from antigrad.unlearning.unlearn.settings import UnlearnConfig
from antigrad.unlearning.unlearn.suffering import used_weight, who_pays

Row = Mapping[str, Any]


def describe(run: RunFolder, config: UnlearnConfig, case: Case, seen: Seen, receipt: dict[str, Any]) -> None:
    """Write the page of a finished run.

    Args:
        run: The run.
        config: Its settings.
        case: The last deletion.
        seen: What the unlearned model says.
        receipt: The deletion receipt.
    """
    place = len(config.forget) - 1
    found, rows = judge(run, place), metrics_of(run, place)
    certificates = certificates_of(run, place)
    history = (last(run, "unlearned", deletion=place) or {}).get("history") or []
    sections: list[Section] = []
    if found is not None:
        sections.append(_cards(found, config, len(case.context.forget)))
    sections.append(place_of_models(case, seen))
    sections += [_metrics_table(rows, config.metrics), *confusion(case, seen), embedding(case, seen)]
    attacks = rocs(case, seen, config.made_metrics().values())
    sections += [] if attacks is None else [attacks]
    row, before = last(run, "unlearned", deletion=place) or {}, last(run, "preflight", deletion=place)
    sections += who_pays(case, seen, row.get("paid"), before, used_weight(config, certificates))
    if history:
        sections.append(epochs(history, case.context.target))
    if certificates:
        sections += certificate_sections(certificates)
    sections.append(_receipt_table(receipt))
    damaged = last(run, "damaged")
    if damaged is not None:
        shown = [{"image": line} for line in damaged["images"]]
        sections.append(Table("Images that could not be decoded", [Column("image", "image and reason")], shown))
    Page(
        f"Unlearning {config.forget[place]} by {config.method}",
        verdict_of(found, config.method, len(case.context.forget)),
        sections,
    ).write(run)


def _cards(found: Judgement, config: UnlearnConfig, count: int) -> Cards:
    cards = [
        _gap_card(
            "forgotten samples, accuracy", found.forgotten, f"{count} training samples", bad=found.forgotten.beyond
        ),
        _gap_card("retained, test accuracy", found.kept, "", bad=found.harmed),
    ]
    if found.attacks:
        names = ", ".join(str(gap.row["title"]).removeprefix("attack: ") for gap in found.tell[:3])
        note = f"find something else than on the retrained model{': ' + names if names else ''}"
        tone = "bad" if found.tell else "good"
        compared = found.forgotten.difference is not None
        card = Card("attacks", f"{len(found.tell)} of {len(found.attacks)}", note, tone if compared else "neutral")
        cards.append(card)
    if found.back is not None and found.back.difference is not None:
        row = found.back.row
        note = f"of fine-tuning on a few forgotten samples bring the others back; retrained {row['retrain']:.0f}"
        cards.append(Card("comes back after", f"{row['value']:.0f} steps", note, "bad" if found.soon else "good"))
    if found.stopped is not None:
        cards.insert(0, Card("stopped", "by the guard", found.stopped, "bad"))
    text = (
        f"Method {config.method}. Beside every figure is that of a model retrained without the data: that is the aim."
    )
    return Cards("In short", cards, text)


def _gap_card(label: str, gap: Gap, note: str, *, bad: bool) -> Card:
    row = gap.row
    notes = [note] if note else []
    if gap.difference is not None:
        notes.append(f"retrained {100 * row['retrain']:.1f}%")
    notes.append(f"before {100 * row['original']:.1f}%")
    tone = "neutral" if gap.difference is None else "bad" if bad else "good"
    return Card(label, f"{100 * row['value']:.1f}%", "; ".join(notes), tone)


def _metrics_table(rows: Mapping[str, Row], asked: Sequence[str]) -> Table:
    columns = [
        Column("title", "figure"),
        Column("difference", "minus retrained", "signed"),
        Column("beyond", "beyond chance", "text", "The interval of the difference excludes 0."),
        Column("value", "unlearned", "number", "95% interval", spread=["value_low", "value_high"]),
        Column(
            "retrain",
            "retrained",
            "number",
            "95% interval; of figures that compare with retraining: of a second retrained model",
            spread=["retrain_low", "retrain_high"],
        ),
        Column("aim", "aim"),
        Column("original", "before", "number"),
    ]
    shown: list[dict[str, Any]] = []
    for row in rows.values():
        gap = gap_of(row, small=0.0)
        has = row["value_low"] is not None and gap.difference is not None
        shown.append(
            {
                **{key: row[key] for key in ("title", "value", "retrain", "original")},
                **{key: row[key] for key in ("value_low", "value_high", "retrain_low", "retrain_high")},
                "aim": row["better"] if row["ideal"] is None else f"{row['better']}, ideal {row['ideal']:g}",
                "difference": None if gap.difference is None else gap.difference.value,
                "beyond": "" if not has else "yes" if gap.beyond else "no",
            }
        )
    text = (
        "An attack's figure is good where it equals that of the retrained model, not at .5: a retrained model "
        "too can find the forgotten samples easier or harder than others."
    )
    lacking = [name for name in asked if name not in rows]
    if lacking:
        text += f" Left out, for want of enough samples, of shadow models or of a reference: {', '.join(lacking)}."
    return Table("Figures, what is ideal, and what retraining gives", columns, shown, text)


def _receipt_table(receipt: dict[str, Any]) -> Table:
    rows: list[dict[str, str]] = []

    def put(what: str, value: Any) -> None:
        rows.append({"what": what, "value": str(value)})

    for key in ("model", "weights before", "weights after", "method", "settings", "seed", "started"):
        put(key, receipt[key])
    deletions: Sequence[dict[str, Any]] = receipt["deletions"]
    for number, one in enumerate(deletions, 1):
        prefix = f"deletion {number}: " if len(deletions) > 1 else ""
        for key in ("rule", "scenario", "samples", "steps", "passes over the forget set", "certified steps"):
            put(prefix + key, one[key])
        put(prefix + "sha256 of the ids, sorted", one["ids"]["sha256 of all, sorted"])
        for part, share in one["share of certified steps in which a part gained"].items():
            put(f"{prefix}certified steps in which the part {part} gained", f"{100 * share:.0f}%")
        for name, figure in one["figures"].items():
            if figure.get("attack") or name == "average_gap":
                ends = [end for end in figure["interval"] if end is not None]
                interval = f" ({ends[0]:.3f} to {ends[1]:.3f})" if len(ends) == 2 else ""
                again = "" if figure["retrained"] is None else f", retrained {figure['retrained']:.3f}"
                put(prefix + name, f"{figure['value']:.3f}{interval}{again}")
    columns = [Column("what", "what"), Column("value", "value")]
    return Table(
        "Deletion receipt", columns, rows, "The same as JSON, with the hash of each id: artifacts/receipt.json."
    )
