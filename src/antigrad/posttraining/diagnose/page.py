"""The preflight in figures and words: its summary, and the page the report draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core import RunFolder
from antigrad.core.compact import CompactRows
from antigrad.core.page import Card, Cards, Chart, Column, Page, Section, Table
from antigrad.core.page_bounds import more, worst
from antigrad.language.tasks.asked import name_of
from antigrad.posttraining.diagnose.findings import arm_table, mean_and_error, ranking
from antigrad.posttraining.diagnose.settings import DiagnoseConfig
from antigrad.posttraining.diagnose.token_page import WorstTokens, token_section
from antigrad.posttraining.diagnose.verdict import signed, verdict_of

Row = Mapping[str, Any]


def describe(run: RunFolder, config: DiagnoseConfig) -> None:
    """Write the summary and the page of a finished preflight.

    Args:
        run: The run, with all its rows.
        config: What was asked.
    """
    tokens = WorstTokens(config.shown)
    asked = _asked(run, tokens)
    updates = CompactRows(run.ledger.stream("update", without=("kind", "parts", "deltas_wrong")))
    mixed = [row for row in asked if row["status"] == "mixed"]
    baseline = "none" if "none" in config.arms else config.arms[0]
    table = arm_table(updates, baseline, config.epsilon)
    ranks = {size: ranking(mixed, updates, baseline, size) for size in config.step_sizes}
    change = _changes(updates, baseline, max(config.step_sizes))
    shown = _worst(mixed, config.shown, change)
    sections: list[Section] = [Cards("In short", _cards(asked, mixed, table, baseline, config))]
    if mixed:
        sections += [
            _displaced_chart(table, config),
            *(_delta_chart(mixed, updates, config, size, change) for size in sorted(config.step_sizes, reverse=True)),
            _step_chart(table, config),
            _arm_section(table, baseline),
            token_section(_whole(run, shown, change), config, len(mixed)),
            tokens.table(),
            _ranking_section(mixed, updates, baseline, ranks),
            _update_section(asked, updates, config.shown),
        ]
    sections.append(_question_section(_worst(asked, config.shown, change), len(asked)))
    verdict = verdict_of(asked, mixed, table, baseline)
    Page(f"Preflight of {config.model} on {config.tasks}", verdict, sections).write(run, shown=config.shown)
    run.write_summary(_summary(asked, mixed, table, ranks))


HEAVY = ("prompt", "responses", "anchors_inclusive", "anchors_others", "nthr_arms")
"""What is most of a ledger, and on the page of few questions only."""


def _asked(run: RunFolder, tokens: WorstTokens) -> list[Row]:
    """Read the questions, and keep of each what the page says of all.

    Args:
        run: The run.
        tokens: Looks at the responses on the way.

    Returns:
        The last row of each question: one that failed may be tried again.
    """
    found: dict[int, Row] = {}
    for row in run.ledger.stream("question"):
        if row["status"] == "mixed":
            tokens.add(row)
        facts = {"responses": len(row.get("responses", ())), "text": row["text"][:200]}
        found[row["question"]] = {key: value for key, value in row.items() if key not in HEAVY} | facts
    return list(found.values())


def _whole(run: RunFolder, rows: Sequence[Row], change: Mapping[int, float]) -> list[dict[str, Any]]:
    """Read mixed questions with their responses.

    Args:
        run: The run.
        rows: Which.
        change: Δ by question.

    Returns:
        Their rows, those whose correct responses lost most first.
    """
    wanted = {row["question"] for row in rows}
    found = [row for row in run.ledger.stream("question") if row["question"] in wanted and row["status"] == "mixed"]
    return sorted(found, key=lambda row: change.get(row["question"], math.inf))


def _changes(updates: Sequence[Row], arm: str, size: float) -> dict[int, float]:
    return {
        row["question"]: row["delta_correct"]
        for row in updates
        if (row["arm"], row["step_size"]) == (arm, size) and row["error"] is None
    }


def _worst(rows: Sequence[Row], most: int, change: Mapping[int, float]) -> list[Row]:
    # Those whose correct responses lost most.
    return worst(rows, most, lambda row: change.get(row["question"], math.nan))


def _summary(
    asked: Sequence[Row], mixed: Sequence[Row], table: Sequence[Row], ranks: Mapping[float, Row]
) -> dict[str, Any]:
    figures: dict[str, Any] = {"questions": len(asked), "mixed": len(mixed)}
    for status in ("all correct", "all wrong", "failed"):
        figures[status.replace(" ", "_")] = sum(row["status"] == status for row in asked)
    figures["truncated_responses"] = sum(row.get("truncated", 0) for row in asked)
    figures["mean_reward"] = _reward(asked)
    for anchor in ("inclusive", "others"):
        figures[f"selected_share/{anchor}"] = _selected(mixed, anchor)
    for line in table:
        name = f"{line['arm']}@{line['step_size']:g}"
        for key in (
            "lld_share",
            "lld_response_share",
            "delta_correct",
            "delta_correct_se",
            "delta_wrong",
            "delta_greedy",
            "entropy_change",
        ):
            figures[f"{key}/{name}"] = line[key]
    for size, rank in ranks.items():
        for key in ("overlap", "by_chance", "rank_correlation", "rank_correlation_responses"):
            figures[f"gwhes_{key}@{size:g}"] = rank[key]
    return figures


def _cards(
    asked: Sequence[Row], mixed: Sequence[Row], table: Sequence[Row], baseline: str, config: DiagnoseConfig
) -> list[Card]:
    size = max(config.step_sizes)
    cards = [
        Card(
            "Mixed groups",
            f"{len(mixed)} of {len(asked)}",
            "have correct and wrong answers; only they can be trained on",
        ),
        Card("Mean reward", f"{_reward(asked):.0%}", f"of {config.rollouts} answers per question"),
    ]
    for line in table:
        if line["step_size"] == size and line["arm"] == baseline and line["questions"]:
            lost, count = round(line["lld_share"] * line["questions"]), line["questions"]
            share = line["lld_response_share"]
            note = f"lost likelihood under '{baseline}', step {size:g}; averaged over a question's answers, "
            note += f"{lost or 'none'} of the {count} questions did"
            cards.append(Card("Correct answers displaced", f"{share:.0%}", note, "bad" if share or lost else "good"))
    if mixed:
        shares = f"{_selected(mixed, 'inclusive'):.1%} / {_selected(mixed, 'others'):.1%}"
        cards.append(Card("Wrong tokens NTHR would down-weight", shares, "β = 1, anchor inclusive / others"))
    return cards


def _displaced_chart(table: Sequence[Row], config: DiagnoseConfig) -> Chart:
    data: list[dict[str, Any]] = []
    arms = list(config.arms)[::-1]  # horizontal bars begin at the bottom
    for size in sorted(config.step_sizes):
        lines = {line["arm"]: line for line in table if line["step_size"] == size}
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"step {size:g}",
                "y": arms,
                "x": [lines[arm]["lld_response_share"] if arm in lines else None for arm in arms],
                "marker": {"color": "ink" if size == max(config.step_sizes) else "muted"},
                "hovertemplate": "%{y}<br>%{x:.1%}",
                "texttemplate": "%{x:.0%}",  # no bar is an answer too
                "textposition": "outside",
                "cliponaxis": False,
            }
        )
    most = max((line["lld_response_share"] for line in table if line["questions"]), default=0.0)
    layout = {"barmode": "group", "height": 130 + 40 * len(arms), "yaxis": {"type": "category", "automargin": True}}
    layout |= {
        "xaxis": {"title": {"text": "of the correct answers"}, "tickformat": ".0%", "range": [0, max(1.1 * most, 0.05)]}
    }
    layout |= {"legend": {"traceorder": "reversed"}}
    text = "Share of the distinct correct answers whose likelihood one update lowered. Copies of an answer count once."
    return Chart("Correct answers displaced, by rule", {"data": data, "layout": layout}, text)


def _delta_chart(
    mixed: Sequence[Row], updates: Sequence[Row], config: DiagnoseConfig, size: float, change: Mapping[int, float]
) -> Chart:
    # The same order at every step size: that of the largest under the baseline.
    order = sorted((row["question"] for row in mixed), key=lambda question: change.get(question, 0.0))[: config.shown]
    shown = set(order)
    here = {
        (row["question"], row["arm"]): row
        for row in updates
        if row["question"] in shown and row["step_size"] == size and row["error"] is None
    }
    names = {row["question"]: name_of(row) for row in mixed if row["question"] in shown}
    data: list[dict[str, Any]] = []
    for arm in config.arms:
        known = [question for question in order if (question, arm) in here]
        rows = [here[question, arm] for question in known]
        data.append(
            {
                "type": "bar",
                "name": arm,
                "x": [names[question] for question in known],
                "y": [row["delta_correct"] for row in rows],
                "customdata": [[row["delta_wrong"], row["delta_greedy"]] for row in rows],
                "hovertemplate": "%{x}<br>Δ correct %{y:.4f}<br>Δ wrong %{customdata[0]:.4f}"
                "<br>Δ greedy %{customdata[1]:.4f}<extra>" + arm + "</extra>",
            }
        )
    layout = {"barmode": "group", "xaxis": {"title": {"text": "question"}, "type": "category"}}
    layout |= {"yaxis": {"title": {"text": "Δ(x), nats"}, "zeroline": True}}
    text = (
        "Mean change of ln π of the correct answers by one update, each from the same starting weights. Below zero the "
    )
    text += "update lowered its own correct answers (Lazy Likelihood Displacement)."
    text += " The order is the same at every step size: those that lost most come first." + more(
        len(mixed), len(order), "questions"
    )
    return Chart(f"Δ per question and rule, step size {size:g}", {"data": data, "layout": layout}, text)


def _step_chart(table: Sequence[Row], config: DiagnoseConfig) -> Chart:
    data: list[dict[str, Any]] = []
    for arm in config.arms:
        lines = sorted((line for line in table if line["arm"] == arm), key=lambda line: line["step_size"])
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": arm,
                "x": [line["step_size"] for line in lines],
                "y": [line["delta_correct"] for line in lines],
                "error_y": {"type": "data", "array": [line["delta_correct_se"] for line in lines], "thickness": 1},
            }
        )
    ticks = {"tickvals": config.step_sizes, "ticktext": [f"{size:g}" for size in config.step_sizes]}
    layout = {
        "xaxis": {"type": "log", "title": {"text": "step size"}, **ticks},
        "yaxis": {"title": {"text": "mean Δ(x), nats"}},
    }
    text = "Mean over questions with its standard error. If lines cross, the picture depends on the step size."
    return Chart("How the picture changes with the step", {"data": data, "layout": layout}, text)


def _arm_section(table: Sequence[Row], baseline: str) -> Table:
    columns = [
        Column("arm", "rule"),
        Column(
            "against_baseline",
            f"Δ − Δ({baseline})",
            "signed",
            f"nats, paired by question, relative to {baseline}; ± one standard error over questions",
            spread=["against_baseline_se"],
        ),
        Column("step_size", "step size", "plain"),
        Column("lld_response_share", "answers displaced", "percent", "share of distinct correct answers"),
        Column(
            "lld_share", "questions displaced", "percent", "share of questions whose correct answers lost on average"
        ),
        Column(
            "delta_correct",
            "Δ correct",
            "signed",
            "nats, mean over questions ± one standard error",
            spread=["delta_correct_se"],
        ),
        Column("better_than_baseline", "better on", "integer", f"questions with a higher Δ than under {baseline}"),
        Column("delta_wrong", "Δ wrong", "signed", "mean over questions: what the update was meant to push down"),
        Column("questions", "questions", "integer", more=True),
        Column("delta_greedy", "Δ greedy", "signed", "the greedy answer, where it is none of the sampled ones", True),
        Column(
            "greedy_held_out", "greedy unseen", "integer", "questions whose greedy answer was not sampled too", True
        ),
        Column("entropy_change", "Δ entropy", "signed", "nats per token, on the sampled answers", True),
        Column(
            "weakened_share", "down-weighted", "percent", "share of wrong tokens whose weight the rule lowered", True
        ),
    ]
    return Table("Which rule fixes it", columns, [dict(line) for line in table])


def _ranking_section(mixed: Sequence[Row], updates: Sequence[Row], baseline: str, ranks: Mapping[float, Row]) -> Chart:
    data: list[dict[str, Any]] = []
    for size in ranks:
        change = {
            row["question"]: row["delta_correct"]
            for row in updates
            if row["arm"] == baseline and row["step_size"] == size and row["error"] is None
        }
        rows = [row for row in mixed if row["question"] in change]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"step {size:g}",
                "x": [mean_and_error(row["gwhes"])[0] for row in rows],
                "y": [change[row["question"]] for row in rows],
                "text": [name_of(row) for row in rows],
                "hovertemplate": "%{text}<br>GWHES %{x:.3f}<br>Δ %{y:.4f}",
            }
        )
    said = [
        f"step {size:g}: of the {rank['top']} questions with the highest GWHES {_percent(rank['overlap'])} are among "
        f"the {rank['top']} with the lowest Δ ({_percent(rank['by_chance'])} by chance); rank correlation of −GWHES "
        f"with Δ {signed(rank['rank_correlation'])} over questions, "
        f"{signed(rank['rank_correlation_responses'])} over answers"
        for size, rank in ranks.items()
    ]
    text = "GWHES is the theory's prediction of displacement: high should mean low Δ. " + "; ".join(said) + "."
    layout = {
        "xaxis": {"title": {"text": "mean GWHES"}},
        "yaxis": {"title": {"text": f"Δ(x) under '{baseline}', nats"}},
    }
    return Chart("Does the theory's ranking hold", {"data": data, "layout": layout}, text)


def _update_section(asked: Sequence[Row], updates: Sequence[Row], most: int) -> Table:
    names = {row["question"]: name_of(row) for row in asked}
    columns = [
        Column("name", "question"),
        Column("arm", "rule"),
        Column("step_size", "step size", "plain"),
        Column("delta_correct", "Δ correct", "signed"),
        Column("delta_wrong", "Δ wrong", "signed"),
        Column("delta_greedy", "Δ greedy", "signed"),
        Column("entropy_change", "Δ entropy", "signed"),
        Column("weakened", "down-weighted", "integer", "wrong tokens whose weight the rule made smaller"),
        Column("error", "failed because"),
    ]
    keys = [column.key for column in columns]
    kept = worst(updates, most, lambda row: math.nan if row["error"] is not None else row["delta_correct"])
    rows = [{key: ({**row, "name": names[row["question"]]}).get(key) for key in keys} for row in kept]
    text = f"The lowest Δ of {len(updates):,} updates." if len(updates) > most else ""
    return Table("Every update" if not text else "Updates, the worst", columns, rows, text + more(len(updates), most))


def _question_section(asked: Sequence[Row], count: int) -> Table:
    columns = [
        Column("name", "question"),
        Column("status", "group"),
        Column("answer", "gold answer"),
        Column("correct", "correct", "integer"),
        Column("truncated", "cut off", "integer"),
        Column("greedy", "greedy answer"),
        Column("reason", "failed because"),
    ]
    rows = [
        {
            "name": name_of(row),
            "greedy": row["greedy"]["text"] if "greedy" in row else None,
            **{key: row.get(key) for key in ("status", "answer", "correct", "truncated", "reason")},
        }
        for row in asked
    ]
    if count == len(asked):
        return Table("Every question", columns, rows)
    return Table("Questions, the worst", columns, rows, "Those that lost most." + more(count, len(asked), "questions"))


def _reward(asked: Sequence[Row]) -> float:
    count = sum(row["responses"] for row in asked)
    return sum(row.get("correct") or 0 for row in asked) / count if count else math.nan


def _selected(mixed: Sequence[Row], anchor: str) -> float:
    total = sum(row["wrong_tokens"] for row in mixed)
    return sum(row[f"selected_{anchor}"] for row in mixed) / total if total else math.nan


def _percent(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.0%}"
