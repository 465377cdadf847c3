"""What the report shows of a pre-training: the figures, and how the accuracy rose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.core.page import Card, Cards, Chart, Page, Verdict
from antigrad.core.runs import RunFolder
from antigrad.language.tiny.accuracy import GROUP


def describe(run: RunFolder, summary: Mapping[str, float]) -> None:
    """Write the page of a finished pre-training.

    Args:
        run: The run, with a ledger row an evaluation.
        summary: Its headline figures.
    """
    solved = f"{summary['accuracy']:.1%} ± {summary['accuracy_se']:.1%}"
    asked = f"{summary['questions']} held-out questions, {GROUP} responses each, temperature 1"
    cards = [
        Card("Solved", solved, asked),
        Card("Mixed groups", f"{summary['mixed']:.0%}", "have right and wrong responses; only they can be trained on"),
        Card("Tokens per response", f"{summary['length']:.1f}", "on average, with the one that ends it"),
        Card("Weights", f"{summary['parameters']:,}", f"trained for {summary['steps']} steps"),
    ]
    answer = f"{solved} of {summary['questions']} held-out questions; {summary['mixed']:.0%} of the groups are mixed."
    sure = f"{GROUP} responses each at temperature 1; ± is one standard error over questions."
    advice = "Try it from this folder: `antigrad diagnose --model ./checkpoints/policy --tasks tiny_arithmetic`."
    caveats = [
        "Only groups with right and wrong responses can be trained on: about half solved is what it is made for."
    ]
    verdict = Verdict("What share of questions does the tiny policy solve?", answer, sure, advice, caveats)
    Page("Pre-training of the tiny policy", verdict, [Cards("The policy", cards), _curve(run.ledger.table())]).write(
        run
    )


def _curve(rows: Mapping[str, list[Any]]) -> Chart:
    share = {"type": "scatter", "mode": "lines+markers", "x": rows["step"]}
    data = [
        {**share, "name": "solved", "y": rows["accuracy"], "error_y": {"type": "data", "array": rows["accuracy_se"]}},
        {**share, "name": "mixed groups", "y": rows["mixed"]},
    ]
    layout = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "share"}, "tickformat": ".0%", "rangemode": "tozero"},
    }
    text = "Measured with other questions than the figures above: these decided when to stop."
    return Chart("How the accuracy rose", {"data": data, "layout": layout}, text)
