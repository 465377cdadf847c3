"""The page and the summary of a preflight on pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Card, Cards, Column, Page, Response, Section, Table, Token, TokenGroup, Tokens, Verdict
from antigrad.core.page_bounds import more, within, worst
from antigrad.core.runs import RunFolder
from antigrad.posttraining.diagnose.pairs.findings import PREDICTORS, arm_row, by_arm, order_verdict, predictor_rows
from antigrad.posttraining.diagnose.pairs.settings import DiagnosePairsConfig
from antigrad.posttraining.probes.bootstrap import Resamples

Row = Mapping[str, Any]
ARM_COLUMNS = (
    Column("arm", "rule"),
    Column(
        "gain",
        "Δ − Δ(none)",
        "signed",
        "nats of the chosen answer, paired, relative to none; 95% interval over pairs",
        spread=["gain_low", "gain_high"],
    ),
    Column("displaced", "chosen lost", "percent", "share of pairs"),
    Column(
        "chosen",
        "Δ chosen",
        "signed",
        "nats, mean over pairs; 95% interval over pairs",
        spread=["chosen_low", "chosen_high"],
    ),
    Column("rejected", "Δ rejected", "signed"),
    Column("factor", "mean λ", "number"),
    Column("initial", "Δ greedy answer", "signed", more=True),
    Column("chosen_paraphrase", "Δ paraphrase", "signed", more=True),
    Column("shuffled_chosen", "Δ shuffled chosen", "signed", more=True),
    Column("permuted_chosen", "Δ permuted chosen", "signed", "its characters in reverse", more=True),
    Column("random_sentence", "Δ unrelated", "signed", more=True),
    Column("argmax_gain", "to the argmax", "percent", "share of what the rejected response lost", more=True),
)


def describe(run: RunFolder, config: DiagnosePairsConfig) -> None:
    """Write page and summary of a finished preflight.

    Args:
        run: The run.
        config: What was asked.
    """
    pairs, found = _read(run), by_arm(run.ledger.stream("update", without=("kind",)))
    draws = Resamples(len(pairs), count=2000, level=0.95, seed=config.seed, comparisons=5)  # of the orders
    plain = found["none"]
    arms = [arm_row(arm, found[arm], plain, draws) for arm in config.arms]
    predictors = predictor_rows(pairs, plain, seed=config.seed)
    sections: list[Section] = [Cards("In short", _cards(arms, predictors, pairs))]
    note = f"One update per pair ({config.optimizer}, step {config.step_size:g}) from the same weights under each rule."
    sections.append(Table("What each rule does", ARM_COLUMNS, arms, note))
    sections.append(_pairs(pairs, found, config))
    sections.append(_receipts(run, pairs, plain, config.shown))
    sections.append(_predictors(predictors))
    figures = _figures(arms, predictors, pairs)
    if config.orders:
        section, verdict, more = _orders(found, draws, plain)
        sections.append(section)
        figures |= {"orders_verdict": verdict} | more
    left = run.ledger.one("setup")["excluded"]
    if left:
        columns = [Column("row", "row", "integer"), Column("reason", "why"), Column("detail", "what was found")]
        sections.append(Table("Rows left out", columns, left))
    Page(
        f"Pairs of {config.pairs or config.tasks} under {config.model}", _verdict(arms, pairs, len(left)), sections
    ).write(run, shown=config.shown)
    run.write_summary({"pairs": len(pairs), "excluded": len(left)} | figures)


def _read(run: RunFolder) -> list[dict[str, Any]]:
    # The pairs without their responses, and with the end of a prompt: what the page says of all of them.
    rows = run.ledger.stream("pair", without=("before", "lengths"))
    return [row | {"texts": {"prompt": row["texts"]["prompt"][-2000:]}} for row in rows]


def _verdict(arms: Sequence[Row], pairs: Sequence[Row], excluded: int) -> Verdict:
    none = next(row for row in arms if row["arm"] == "none")
    lost, count = round(none["displaced"] * len(pairs)), len(pairs)
    answer = f"Yes: on {lost} of {count} pairs" if lost else f"No: on none of {count} pairs"
    answer += f" (mean Δ chosen {_signed(none['chosen'])} nats, "
    answer += f"rejected {_signed(none['rejected'])})."
    others = [row for row in arms if row["arm"] != "none" and row["displaced"] < none["displaced"]]
    if not lost:
        advice = "Nothing to fix on these pairs: train with the plain loss."
    elif others:
        best = min(others, key=lambda row: (row["displaced"], row["rejected"]))
        advice = (
            f"Train with '{best['arm']}': {round(best['displaced'] * count)} of {count} chosen answers lose, while "
        )
        advice += f"the rejected ones still move by {_signed(best['rejected'])} nats."
    else:
        advice = "No rule tried leaves fewer: look at the pairs that lose most, or try smaller steps."
    ends = f"{_signed(none['chosen_low'])} to {_signed(none['chosen_high'])}"
    caveats = ["One step per pair is not a training run."]
    if excluded:
        caveats.append(f"{excluded} rows were left out: see the last table.")
    question = "Does one DPO step lower the likelihood of the chosen answer?"
    return Verdict(question, answer, f"95% interval of the mean: {ends}.", advice, caveats, "bad" if lost else "good")


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _cards(arms: Sequence[Row], predictors: Sequence[Row], pairs: Sequence[Row]) -> list[Card]:
    cards = [
        Card(row["arm"], f"{row['displaced']:.0%}", "of chosen answers lose", "bad" if row["displaced"] else "good")
        for row in arms
    ]
    known = [row for row in predictors if not math.isnan(row["rho"])]
    if known:
        best = max(known, key=lambda row: abs(row["rho"]))
        cards.append(Card("Best predictor", best["predictor"], f"rank correlation {best['rho']:+.2f} with the fall"))
    values = [row["pvi"] for row in pairs if row["pvi"] is not None]
    if values:
        cards.append(Card("PVI < 0", f"{sum(value < 0 for value in values) / len(values):.0%}", "of rejected answers"))
    return cards


def _pairs(pairs: Sequence[Row], found: Mapping[str, Mapping[int, Row]], config: DiagnosePairsConfig) -> Table:
    columns = [Column("row", "row", "integer"), Column("prompt", "prompt"), Column("stops", "stopped by")]
    columns += [Column(f"chosen {arm}", f"Δ chosen, {arm}", "signed", "nats") for arm in config.arms]
    columns += [Column("rejected", "Δ rejected, none", "signed", "nats")]
    known = [name for name in PREDICTORS if all(row.get(name) is not None for row in pairs)]
    columns += [Column(name, PREDICTORS[name][0], "number", more=True) for name in known]
    rows: list[dict[str, Any]] = []
    kept = worst(pairs, config.shown, lambda row: found["none"][row["pair"]]["changes"]["chosen"])
    for row in kept:
        changes = {arm: found[arm][row["pair"]]["changes"] for arm in config.arms}
        stops = next((arm for arm in config.arms if changes[arm]["chosen"] >= 0), "none of them")
        text = " ".join(row["texts"]["prompt"].split())
        item: dict[str, Any] = {"row": row["row"], "prompt": text if len(text) < 60 else f"…{text[-58:]}"}
        item |= {"stops": "" if changes["none"]["chosen"] >= 0 else stops, "rejected": changes["none"]["rejected"]}
        item |= {f"chosen {arm}": changes[arm]["chosen"] for arm in config.arms}
        rows.append(item | {name: row[name] for name in known})
    rows.sort(key=lambda item: item["chosen none"])
    text = "Pairs whose chosen answer loses come first. More columns are the predictors: first order is a share of "
    text += "what the chosen answer's own pull alone would give, below 0 where the pair as a whole lowers it."
    return Table("Your pairs", columns, rows, text + more(len(pairs), len(rows), "pairs"))


def _receipts(run: RunFolder, pairs: Sequence[Row], plain: Mapping[int, Row], most: int) -> Tokens:
    # Of the pairs whose chosen response lost most, most first where not all fit.
    chosen = {row["pair"]: row for row in worst(pairs, most, lambda row: plain[row["pair"]]["changes"]["chosen"])}
    places = {row["pair"]: row["places"] for row in run.ledger.stream("receipt") if row["pair"] in chosen}
    order = list(chosen)
    if len(pairs) > len(chosen):
        order.sort(key=lambda pair: plain[pair]["changes"]["chosen"])
    groups = within(_receipt(chosen[pair], places[pair]) for pair in order)
    text = (
        "Every nat that the rejected answer lost under plain DPO, token by token; hover for the tokens that have the "
    )
    text += "mass now. Changes of probability at one place add up to 0. Marked: more than half went to the likeliest "
    text += "other token." + more(len(pairs), len(groups), "pairs")
    return Tokens("The mass receipt", groups, "Δ log π of the token", "mostly to the argmax", text, positive="helps")


def _receipt(row: Row, places: Sequence[Row]) -> TokenGroup:
    tokens: list[Token] = []
    for one in places:
        tip: dict[str, float | str | None] = {"Δ log π": one["change"], "Δ π": one["moved"]}
        tip |= {f"to {word!r}": gain for word, gain in one["gains"]}
        tip |= {"to all others": one["others"], "argmax": repr(one["argmax"]), "to the argmax": one["to_argmax"]}
        tokens.append(Token(one["token"], one["change"], marked=(one["to_argmax"] or 0) > 0.5, tip=tip))
    total = sum(one["change"] for one in places)
    response = Response("rejected", "wrong", tokens, f"{_signed(total)} nats in all")
    text = " ".join(row["texts"]["prompt"].split())
    label = f"row {row['row']}: {text if len(text) < 40 else '…' + text[-38:]}"
    return TokenGroup(label, row["texts"]["prompt"], [response], {"PVI": row["pvi"], "ln-CHES": row["ln_ches"]})


def _predictors(rows: Sequence[dict[str, Any]]) -> Table:
    columns = [
        Column("predictor", "predictor"),
        Column(
            "rho",
            "rank correlation",
            "signed",
            "with the measured fall of the chosen answer under plain DPO; 95% interval over pairs",
            spread=["low", "high"],
        ),
        Column("theory", "sign by theory"),
    ]
    text = "CHES, DPO-Shift and the first order say that similar pairs displace; VPO constrains answers of low PVI."
    return Table("What predicts the fall", columns, rows, text)


def _orders(
    found: Mapping[str, Mapping[int, Row]], draws: Resamples, plain: Mapping[int, Row]
) -> tuple[Table, str, dict[str, Any]]:
    verdict, differences = order_verdict(found, draws)
    rows: list[dict[str, Any]] = []
    for arm in (name for name in found if name.startswith("order: ")):
        row = arm_row(arm.removeprefix("order: "), found[arm], plain, draws)
        other = differences.get(row["arm"])
        if other is not None:
            row |= {"less": other.value, "less_low": other.low, "less_high": other.high}
        rows.append(row)
    columns = [
        Column("arm", "order of the same factors"),
        Column("less", "PVI minus this", "signed", "Δ chosen, paired; 95% interval", spread=["less_low", "less_high"]),
        *(column for column in ARM_COLUMNS if column.key in ("displaced", "chosen", "rejected", "factor")),
    ]
    figures = {f"orders/{row['arm']}/{name}": row[name] for row in rows for name in ("chosen", "rejected", "displaced")}
    title = "Does the rule matter, or only its mean?"
    return Table(title, columns, rows, f"{verdict} One step a pair, not a training."), verdict, figures


def _figures(arms: Sequence[Row], predictors: Sequence[Row], pairs: Sequence[Row]) -> dict[str, Any]:
    figures = {
        f"{row['arm']}/{name}": row[name] for row in arms for name in ("chosen", "rejected", "displaced", "factor")
    }
    figures |= {f"rho/{row['name']}": None if math.isnan(row["rho"]) else row["rho"] for row in predictors}
    values = [row["pvi"] for row in pairs if row["pvi"] is not None]
    return figures | ({"pvi_negative": sum(value < 0 for value in values) / len(values)} if values else {})
