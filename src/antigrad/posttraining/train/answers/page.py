"""The page and the summary of a training on the policy's own answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antigrad.core.compact import CompactRows
from antigrad.core.page import Card, Cards, Chart, Page, Section, Verdict
from antigrad.core.runs import RunFolder
from antigrad.posttraining.train.answers.settings import AnswersConfig
from antigrad.posttraining.train.change import change_advice, change_sure, change_tone, change_word
from antigrad.posttraining.train.charts import line, steps_table
from antigrad.posttraining.train.rounds.page import accuracies, accuracy_chart, rounds_table

Row = Mapping[str, Any]
LABELS = {
    "loss": ("loss", "weighted, per token"),
    "entropy": ("entropy", "nats per token, on the answers trained on"),
    "mean_token_accuracy": ("top-1", "share of the answers' tokens that are the likeliest"),
    "grad_norm": ("‖g‖", "gradient norm before clipping"),
    "learning_rate": ("learning rate", "of the step"),
}
KEPT = {"step", *LABELS}


@dataclass(frozen=True)
class Heading:
    """How a page is headed.

    Args:
        title: Its title.
        name: Of the method, within a sentence.
        what: What is trained on, in a few words.
    """

    title: str
    name: str
    what: str


def describe(run: RunFolder, config: AnswersConfig, heading: Heading) -> None:
    """Write page and summary of a finished training.

    Args:
        run: The run.
        config: What was asked.
        heading: How the page is headed.
    """
    train = CompactRows({key: row[key] for key in row if key in KEPT} for row in run.ledger.stream("train"))
    rounds, final = list(run.ledger.stream("round")), run.ledger.one("final")
    setup = run.ledger.one("setup")
    points = [*rounds, final]
    sections: list[Section] = [Cards("In short", _cards(points))]
    sections += [accuracy_chart(points), _loss(train), rounds_table(rounds, config.shown)]
    sections.append(steps_table(train, LABELS, config.shown))
    Page(heading.title, _verdict(config, heading, points), sections).write(run, shown=config.shown)
    run.write_summary(_summary(config, setup, rounds, final))


def _summary(config: AnswersConfig, setup: Row, rounds: Sequence[Row], final: Row) -> dict[str, Any]:
    figures: dict[str, Any] = {"steps": config.steps, "rounds": len(rounds), "trained": setup["trained"]}
    figures["rows"] = sum(row["rows"] for row in rounds if not row.get("reused"))
    return figures | accuracies([*rounds, final])


def _verdict(config: AnswersConfig, heading: Heading, points: Sequence[Row]) -> Verdict:
    name = "held_out_accuracy" if "held_out_accuracy" in points[-1] else "accuracy"
    side = "held-out" if name == "held_out_accuracy" else "training"
    first, last = points[0][name], points[-1][name]
    count = config.held_out if name == "held_out_accuracy" else points[-1]["questions"]
    often = f"answered again every {config.refresh} steps" if config.refresh else "answered once (offline)"
    tone = change_tone(first, last, count)
    answer = f"{change_word(tone)}: accuracy on {side} questions {first:.1%} → {last:.1%}."
    caveats = [f"{config.steps} steps on {heading.what}, {often}."]
    if side == "training":
        caveats.append("These are the questions it was trained on; --held_out keeps some apart.")
    return Verdict(f"Did {heading.name} help?", answer, change_sure(tone, count), change_advice(tone), caveats, tone)


def _cards(points: Sequence[Row]) -> list[Card]:
    cards: list[Card] = []
    for name, label in (("accuracy", "Accuracy, training"), ("held_out_accuracy", "Accuracy, held out")):
        if name in points[-1]:
            cards.append(Card(label, f"{points[-1][name]:.1%}", f"{points[0][name]:.1%} before; sampled answers"))
    first, last = points[0], points[-1]
    note = f"of {last['questions']} questions at the end; {first['zero_variance']} at the start"
    return [*cards, Card("Zero variance", str(last["zero_variance"]), note)]


def _loss(train: Sequence[Row]) -> Chart:
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "nats per token"}}}
    text = "Mean over the answers of a step, each times its weight. A new round begins with answers not yet seen."
    return Chart("Loss", {"data": [line("loss", train, "loss")], "layout": layout}, text)
