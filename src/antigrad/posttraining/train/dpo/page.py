"""The page and the summary of a training on pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.compact import CompactRows
from antigrad.core.ledger import Ledger
from antigrad.core.page import Card, Cards, Chart, Column, Page, Section, Table, Verdict
from antigrad.core.runs import RunFolder
from antigrad.core.significance import LEAST
from antigrad.posttraining.train.charts import alarms_table, line, steps_table
from antigrad.posttraining.train.dpo.columns import FACTOR
from antigrad.posttraining.train.dpo.data import FILE
from antigrad.posttraining.train.dpo.settings import TrainDPOConfig
from antigrad.posttraining.train.rounds.page import accuracies, accuracy_chart, rounds_table

Row = Mapping[str, Any]
LABELS = {
    "loss": ("loss", "mean over pairs"),
    "logps/chosen": ("log π chosen", "nats per response"),
    "logps/rejected": ("log π rejected", "nats per response"),
    "rewards/chosen": ("reward chosen", "β times the log-ratio to the reference"),
    "rewards/rejected": ("reward rejected", "β times the log-ratio to the reference"),
    "rewards/margins": ("margin", "difference of the rewards"),
    "rewards/accuracies": ("distinguished", "share of pairs whose chosen response has the higher reward"),
    "credit/factor": ("λ", "mean factor of rejected responses"),
    "credit/constrained": ("λ < 1", "share of pairs"),
    "grad_norm": ("‖g‖", "gradient norm before clipping"),
}
COLOURS = {"chosen": "series-1", "rejected": "series-4"}
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
    train, tests = (CompactRows(_kept(row) for row in run.ledger.stream(kind)) for kind in ("train", "evaluation"))
    setup = run.ledger.one("setup")
    rounds = [*run.ledger.stream("round"), *run.ledger.stream("final")]
    held_out, left = _sides_of(run)
    sections: list[Section] = [Cards("In short", _cards(setup, train, tests, in_rounds=bool(rounds)))]
    sections += [_sides(train, tests, "rewards", "β · nats"), _sides(train, tests, "logps", "nats per response")]
    if any("probe/chosen" in row for row in train):
        sections.append(_probes(train))
    if rounds:
        sections += [accuracy_chart(rounds), rounds_table(rounds[:-1], config.shown)]
    if config.credit != "none":
        sections.append(_factors(train, config))
    if left:
        columns = [Column("row", "row", "integer"), Column("reason", "why"), Column("detail", "what was found")]
        sections.append(Table("Rows left out", columns, left, "No pair is cut: it is taken whole or left out."))
    sections += alarms_table(run.ledger.stream("alarm"))
    sections.append(steps_table(train, LABELS, config.shown))
    figures = _figures(train, tests) | accuracies(rounds)
    verdict = _verdict(config, figures, held_out, sum(1 for _ in run.ledger.stream("alarm")))
    Page(f"{_method(config)} with {config.credit}", verdict, sections).write(run, shown=config.shown)
    sizes = {name: value for name, value in setup.items() if name not in ("kind", "parallel")}
    counts = {
        "steps": config.steps,
        "held_out": held_out,
        "excluded": len(left),
    }
    run.write_summary(counts | sizes | figures | ({"rounds": len(rounds) - 1} if rounds else {}))


def _kept(row: Row) -> dict[str, Any]:
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
    for row in Ledger(run.artifact(FILE)):
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


def _method(config: TrainDPOConfig) -> str:
    kinds = config.trl.get("loss_type") or []
    return config.loss or " + ".join([kinds] if isinstance(kinds, str) else kinds) or "DPO"


def _verdict(config: TrainDPOConfig, figures: Mapping[str, Any], pairs: int, alarms: int) -> Verdict:
    question = f"Did {_method(config)} with '{config.credit}' keep the chosen responses?"
    caveats = [f"{config.steps} steps" + (f", pairs resampled every {config.refresh}." if config.refresh else ".")]
    if alarms:
        caveats.insert(0, f"{alarms} alarms: see the table.")
    if "held_out/chosen_change" in figures:
        up, down = figures["held_out/chosen_change"], figures["held_out/rejected_change"]
        which, sure = "held-out", f"{pairs} held-out pairs, distinguished in {figures['held_out/accuracies']:.0%}."
    elif "probe/chosen" in figures:
        up, down = figures["probe/chosen"], figures["probe/rejected"]
        which, sure = "probed", f"Displaced: {figures.get('probe/displaced', 0):.0%} of the probed chosen responses."
    else:
        answer = "Not measured: no pair was held out or probed."
        return Verdict(question, answer, "", "Hold out pairs (--held_out) to measure it.", caveats)
    few = which == "held-out" and pairs < LEAST
    sign = "Not settled" if few else "Yes" if up > 0 else "No" if up < 0 else "They did not move"
    answer = f"{sign}: {which} chosen responses changed by {up:+.2f} nats, rejected ones by {down:+.2f}."
    answer = answer.replace(" -", " −")
    if up < 0:
        advice = "Try `--credit vpo`, or ask `antigrad diagnose pairs` which rule stops it on your pairs."
        if config.credit != "none":
            advice = "This rule did not stop it: ask `antigrad diagnose pairs` which does on your pairs."
    else:
        advice = "Nothing to fix here: keep it, and compare it with `antigrad evaluate`."
    if few:
        advice = f"Hold out {LEAST} pairs or more (--held_out) before relying on it."
    tone = "neutral" if few or not up else "good" if up > 0 else "bad"
    return Verdict(question, answer, sure, advice, caveats, tone)


def _cards(setup: Row, train: Sequence[Row], tests: Sequence[Row], *, in_rounds: bool) -> list[Card]:
    cards = [Card("Pairs", str(setup["pairs"]), "of the first round" if in_rounds else "trained on")]
    if tests:
        for side in ("chosen", "rejected"):
            change = tests[-1][f"logps/{side}"] - tests[0][f"logps/{side}"]
            good = change > 0 if side == "chosen" else change < 0
            cards.append(Card(f"Held-out {side}", f"{change:+.2f}", "nats per response", "good" if good else "bad"))
        cards.append(Card("Distinguished", f"{tests[-1]['rewards/accuracies']:.0%}", "held-out pairs"))
    last = next((row for row in reversed(train) if "probe/displaced" in row), None)
    if last is not None:
        share = last["probe/displaced"]
        cards.append(
            Card("Displaced", f"{share:.0%}", "of the probed chosen responses", "bad" if share > 0 else "good")
        )
        cards.append(Card("Argmax path", f"{last['probe/argmax_path']:+.2f}", "nats along the chosen responses"))
    if "factor_mean" in setup:
        note = f"{setup['constrained']:.0%} of pairs below 1" if setup["constrained"] else "no pair is down-weighted"
        cards.append(Card("λ", f"{setup['factor_mean']:.3f}", note))
    if "pvi_negative" in setup:
        cards.append(Card("PVI < 0", f"{setup['pvi_negative']:.0%}", "of rejected responses"))
    return cards


def _sides(train: Sequence[Row], tests: Sequence[Row], kind: str, unit: str) -> Chart:
    data = [_coloured(line(f"{side}, training", train, f"{kind}/{side}"), side) for side in ("chosen", "rejected")]
    if tests:
        for side in ("chosen", "rejected"):
            trace = line(f"{side}, held out", tests, f"{kind}/{side}", "lines+markers")
            data.append(_coloured(trace, side, dash="dot"))
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": unit}}}
    text = "Both falling together is likelihood displacement: the margin grows, and the chosen responses lose."
    title = "Rewards" if kind == "rewards" else "Log-probabilities"
    return Chart(title, {"data": data, "layout": layout}, text if kind == "rewards" else "")


def _coloured(trace: dict[str, Any], side: str, **look: str) -> dict[str, Any]:
    # Chosen and rejected have one colour each in all charts; the report colours the others.
    if side not in COLOURS:
        return trace
    return trace | {"line": {"color": COLOURS[side], **look}, "marker": {"color": COLOURS[side]}}


def _probes(train: Sequence[Row]) -> Chart:
    known = [name for name in PROBES if any(f"probe/{name}" in row for row in train)]
    data = [_coloured(line(PROBES[name], train, f"probe/{name}", "lines+markers"), name) for name in known]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "change since the start, nats"}}}
    text = (
        "Change of log-likelihood of responses to the probed prompts, mean over pairs. Squeezing: everything falls but "
        "the argmax path, and the mass outside the argmax falls too."
    )
    return Chart("Where the mass went", {"data": data, "layout": layout}, text)


def _factors(train: Sequence[Row], config: TrainDPOConfig) -> Chart:
    data = [line("mean λ", train, "credit/factor"), line("share below 1", train, "credit/constrained")]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "λ, share"}, "range": [0, 1.05]}}
    return Chart(
        f"Factors by {config.credit}",
        {"data": data, "layout": layout},
        f"The factor λ on the rejected response of each pair: column `{FACTOR}` of the pairs.",
    )
