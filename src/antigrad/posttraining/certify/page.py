"""The certificate of a fine-tune in figures and words: its summary, and the page the report draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from antigrad.core.files import is_there
from antigrad.core.page import Card, Cards, Chart, Column, Page, Section, Table, Verdict
from antigrad.core.runs import RunFolder
from antigrad.geometry.evidence import THRESHOLD
from antigrad.geometry.page.charts import RUNGS, number
from antigrad.geometry.page.layers import heat_map
from antigrad.posttraining.certify.figures import SUM
from antigrad.posttraining.certify.settings import CertifyConfig

Row = Mapping[str, Any]

MEANINGS = {
    "up": "what should have become likelier; its loss is the mean −log π of a response's token",
    "down": "what should have become less likely; its loss is the mean +log π of a response's token",
    "anchor": "what should have stayed; its loss is the mean −log π of a response's token",
    SUM: "the parts together, the down part at its weight",
}
ROLES = {
    "training": "The move was made from this very data: the figures flatter it.",
    "held_out": "The data is held out: the move was not made from it.",
    "unknown": "It was not said whether the move was made from this data (--data_role); if so, the figures flatter.",
}
CAVEATS = (
    "The gradients are those of the model before. For a long move the first-order effect and the measured drop can "
    "differ, even in sign: trust the measured one; the first-order effect says where the move was heading.",
    "That a certificate exists says little; see how far the move is turned, in which layers, and for which part. κ of "
    "the whole move is its cosine again, and one layer can game it.",
    "ψ depends on the coordinates of the weights (an adapter is certified in those of the merged model).",
    "That the move went where you asked does not mean that asking was wise.",
)
_WORST = 10
_CERTIFICATE = (
    "effective",
    "cos",
    "t",
    "z",
    "psi",
    *RUNGS.values(),
    "granularity",
    "blocks_against",
    "step_share_against",
)
_DROPS = ("drop_predicted", "drop_measured", "drop_t", "cos_disc", "loss_before", "loss_after", "moved_fraction")
_DATA = ("agreement", "noise_share", "rows", "tokens", "left_out", "ends_added")


def describe(run: RunFolder, config: CertifyConfig) -> None:
    """Write the page and the summary of a finished certificate.

    Args:
        run: The run, with all its rows.
        config: What was asked.
    """
    rows = {row["part"]: row for row in run.ledger.rows("move")}
    window, setup = run.ledger.one("window"), run.ledger.one("setup")
    sections: list[Section] = [
        Cards("In short", _cards(rows, setup, config)),
        _drop_chart(rows),
        _part_table(rows),
        _layer_map(rows),
        _worst_table(rows),
        _ladder_chart(rows),
    ]
    if window["window_from"] is not None:
        sections.insert(3, _window_section(window))
    Page(f"From {_name(config.before)} to {_name(config.after)}", _verdict(rows, window, config), sections).write(run)
    run.write_summary(_summary(rows, window, setup, config))


def _name(model: str) -> str:
    # A folder by its own name: where it lies on this machine is in the configuration.
    return Path(model).name if is_there(model) else model


def _summary(rows: Mapping[str, Row], window: Row, setup: Row, config: CertifyConfig) -> dict[str, Any]:
    figures: dict[str, Any] = {"data_role": config.data_role, "moved": setup["moved"], "still": len(setup["still"])}
    for part, row in rows.items():
        figures |= {f"{key}/{part}": row[key] for key in (*_CERTIFICATE, *_DROPS, *_DATA) if key in row}
    figures |= {key: window[key] for key in ("down_weight", "lambda_lo", "lambda_hi", "safe_weight")}
    return figures


def _verdict(rows: Mapping[str, Row], window: Row, config: CertifyConfig) -> Verdict:
    parts = {part: row for part, row in rows.items() if part != SUM}
    tones = {part: _tone(row) for part, row in parts.items()}
    bad = [part for part, tone in tones.items() if tone == "bad"]
    open_ = [part for part, tone in tones.items() if tone == "neutral"]
    head = "No" if bad else "Not settled" if open_ else "Yes"
    answer = f"{head}: {'; '.join(f'{part} {_outcome(part, row)}' for part, row in parts.items())}."
    low, high, used = window["lambda_lo"], window["lambda_hi"], window["down_weight"]
    if not bad:
        advice = "Take more rows (--max_rows) to settle it." if open_ else "Nothing to fix: every part gained."
    elif low is not None and not low < used < high:
        advice = f"Train again with a weight of the down part between {_plain(low)} and {_plain(high)}; it was "
        advice += f"{_plain(used)}."
    else:
        advice = f"See which layers go against {', '.join(bad)}: Worst layers, below."
    other = [part for part, row in parts.items() if row["drop_predicted"] * row["drop_measured"] < 0 and _sure(row)]
    caveats = [ROLES[config.data_role], *CAVEATS]
    if other:
        text = f"The first-order effect has the other sign for {', '.join(other)}: the move is long, or curved."
        caveats.insert(0, text)
    known = [f"{part} {_signed(row['drop_t'])}" for part, row in parts.items() if row.get("drop_t") is not None]
    sure = f"t over the rows: {', '.join(known)}; beyond ±{THRESHOLD:g} is more than chance." if known else ""
    tone = "bad" if bad else "neutral" if open_ else "good"
    return Verdict("Did the move improve every part of the data?", answer, sure, advice, caveats, tone)


def _sure(row: Row) -> bool:
    return all(abs(row.get(key) or 0.0) > THRESHOLD for key in ("t", "drop_t"))


def _outcome(part: str, row: Row) -> str:
    drop = row["drop_measured"]
    word = "improved" if drop > 0 else "got worse" if drop < 0 else "did not change"
    doubt = "" if abs(row.get("drop_t") or 0.0) > THRESHOLD else ", indistinguishable from chance"
    # The loss of what is pushed down is +log π, that of the others −log π: a reader knows likelihoods.
    before, after = (row[key] if part == "down" else -row[key] for key in ("loss_before", "loss_after"))
    return f"{word} (mean log π per token {_plain(before)} to {_plain(after)}{doubt})"


def _tone(row: Row) -> Literal["good", "bad", "neutral"]:
    if not abs(row.get("drop_t") or 0.0) > THRESHOLD:
        return "neutral"
    return "good" if row["drop_measured"] > 0 else "bad"


def _cards(rows: Mapping[str, Row], setup: Row, config: CertifyConfig) -> list[Card]:
    verdicts = {"yes": "down its slope", "no": "up its slope", "unresolved": "indistinguishable from chance"}
    cards = [
        Card(
            f"Part {part}",
            f"{row['drop_measured']:+.3g}".replace("-", "−"),
            f"drop of its loss, measured; first order {_signed(row['drop_predicted'])}; "
            f"cos ψ {_signed(row['cos'])}, {verdicts[row['effective']]}",
            _tone(row),
        )
        for part, row in rows.items()
    ]
    cards.append(Card("Data", config.data_role.replace("_", " "), "whether the move was made from this data"))
    one = next(iter(rows.values()))
    moved, still = setup["moved"], len(setup["still"])
    note = f"of {moved + still} tensors; in them {one['moved_fraction']:.1%} of the weights with a gradient"
    cards.append(Card("Tensors that moved", str(moved), note))
    return cards


def _drop_chart(rows: Mapping[str, Row]) -> Chart:
    bars = {"measured": "drop_measured", "first order": "drop_predicted"}
    data = [
        {"type": "bar", "name": name, "x": list(rows), "y": [row[key] for row in rows.values()]}
        | {"hovertemplate": "%{x}<br>%{y:+.4g} nats per token<extra>" + name + "</extra>"}
        for name, key in bars.items()
    ]
    layout = {"barmode": "group", "yaxis": {"title": {"text": "drop of the loss, nats per token"}, "zeroline": True}}
    text = "Above zero the part improved: up and anchor became likelier, down less likely. First order is y·Δ, with "
    text += "the gradient of the model before; measured is the loss before minus the loss after on the same rows."
    return Chart("What the move did to each part", {"data": data, "layout": layout | {"height": 360}}, text)


def _part_table(rows: Mapping[str, Row]) -> Table:
    columns = [
        Column("part", "part", help="; ".join(f"{part}: {text}" for part, text in MEANINGS.items() if part in rows)),
        Column("drop_measured", "drop", "signed", "loss before minus loss after"),
        Column("drop_t", "t of the drop", "signed", "the measured drop over its standard error over the rows"),
        Column("drop_predicted", "first order", "signed", "y·Δ"),
        Column("effective", "down the slope", help="unresolved: the rows differ too much for the sign of y·Δ"),
        Column(
            "t", "t", "signed", "y·Δ over its standard error over the rows; beyond ±3 it is distinguishable from chance"
        ),
        Column("cos", "cos ψ", "signed", "between the move and the negative gradient"),
        Column("blocks_against", "layers against", "percent", "share of layers that go up the part's loss"),
        Column("rows", "rows", "integer", "rows with a token to score"),
        Column("tokens", "tokens", "integer", "tokens that were scored", True),
        Column("loss_before", "loss before", "number", "nats per token", True),
        Column("loss_after", "loss after", "number", "nats per token", True),
        Column("degrees", "ψ°", "number", "90 is across, 180 straight against", True),
        Column(
            "degrees_disc", "ψ° finite", "number", "of the finite step, by the measured drop; below 90: it fell", True
        ),
        *(Column(key, f"κ {rung}", "number", "least condition number; ∞: none", True) for rung, key in RUNGS.items()),
        Column("step_share_against", "|Δ|² against", "percent", "their share of the squared length of the move", True),
        Column("agreement", "halves agree", "signed", "cosine between the gradients of two halves of the rows", True),
        Column("noise_share", "noise", "percent", "share of |y|² that is the choice of rows", True),
        Column("cos_one", "cos, half 1", "signed", "of the move with the gradient of one half alone", True),
        Column("cos_two", "cos, half 2", "signed", more=True),
        Column("left_out", "left out", "integer", "rows with nothing to score within the longest length", True),
        Column(
            "ends_added", "ends added", "integer", "responses behind whose text an end-of-sequence token was put", True
        ),
    ]
    lines: list[dict[str, Any]] = []
    for part, row in rows.items():
        line = dict(row) | {"degrees": math.degrees(row["psi"]), "degrees_disc": math.degrees(row["psi_disc"])}
        line |= dict(zip(("cos_one", "cos_two"), row.get("cos_halves") or (None, None), strict=True))
        lines.append({"part": part} | {column.key: line.get(column.key) for column in columns[1:]})
    known = {key for line in lines for key, value in line.items() if value is not None}
    text = (
        "Two halves of the rows that hardly agree mean that the gradient is mostly noise: take more rows (--max_rows). "
    )
    text += "Tensors that did not move take no part in the certificate."
    return Table("The parts", [column for column in columns if column.key in known], lines, text)


def _layer_map(rows: Mapping[str, Row]) -> Chart:
    names = list(dict.fromkeys(name for row in rows.values() for name in row["block_cos"]))
    cosines = {name: [number(row["block_cos"].get(name)) for row in rows.values()] for name in names}
    text = "Blue: the move goes down the part's loss in that layer. Orange: against it. Blank: no gradient there. "
    text += "Layers are in the order of the model; those that did not move are left out."
    return heat_map("Each layer and part", cosines, list(rows), text, hover="part")


def _worst_table(rows: Mapping[str, Row]) -> Table:
    lines: list[dict[str, Any]] = []
    for part, row in rows.items():
        known = [(value, name) for name, cosine in row["block_cos"].items() if (value := number(cosine)) is not None]
        for value, name in sorted(known)[:_WORST]:
            line = {"part": part, "name": name, "cos": value, "drop": row["layer_drop"][name]}
            lines.append(line | {"share": row["layer_share"][name]})
    columns = [
        Column("part", "part"),
        Column("name", "layer"),
        Column("cos", "cos ψ", "signed"),
        Column("drop", "drop it brought", "signed", "first-order drop of the part's loss by this layer alone"),
        Column("share", "share of |Δ|²", "percent", "how much of the move is in this layer"),
    ]
    text = f"The {_WORST} least aligned layers of each part. A small share of |Δ|² with a bad cosine does little harm."
    return Table("Worst layers", columns, lines, text)


def _ladder_chart(rows: Mapping[str, Row]) -> Chart:
    rungs = {rung: key for rung, key in RUNGS.items() if any(row.get(key) is not None for row in rows.values())}
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": part, "x": list(rungs), "connectgaps": False}
        | {"y": [number(row.get(key)) for key in rungs.values()]}
        | {"hovertemplate": "%{x}<br>κ %{y:.4g}<extra>" + part + "</extra>"}
        for part, row in rows.items()
    ]
    layout = {"xaxis": {"type": "category", "categoryarray": list(rungs), "title": {"text": "blocks"}}}
    layout |= {"yaxis": {"type": "log", "title": {"text": "least κ"}, "tickformat": "~g"}, "height": 360}
    said = [f"{part}: {row['granularity'] or 'none'}" for part, row in rows.items()]
    text = "The least condition number of a symmetric positive definite matrix that turns the negative gradient into "
    text += "the move, with one bound for all blocks; a rung without a point has none. Finest rung with one: "
    text += f"{'; '.join(said)}. Rows of tokens that the data does not hold move without a gradient, so row and "
    text += "coordinate certificates of a whole fine-tune rarely exist; that is no alarm."
    return Chart("The ladder of κ", {"data": data, "layout": layout}, text)


def _window_section(window: Row) -> Cards:
    words = {
        "least_kappa": "the matrix of least κ that turns the gradient of the sum into the move",
        "euclidean": "plain gradients: the move does not go down the sum, so there is no such matrix",
    }
    text = "Weights λ of the down part at which, to first order from the model before, every part would have gained. "
    text += f"Computed with {words[window['window_from']]}. It assumes that the same matrix would have "
    text += "served another weight; a new run would bring its own."
    low, high, used = window["lambda_lo"], window["lambda_hi"], window["down_weight"]
    asked = Card("Weight asked for", _plain(used), "--down_weight")
    if low is None:
        return Cards("Weight of the down part", [asked, Card("Weights that serve all", "none", tone="bad")], text)
    tone = "good" if low < used < high or used == low == 0 else "bad"
    cards = [
        Card("Weight asked for", _plain(used), "inside" if tone == "good" else "outside", tone),
        Card("From", _plain(low), "below it some part loses ground"),
        Card("To", _plain(high), "above it some part loses ground"),
        Card("In the middle", _plain(window["safe_weight"]), "geometric mean, where both ends are there"),
    ]
    return Cards("Weight of the down part", cards, text)


def _plain(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.4g}".replace("-", "−")


def _signed(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:+.3g}".replace("-", "−")
