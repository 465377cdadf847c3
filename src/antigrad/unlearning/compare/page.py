"""What `antigrad unlearn compare` says: who comes nearest to retraining, at what cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from antigrad.attacks.interval import Estimate
from antigrad.core.page import Card, Cards, Chart, Column, Page, Section, Table
from antigrad.core.runs import RunFolder
from antigrad.unlearning.compare.findings import CLOSE, GAP, MODELS, as_near, means, separation, verdict_of
from antigrad.unlearning.compare.rows import outcomes_of, values_of
from antigrad.unlearning.compare.settings import CompareConfig
from antigrad.unlearning.compare.work import ORIGINAL, RETRAIN, TWIN
from antigrad.unlearning.methods import METHODS, VIT_MUL
from antigrad.unlearning.metrics.accuracy import WORDS


def describe(run: RunFolder, config: CompareConfig) -> None:
    """Write the page of a finished run.

    Args:
        run: The run.
        config: Its settings.
    """
    sections: list[Section] = []
    for split, spec in enumerate(config.split):
        suffix = f": {spec}" if len(config.split) > 1 else ""
        gaps = means(run, split, GAP)
        if gaps:
            sections += [_cards(run, split, gaps, suffix), _bars(gaps, suffix)]
        sections += [*_places(run, split, suffix), _table(run, config, split, gaps, suffix)]
    searched = run.ledger.rows("search")
    if searched:
        sections.append(_search_table(searched, config))
    left = run.ledger.rows("left out")
    if left:
        shown = [{"method": row["method"], "reason": row["reason"]} for row in left]
        columns = [Column("method", "method"), Column("reason", "why")]
        sections.append(Table("Methods that do not apply here", columns, shown))
    Page(f"{len(config.compared())} unlearning methods on {config.model}", verdict_of(run, config), sections).write(run)


def _cards(run: RunFolder, split: int, gaps: dict[str, Estimate], suffix: str) -> Cards:
    near = as_near(gaps)
    cards: list[Card] = []
    for name in [name for name in gaps if name not in MODELS][:4]:
        said = "as near as a second retraining" if name in near else "not shown to be as near as a second retraining"
        note = f"{_interval(gaps[name])}; {said}"
        cards.append(Card(name, f"{gaps[name].value:.4f}", note, "good" if name in near else "neutral"))
    if TWIN in gaps:
        cards.append(Card("retraining again", f"{gaps[TWIN].value:.4f}", _interval(gaps[TWIN])))
    text = "Average gap to retraining, over accuracies on retain, forget and test sets and one attack; nearest first."
    apart = separation(run, split)
    if apart is not None and abs(apart[1] - apart[0]) <= CLOSE:
        text += f" AUS does not separate them here: doing nothing has {apart[0]:.3f}, the best method {apart[1]:.3f}."
    return Cards(f"In short{suffix}", cards, text)


def _interval(one: Estimate) -> str:
    return f"{one.low:.4f} to {one.high:.4f}" if math.isfinite(one.low) else "one seed"


def _bars(gaps: dict[str, Estimate], suffix: str) -> Chart:
    names = list(gaps)[::-1]
    error = [gaps[name].high - gaps[name].value for name in names]
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": [gaps[name].value for name in names],
            "error_x": {"type": "data", "array": [one if math.isfinite(one) else 0 for one in error]},
        }
    ]
    layout = {
        "height": 130 + 26 * len(names),
        "xaxis": {"title": {"text": "average gap to retraining"}},
        "yaxis": {"automargin": True},
    }
    return Chart(f"Gap to retraining{suffix}", {"data": data, "layout": layout}, "Lines: 95% intervals over seeds.")


def _places(run: RunFolder, split: int, suffix: str) -> list[Chart]:
    data: list[dict[str, Any]] = []
    found = outcomes_of(run, split)
    kept = "accuracy(on=test_retained)"
    kept = kept if any(values_of(rows, kept) for rows in found.values()) else "accuracy(on=test)"
    for name, rows in found.items():
        stays, again = values_of(rows, kept), name in (RETRAIN, TWIN)
        forget, seconds = values_of(rows, "accuracy(on=forget)"), values_of(rows, "cost(what=seconds)")
        if stays and forget:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "x": [100 * value for value in forget],
                    "y": [100 * value for value in stays],
                    "marker": {"size": 20 if again else 10, "symbol": "star-open" if again else "circle"},
                    "hovertemplate": f"{name}, {_mean(seconds):.2f} s<br>%{{x:.1f}}, %{{y:.1f}}<extra></extra>",
                }
            )
    if not data:
        return []  # one of the two accuracies was not asked for
    layout = {
        "xaxis": {"title": {"text": "accuracy on forgotten samples, %"}, "range": [-5, 105]},
        "yaxis": {"title": {"text": f"{WORDS[kept.partition('=')[2][:-1]]}, %"}},
        "height": 520,
    }
    text = "One point per seed; stars are retrained models, where unlearning should end up."
    return [Chart(f"Accuracy and forgetting{suffix}", {"data": data, "layout": layout}, text)]


def _mean(values: list[float]) -> float:
    return sum(values) / max(1, len(values))


def _table(run: RunFolder, config: CompareConfig, split: int, gaps: Mapping[str, Estimate], suffix: str) -> Table:
    metrics = config.made_metrics()
    columns = [Column("method", "method")]
    for name, metric in sorted(metrics.items(), key=lambda one: one[0] != GAP):
        ideal = "" if metric.ideal is None else f", ideal {metric.ideal:g}"
        help_text = f"{metric.title()}; better: {metric.better}{ideal}"
        columns.append(Column(name, metric.title(), "number", help_text, spread=[f"{name} ±"]))
    rows: list[dict[str, Any]] = []
    columns += [Column("list", "ViT study's list", more=True), Column("stopped", "stopped", "integer")]
    outcomes, nearest = outcomes_of(run, split), list(gaps)
    for name in sorted(outcomes, key=lambda name: nearest.index(name) if name in gaps else len(nearest)):
        found = outcomes[name]
        stopped = sum(row["stopped"] is not None for row in found)
        row: dict[str, Any] = {"method": name, "list": _listed(name), "stopped": stopped}
        for figure in metrics:
            values = values_of(found, figure)
            if values:
                mean = _mean(values)
                spread = (sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)) ** 0.5
                row |= {figure: mean, f"{figure} ±": spread if len(values) > 1 else None}
        rows.append(row)
    text = (
        f"Means over {config.seeds} seeds; ±: standard deviation. Stopped: seeds in which the guard ended the method."
    )
    return Table(f"All figures{suffix}", columns, rows, text)


def _listed(name: str) -> str:
    plain = name.partition("(")[0]
    return "yes" if plain in (*VIT_MUL, ORIGINAL) else "extension" if plain in METHODS.names() else ""


def _search_table(searched: list[dict[str, Any]], config: CompareConfig) -> Table:
    rows = [
        {
            "split": config.split[row["split"]],
            "method": row["method"],
            "factor": one["factor"],
            "gap": one["gap"],
            "steps": one["steps"],
            "seconds": one["seconds"],
            "taken": "yes" if one["factor"] == row["factor"] else "",
            "stopped": one["stopped"] or "",
        }
        for row in searched
        for one in row["tries"]
    ]
    columns = [
        Column("split", "split"),
        Column("method", "method"),
        Column("factor", "factor on the step size", "plain"),
        Column("gap", "average gap", "number"),
        Column("steps", "steps", "integer"),
        Column("seconds", "seconds", "number"),
        Column("taken", "taken"),
        Column("stopped", "stopped"),
    ]
    spent = sum(one["seconds"] for row in searched for one in row["tries"])
    text = (
        f"On a seed of its own, by the gap to a retrained model: a search that cannot be done without retraining. It "
        f"took {spent:.1f} s of unlearning, which the cost of the methods leaves out."
    )
    return Table("Search of the step size", columns, rows, text)
