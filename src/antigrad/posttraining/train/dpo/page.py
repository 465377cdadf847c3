"""The page and the summary of a training on pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.bounds import more, spaced
from antigrad.core.page import Card, Cards, Chart, Column, Page, Section, Table
from antigrad.core.runs import RunFolder
from antigrad.posttraining.train.dpo.columns import FACTOR
from antigrad.posttraining.train.dpo.data import FILE
from antigrad.posttraining.train.dpo.settings import TrainDPOConfig

Row = Mapping[str, Any]
LABELS = {
    "loss": ("loss", "mean over pairs"),
    "logps/chosen": ("log π chosen", "nats a response"),
    "logps/rejected": ("log π rejected", "nats a response"),
    "rewards/chosen": ("reward chosen", "β times the log-ratio to the reference"),
    "rewards/rejected": ("reward rejected", "β times the log-ratio to the reference"),
    "rewards/margins": ("margin", "difference of the rewards"),
    "rewards/accuracies": ("told apart", "share of pairs whose chosen response has the higher reward"),
    "credit/factor": ("λ", "mean factor of rejected responses"),
    "credit/constrained": ("λ < 1", "share of pairs"),
    "grad_norm": ("‖g‖", "gradient norm before clipping"),
}
PROBES = {
    "chosen": "chosen",
    "rejected": "rejected",
    "initial": "the model's own first answer",
    "chosen_paraphrase": "chosen, in other words",
    "other_train": "answer to another prompt",
    "random_sentence": "unrelated sentence",
    "shuffled_chosen": "chosen, words shuffled",
    "random_tokens": "random tokens",
    "argmax_path": "argmax at every place",
    "outside": "mass outside the argmax",
}


def describe(run: RunFolder, config: TrainDPOConfig) -> None:
    """Write page and summary of a finished training.

    Args:
        run: The run.
        config: What was asked.
    """
    train, tests = ([_kept(row) for row in run.ledger.stream(kind)] for kind in ("train", "evaluation"))
    setup = run.ledger.rows("setup")[0]
    held_out, left = _sides_of(run)
    sections: list[Section] = [Cards("In short", _cards(setup, train, tests))]
    sections += [_sides(train, tests, "rewards", "β · nats"), _sides(train, tests, "logps", "nats a response")]
    if any("probe/chosen" in row for row in train):
        sections.append(_probes(train))
    if config.credit != "none":
        sections.append(_factors(train, config))
    if left:
        columns = [Column("row", "row", "integer"), Column("reason", "why"), Column("detail", "what was found")]
        sections.append(Table("Rows left out", columns, left, "No pair is cut: it is taken whole or left out."))
    alarms = [{"step": row["step"], "text": row["text"]} for row in run.ledger.stream("alarm")]
    if alarms:
        sections.append(Table("Alarms", [Column("step", "step", "integer"), Column("text", "what")], alarms))
    sections.append(_steps(train, config.shown))
    figures = _figures(train, tests)
    Page(f"DPO with {config.credit}", _lead(config, figures), sections).write(run, shown=config.shown)
    sizes = {name: value for name, value in setup.items() if name not in ("kind", "parallel")}
    counts = {
        "steps": config.steps,
        "held_out": held_out,
        "excluded": len(left),
    }
    run.write_summary(counts | sizes | figures)


def _kept(row: Row) -> Row:
    # What the page says of a step: a row has twice as much.
    return {key: value for key, value in row.items() if key == "step" or key in LABELS or key.startswith("probe/")}


def _sides_of(run: RunFolder) -> tuple[int, list[dict[str, Any]]]:
    """Count held-out pairs, and gather what was left out.

    Args:
        run: The run.

    Returns:
        How many pairs are held out; the rows that are no pairs.
    """
    held_out, left = 0, list[dict[str, Any]]()
    with run.artifact(FILE).open() as file:
        for line in file:
            row = json.loads(line)
            held_out += row["side"] == "held_out"
            if row["side"] == "excluded":
                left.append(row)
    return held_out, left


def _figures(train: Sequence[Row], tests: Sequence[Row]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if tests:
        for name in ("accuracies", "margins", "chosen", "rejected"):
            figures[f"held_out/{name}"] = tests[-1].get(f"rewards/{name}")
        for side in ("chosen", "rejected"):
            figures[f"held_out/{side}_change"] = tests[-1][f"logps/{side}"] - tests[0][f"logps/{side}"]
    last = next((row for row in reversed(train) if "probe/chosen" in row), None)
    if last is not None:
        figures |= {name: value for name, value in last.items() if name.startswith("probe/")}
    for key in ("loss", "rewards/margins", "credit/factor"):
        values = [row[key] for row in train if key in row]
        if values:
            figures[f"last/{key}"] = values[-1]
    return figures


def _lead(config: TrainDPOConfig, figures: Mapping[str, Any]) -> str:
    text = f"{config.steps} steps of DPO with credit {config.credit}"
    if "held_out/chosen_change" in figures:
        up, down = figures["held_out/chosen_change"], figures["held_out/rejected_change"]
        text += f": held-out chosen responses {up:+.2f} nats, rejected ones {down:+.2f}; "
        text += f"told apart in {figures['held_out/accuracies']:.0%}."
        return text + (" The chosen responses lost likelihood." if up < 0 else "")
    if "probe/chosen" in figures:
        up, down = figures["probe/chosen"], figures["probe/rejected"]
        return f"{text}: probed chosen responses {up:+.2f} nats, rejected ones {down:+.2f}."
    return text + "."


def _cards(setup: Row, train: Sequence[Row], tests: Sequence[Row]) -> list[Card]:
    cards = [Card("Pairs", str(setup["pairs"]), "trained on")]
    if tests:
        for side in ("chosen", "rejected"):
            change = tests[-1][f"logps/{side}"] - tests[0][f"logps/{side}"]
            good = change > 0 if side == "chosen" else change < 0
            cards.append(Card(f"Held-out {side}", f"{change:+.2f}", "nats a response", "good" if good else "bad"))
        cards.append(Card("Told apart", f"{tests[-1]['rewards/accuracies']:.0%}", "held-out pairs"))
    last = next((row for row in reversed(train) if "probe/displaced" in row), None)
    if last is not None:
        share = last["probe/displaced"]
        cards.append(
            Card("Displaced", f"{share:.0%}", "of the probed chosen responses", "bad" if share > 0 else "good")
        )
        cards.append(Card("Argmax path", f"{last['probe/argmax_path']:+.2f}", "nats along the chosen responses"))
    if "factor_mean" in setup:
        note = f"{setup['constrained']:.0%} of pairs below 1"
        cards.append(Card("λ", f"{setup['factor_mean']:.3f}", note))
    if "pvi_negative" in setup:
        cards.append(Card("PVI < 0", f"{setup['pvi_negative']:.0%}", "of rejected responses"))
    return cards


def _line(name: str, rows: Sequence[Row], key: str, mode: str = "lines") -> dict[str, Any]:
    seen = [row for row in rows if key in row]
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [row["step"] for row in seen],
        "y": [row[key] for row in seen],
    }


def _sides(train: Sequence[Row], tests: Sequence[Row], kind: str, unit: str) -> Chart:
    data = [_line(f"{side}, training", train, f"{kind}/{side}") for side in ("chosen", "rejected")]
    if tests:
        data += [
            _line(f"{side}, held out", tests, f"{kind}/{side}", "lines+markers") for side in ("chosen", "rejected")
        ]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": unit}}}
    text = "Both falling together is likelihood displacement: the margin grows, and the chosen responses lose."
    title = "Rewards" if kind == "rewards" else "Log-probabilities"
    return Chart(title, {"data": data, "layout": layout}, text if kind == "rewards" else "")


def _probes(train: Sequence[Row]) -> Chart:
    known = [name for name in PROBES if any(f"probe/{name}" in row for row in train)]
    data = [_line(PROBES[name], train, f"probe/{name}", "lines+markers") for name in known]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "change since the start, nats"}}}
    text = (
        "Change of log-likelihood of responses to the probed prompts, mean over pairs. Squeezing: everything falls but "
        "the argmax path, and the mass outside the argmax falls too."
    )
    return Chart("Where the mass went", {"data": data, "layout": layout}, text)


def _factors(train: Sequence[Row], config: TrainDPOConfig) -> Chart:
    data = [_line("mean λ", train, "credit/factor"), _line("share below 1", train, "credit/constrained")]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "λ, share"}, "range": [0, 1.05]}}
    return Chart(f"Factors by {config.credit}", {"data": data, "layout": layout}, f"Column {FACTOR} of the pairs.")


def _steps(train: Sequence[Row], most: int) -> Table:
    known = [key for key in LABELS if any(key in row for row in train)]
    columns = [Column("step", "step", "integer")]
    columns += [Column(key, LABELS[key][0], "number", LABELS[key][1]) for key in known]
    rows = [{"step": row["step"]} | {key: row.get(key) for key in known} for row in spaced(train, most)]
    text = "Steps at even distances, the last among them." if len(train) > most else ""
    return Table("Steps", columns, rows, text + more(len(train), len(rows), "steps"))
