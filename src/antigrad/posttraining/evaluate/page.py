"""The evaluation in words, cards and tables: its summary, and the page the report draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Card, Cards, Column, Page, Section, Table, Tone, Verdict
from antigrad.core.page_bounds import more, worst
from antigrad.core.runs import RunFolder
from antigrad.language.tasks.asked import name_of
from antigrad.posttraining.evaluate.charts import pass_chart, probe_chart, solved_chart
from antigrad.posttraining.evaluate.findings import MEASURES, Findings, findings, probe_changes
from antigrad.posttraining.evaluate.mass import Mass
from antigrad.posttraining.evaluate.rows import facts_of
from antigrad.posttraining.evaluate.settings import EvaluateConfig
from antigrad.posttraining.probes.bootstrap import Estimate

CAVEATS = (
    "Responses count as one answer if they have the same tokens: for long chains of thought nearly every response is "
    "its own, and then 'distinct' and E say little.",
    "Intervals are percentile bootstrap over questions: they say how far other questions of the same kind could move a "
    "figure, and nothing where all questions agree.",
)


def describe(run: RunFolder, config: EvaluateConfig) -> None:
    """Write the page and the summary of a finished evaluation.

    Args:
        run: The run, with all its rows.
        config: What was asked.
    """
    found = findings(facts_of(run.ledger.stream()), config)
    good = [one for one in found if one.reason is None]
    compared = [one for one in good if one.solved is not None]
    sections: list[Section] = [
        Cards("In short", _cards(good, config)),
        pass_chart(good, config),
        _pass_table(good, config),
        *([solved_chart(compared, config)] if compared else []),
        _measure_table("Greedy response, entropy, diversity", good, tuple(MEASURES)[:4]),
        _measure_table("Length and likelihood", good, tuple(MEASURES)[4:]),
        _stage_table(good),
    ]
    if compared:
        sections.append(_probe_table(compared, config))
        sections += [probe_chart(compared)] if any(one.rare.questions for one in compared) else []
    mass = Mass(run.ledger.stream("pair"), config)
    sections += mass.sections()
    sections.append(_question_table(good, config.shown))
    title = f"{', '.join(one.label for one in found)} on {config.tasks}"
    Page(f"Evaluation of {title}", _verdict(found, config), sections).write(run, shown=config.shown)
    run.write_summary(_summary(found, config) | mass.figures())


def _summary(found: Sequence[Findings], config: EvaluateConfig) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "questions": len(found[0].rows),
        "samples": config.samples,
        "largest_k": config.ks[-1],
        "level": config.level,
        "failed_checkpoints": sum(one.reason is not None for one in found),
    }
    names = {label: name for name, label in config.labels.items()}
    for one in found:
        estimates = {f"pass@{k}": value for k, value in one.passes.items()}
        estimates |= {f"gain@{k}": value for k, value in one.gains.items()}
        estimates |= dict(one.measures) | {"positive_mass_share": one.explored}
        if one.solved is not None:
            estimates |= {"probe_change_rare": one.rare, "probe_change_common": one.common}
        figures |= {f"checkpoint/{one.label}": names[one.label], f"asked/{one.label}": one.asked}
        for key, value in estimates.items():
            figures |= {f"{key}/{one.label}": value.value, f"{key}_low/{one.label}": value.low}
            figures[f"{key}_high/{one.label}"] = value.high
        if one.solved is not None:
            for key in ("both", "only_base", "only_model", "neither"):
                figures[f"solved_{key}/{one.label}"] = getattr(one.solved, key)
            for key in ("expansion", "shrinkage", "neither"):
                figures[f"reach_{key}/{one.label}"] = one.reach.get(key, 0)
    return figures


def _verdict(found: Sequence[Findings], config: EvaluateConfig) -> Verdict:
    """Say in words, from the figures alone, who solves how much, and what was gained and lost against the base.

    Args:
        found: Figures of every checkpoint.
        config: What was asked.

    Returns:
        The verdict.
    """
    good = [one for one in found if one.reason is None]
    first, last = config.ks[0], config.ks[-1]
    compared = [one for one in good if one.gains]
    said: list[str] = []
    for one in compared[:3]:
        gains = " and ".join(f"pass@{k} {_gain(one.gains[k])}" for k in dict.fromkeys((first, last)))
        said.append(f"{_helped(one, first, last) if len(compared) == 1 else ''}{one.label} against the base: {gains}.")
    if not compared:
        for k in dict.fromkeys((first, last)):
            best = max(good, key=lambda one: one.passes[k].value)
            of = "" if len(good) == 1 else f" of {best.label}, the highest of {len(good)} checkpoints"
            said.append(f"pass@{k} is {_share(best.passes[k])}{of}.")
    caveats = [
        f"Within k = {last} of n = {config.samples} samples the base alone solves {one.solved.only_base} and "
        f"{one.label} alone {one.solved.only_model} of {one.asked} questions."
        for one in compared[:3]
        if one.solved is not None
    ]
    caveats += [f"{one.label} could not be evaluated: {one.reason}." for one in found if one.reason is not None]
    sure = f"{good[0].asked} questions with {config.samples} samples each, {config.level:.0%} intervals."
    question = "Did the training help?" if compared else "How much does it solve?"
    advice, tone = _advice(compared, first, last)
    return Verdict(question, " ".join(said), sure, advice, [*caveats, _counts(found, config), *CAVEATS], tone)


def _advice(compared: Sequence[Findings], first: int, last: int) -> tuple[str, Tone]:
    """What to do, by the signs of the gains at the smallest and the largest k that chance does not explain.

    Args:
        compared: Checkpoints with a base.
        first: Smallest k.
        last: Largest k.

    Returns:
        One line, and its tone.
    """
    if not compared:
        return "Name a base model (--base) to see what a training gained and lost.", "neutral"
    up = [one.label for one in compared if one.gains[first].sign > 0 and one.gains[last].sign >= 0]
    traded = [one.label for one in compared if one.gains[first].sign > 0 > one.gains[last].sign]
    down = [
        one.label
        for one in compared
        if one.gains[first].sign <= 0 and min(one.gains[first].sign, one.gains[last].sign) < 0
    ]
    said: list[str] = []
    if up:
        said.append(f"Keep {', '.join(up)}.")
    if traded:
        said.append(f"{', '.join(traded)}: better at the first try and worse at {last}; keep the base for sampling.")
    if down:
        said.append(f"Do not use {', '.join(down)}.")
    if not said:
        return "Nothing to choose between them yet: ask more questions (--questions).", "neutral"
    return " ".join(said), "bad" if down or traded else "good"


def _helped(one: Findings, first: int, last: int) -> str:
    # The word an answer on a single checkpoint begins with.
    low, high = one.gains[first].sign, one.gains[last].sign
    if low > 0 > high:
        return "At the first try only: "
    return "No: " if min(low, high) < 0 else "Yes: " if low > 0 else "Not settled: "


def _gain(value: Estimate) -> str:
    if value.value == value.low == value.high == 0:
        return "unchanged"
    points = f"{100 * value.value:+.1f}".replace("-", "−")
    if math.isnan(value.low):
        return f"{points} points"
    ends = " to ".join(f"{100 * end:+.1f}".replace("-", "−") for end in (value.low, value.high))
    return f"{points} points ({ends}{'' if value.sign else ', indistinguishable from none'})"


def _share(value: Estimate) -> str:
    if math.isnan(value.low) or value.low == value.high:  # an interval without width is not certainty
        return f"{value.value:.1%}"
    return f"{value.value:.1%} ({value.low:.1%} to {value.high:.1%})"


def _cards(good: Sequence[Findings], config: EvaluateConfig) -> list[Card]:
    first, last = config.ks[0], config.ks[-1]
    cards: list[Card] = []
    for one in good:
        note = f"pass@{first} and pass@{last}" + (", the base model" if one.is_base else "")
        sign = one.gains[last].sign if one.gains else 0
        value = f"{100 * one.passes[first].value:.0f}\u00a0→\u00a0{one.passes[last].value:.0%}"
        cards.append(Card(one.label, value, note, "good" if sign > 0 else "bad" if sign < 0 else "neutral"))
    for one in good:
        if one.solved is not None:
            value = f"{one.solved.only_base} / {one.solved.only_model}"
            cards.append(
                Card("Solved by one alone", value, f"base / {one.label}, within k = {last} of n = {config.samples}")
            )
    return cards


def _counts(found: Sequence[Findings], config: EvaluateConfig) -> str:
    text = f"{len(found[0].rows)} questions, {config.samples} samples each at temperature {config.temperature:g}, "
    text += f"{config.level:.0%} intervals from {config.resamples} resamples of the questions."
    for one in found:
        missing = len(one.rows) - one.asked
        if missing and one.reason is None:
            text += f" {one.label}: {missing} questions could not be asked and are left out."
    return text


def _pass_table(good: Sequence[Findings], config: EvaluateConfig) -> Table:
    columns = [
        Column("label", "checkpoint"),
        Column("k", "k", "integer", "attempts"),
        Column(
            "gain",
            "over the base",
            "percent",
            "difference of pass@k to the base, paired by question, and its interval",
            spread=["gain_low", "gain_high"],
        ),
        Column(
            "value",
            "pass@k",
            "percent",
            "chance that at least one of k samples is correct, mean over questions, and its interval",
            spread=["low", "high"],
        ),
        Column("questions", "questions", "integer"),
    ]
    lines: list[dict[str, Any]] = []
    for one in good:
        for k, value in one.passes.items():
            line: dict[str, Any] = {"label": one.label, "k": k} | vars(value)
            if k in one.gains:
                gain = one.gains[k]
                line |= {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}
            lines.append(line)
    if not any(one.gains for one in good):
        columns = [column for column in columns if not column.key.startswith("gain")]
    text = f"Unbiased estimates from n = {config.samples} samples per question. At k = n a question counts 0 or 1: "
    text += "there the curve is at its noisiest."
    return Table("pass@k in numbers", columns, lines, text)


def _measure_table(title: str, good: Sequence[Findings], keys: Sequence[str]) -> Table:
    heads = {
        "greedy_accuracy": ("greedy accuracy", "percent", "share of questions whose greedy response is correct"),
        "entropy": ("entropy", "number", "nats per token, of the distribution the samples were drawn from"),
        "distinct": ("distinct", "number", "different responses per question, by tokens"),
        "distinct_correct": ("distinct correct", "number", "different correct responses per question"),
        "response_length": ("length", "number", "tokens per response"),
        "truncated_share": ("cut off", "percent", "share of responses that reached the length limit"),
        "log_prob_correct": ("ln π correct", "number", "log-likelihood of a correct sample, nats"),
    }
    columns, lines = [Column("label", "checkpoint")], [dict[str, Any](label=one.label) for one in good]
    for key in keys:
        label, form, text = heads[key]
        columns.append(Column(key, label, form, text, spread=[f"{key}_low", f"{key}_high"]))  # type: ignore[arg-type]
        for line, one in zip(lines, good, strict=True):
            value = one.measures[key]
            line |= _ends(key, value)
    return Table(title, columns, lines)


def _ends(key: str, value: Estimate) -> dict[str, float]:
    return {key: value.value, f"{key}_low": value.low, f"{key}_high": value.high}


def _stage_table(good: Sequence[Findings]) -> Table:
    columns = [
        Column("label", "checkpoint"),
        Column(
            "explored",
            "E",
            "percent",
            "share of the positive advantage on responses that are not the mode, and its interval",
            spread=["explored_low", "explored_high"],
        ),
        Column("stage", "stage", help="exploration where E is above one half, exploitation below"),
        Column("mixed", "mixed questions", "integer", "with correct and wrong samples: only they have advantages"),
    ]
    lines = [
        {"label": one.label}
        | _ends("explored", one.explored)
        | {"stage": _stage(one.explored), "mixed": one.explored.questions}
        for one in good
    ]
    text = "What training on these samples would pull up: above one half mostly what the checkpoint seldom does "
    text += "(exploration), below it what it does most already (exploitation). Undecided: the interval holds one half."
    return Table("Exploitation or exploration", columns, lines, text)


def _probe_table(compared: Sequence[Findings], config: EvaluateConfig) -> Table:
    reach, nats = f"1/{config.ks[-1]}", "nats, mean over questions, and its interval"
    columns = [
        Column("label", "checkpoint"),
        Column("rare", "Δ ln π rare", "signed", nats, spread=["rare_low", "rare_high"]),
        Column("common", "Δ ln π likeliest", "signed", nats, spread=["common_low", "common_high"]),
        Column("expansion", "in reach, likelier", "integer", f"rare ones with π ≥ {reach} and more than before"),
        Column("shrinkage", "left reach", "integer", f"rare ones whose π fell below {reach}"),
        Column("neither", "neither", "integer"),
    ]
    lines = [
        {"label": one.label}
        | _ends("rare", one.rare)
        | _ends("common", one.common)
        | {key: one.reach.get(key, 0) for key in ("expansion", "shrinkage", "neither")}
        for one in compared
    ]
    text = (
        f"Rare are at most {config.probes} correct responses per question that the base sampled and finds least likely,"
    )
    text += (
        " without its likeliest one. All checkpoints are measured on the same ones, and exactly. If the likeliest rise "
    )
    text += "and the rare fall, the checkpoint sharpened what the base did already."
    return Table("The base's correct answers", columns, lines, text)


def _stage(value: Estimate) -> str | None:
    if math.isnan(value.value):
        return "no mixed question"
    if math.isnan(value.low) or value.low <= 0.5 <= value.high:
        return "undecided"
    return "exploration" if value.value > 0.5 else "exploitation"


def _question_table(good: Sequence[Findings], most: int) -> Table:
    columns = [Column("name", "question"), Column("answer", "gold answer")]
    base = next((one for one in good if one.is_base), None)
    places = worst(range(len(good[0].rows)), most, lambda place: _gain_on(place, good, base))
    lines: list[dict[str, Any]] = []
    for place in places:
        known: Mapping[str, Any] = next((one.rows[place] for one in good if one.rows[place]), None) or {}
        lines.append({"name": name_of(known) if known else str(place + 1), "answer": known.get("answer")})
    for number, one in enumerate(good):
        columns += [
            Column(f"correct{number}", one.label, "integer", f"correct samples of {one.label}"),
            Column(f"greedy{number}", "greedy", help=f"whether the greedy response of {one.label} is correct"),
            Column(f"distinct{number}", "distinct", "integer", f"different responses of {one.label}"),
        ]
        if one.solved is not None:
            columns.append(
                Column(f"rare{number}", "Δ rare", "signed", "mean over the base's rare correct responses, nats")
            )
        for place, entry in zip(places, lines, strict=True):
            row = one.rows[place]
            if row is None:
                continue
            line = {"correct": sum(row["verdicts"]), "greedy": row["greedy"], "distinct": row["distinct"]}
            theirs = base.rows[place] if base is not None and one.solved is not None else None
            rare = (probe_changes(row, theirs) or [])[1:] if theirs is not None else []
            line |= {"rare": sum(rare) / len(rare) if rare else None}
            entry |= {f"{key}{number}": value for key, value in line.items()}
    text = "Correct samples, greedy verdict and different responses of each checkpoint."
    if len(good[0].rows) == len(places):
        return Table("Every question", columns, lines, text)
    less = "Those on which a checkpoint lost most against the base." if base else "Those solved least."
    return Table("Questions, the worst", columns, lines, f"{text} {less}{more(len(good[0].rows), most, 'questions')}")


def _gain_on(place: int, good: Sequence[Findings], base: Findings | None) -> float:
    # Correct samples of the checkpoint that lost most against the base; without one, of the worst checkpoint.
    counts = [sum(row["verdicts"]) for one in good if one is not base and (row := one.rows[place]) is not None]
    theirs = base.rows[place] if base is not None else None
    if not counts:
        return math.nan
    return min(counts) - (sum(theirs["verdicts"]) if theirs is not None else 0)
