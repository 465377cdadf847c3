"""The page and the summary of a training by GRPO."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.compact import CompactRows
from antigrad.core.page import Card, Cards, Chart, Page, Section, Verdict
from antigrad.core.runs import RunFolder
from antigrad.core.significance import signs
from antigrad.posttraining.train.change import change_advice, change_sure, change_tone, change_word
from antigrad.posttraining.train.charts import alarms_table, line, steps_table
from antigrad.posttraining.train.grpo.completions import KIND
from antigrad.posttraining.train.grpo.rollouts_page import rollouts_section
from antigrad.posttraining.train.grpo.settings import TrainGRPOConfig

Row = Mapping[str, Any]
DELTA = ("credit/delta_correct_step", "credit/delta_wrong_step")
CURVES = (
    ("Rewards", "share of responses that are correct", "reward", ".0%"),
    ("Entropy", "nats per token", "entropy", ".2f"),
)
RULE = ("credit/mixed", "credit/selected", "credit/tau", "credit/anchor_min", "credit/anchor_mean", "credit/eta")
LABELS = {
    "credit/mixed": ("mixed", "share of groups with correct and wrong responses"),
    "credit/all_correct": (
        "all right",
        "share of groups whose responses are all correct: too easy, nothing to compare",
    ),
    "credit/all_wrong": ("all wrong", "share of groups whose responses are all wrong: too hard, nothing to compare"),
    "credit/balance": ("balance", "sum of the weights of all tokens by the sum of their magnitudes; 0: up equals down"),
    "kl": ("KL", "to the reference, nats per token"),
    "credit/selected": ("down-weighted", "share of the wrong tokens of mixed groups that the rule down-weighted"),
    "credit/tau": ("τ", "mean threshold of the scores"),
    "credit/anchor_min": ("min s̄", "mean over groups of the smallest anchor"),
    "credit/anchor_mean": ("mean s̄", "mean anchor of the correct responses"),
    "credit/eta": ("η", "mean factor on what is selected"),
    "credit/delta_correct_step": ("Δ correct", "what correct responses gained by the step, nats per response"),
    "credit/delta_wrong_step": ("Δ wrong", "what wrong responses gained by the step, nats per response"),
    "credit/grad_norm_up": ("‖g up‖", "gradient norm of what is pulled up"),
    "credit/grad_norm_down": ("‖g down‖", "gradient norm of what is pushed down"),
    "credit/cos_up_down": ("cos", "cosine between the two"),
    "credit/resampled": ("resampled", "share of responses that were replaced: their groups had zero variance"),
    "reward": ("reward", "share of correct responses"),
    "entropy": ("entropy", "nats per token"),
    "grad_norm": ("‖g‖", "gradient norm before clipping"),
}
SOURCES = {
    "none": "The rule needs no hidden states.",
    "old_policy_pass": "Hidden states came from the trainer's own pass for old log-probabilities: no extra forward.",
    "training_forward": "Hidden states came from the training forward: no extra forward.",
    "own_pass": "Hidden states came from a forward pass of their own, over mixed groups.",
}


def describe(run: RunFolder, config: TrainGRPOConfig) -> None:
    """Write page and summary of a finished training.

    Args:
        run: The run.
        config: What was asked.
    """
    train = CompactRows(_kept(row) for row in run.ledger.stream("train"))
    # TRL's reward is a mean over batches of means, where the last batch may be a small one; pass@1 is over questions.
    tests = CompactRows(
        _kept(row) | {"reward": row.get("credit/pass@1", row["reward"])} for row in run.ledger.stream("evaluation")
    )
    setup = run.ledger.one("setup")
    sections: list[Section] = [Cards("In short", _cards(train, tests, config.held_out))]
    sections += [_curve(train, tests, *curve) for curve in CURVES if any(curve[2] in row for row in train)]
    if tests:
        sections.append(_pass_at_k(tests))
    if any(DELTA[0] in row for row in train):
        sections.append(_displacement(train))
    sections += alarms_table(run.ledger.stream("alarm"))
    sections += rollouts_section(run.ledger.stream(KIND))
    sections.append(steps_table(train, LABELS, config.shown))
    alarms = sum(1 for _ in run.ledger.stream("alarm"))
    verdict = _verdict(config, train, tests, SOURCES[setup["states_from"]], alarms)
    Page(f"GRPO with {config.credit}", verdict, sections).write(run, shown=config.shown)
    run.write_summary({"steps": config.steps, "states_from": setup["states_from"]} | _summary(train, tests))


def _kept(row: Row) -> dict[str, Any]:
    # What the page says of a step: a row has three times as much.
    return {
        key: value for key, value in row.items() if key == "step" or key in LABELS or key.startswith("credit/pass@")
    }


def _figures(rows: Sequence[Row], key: str) -> Sequence[float]:
    return array("d", (row[key] for row in rows if key in row))


def _summary(train: Sequence[Row], tests: Sequence[Row]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if tests:
        figures |= {"held_out_before": tests[0]["reward"], "held_out_after": tests[-1]["reward"]}
        passes = [name for name in tests[-1] if name.startswith("credit/pass@")]
        figures |= {f"{name.removeprefix('credit/')}_before": tests[0][name] for name in passes}
        figures |= {f"{name.removeprefix('credit/')}_after": tests[-1][name] for name in passes}
        figures |= {"entropy_before": tests[0].get("entropy"), "entropy_after": tests[-1].get("entropy")}
    for key in ("reward", *LABELS):
        values = _figures(train, key)
        if values:
            figures[f"mean/{key.removeprefix('credit/')}"] = sum(values) / len(values)
    deltas = _figures(train, DELTA[0])
    if deltas:
        figures["displaced_share"] = sum(delta < 0 for delta in deltas) / len(deltas)
    return figures


def _verdict(config: TrainGRPOConfig, train: Sequence[Row], tests: Sequence[Row], source: str, alarms: int) -> Verdict:
    rewards = _figures(train, "reward")  # none in steps that used an earlier batch
    deltas = _figures(train, DELTA[0])
    fell = sum(delta < 0 for delta in deltas)
    caveats = [f"{config.steps} steps with credit {config.credit}.", source]
    if deltas:
        text = f"The step lowered its own correct responses in {fell} of {len(deltas)} measured steps"
        caveats.insert(0, f"{text}, mean Δ {sum(deltas) / len(deltas):+.4f} nats.".replace("-", "−"))
    if alarms:
        caveats.insert(0, f"{alarms} alarms: see the table.")
    question = f"Did GRPO with '{config.credit}' help?"
    if tests:
        before, after = tests[0]["reward"], tests[-1]["reward"]
        tone = change_tone(before, after, config.held_out)
        answer = f"{change_word(tone)}: accuracy on held-out questions {before:.1%} → {after:.1%}."
        sure, advice = change_sure(tone, config.held_out), change_advice(tone)
    else:
        tone, sure = "neutral", "Training reward only: no question was held out."
        answer = (
            f"Not measured: training reward {rewards[0]:.1%} → {rewards[-1]:.1%}."
            if rewards
            else "No reward was measured."
        )
        advice = "Hold out questions (--held_out) to see whether it generalises."
    if fell > len(deltas) / 2 and config.credit == "none":
        advice += " Most steps displaced correct responses: `antigrad diagnose` says which rule stops it."
    return Verdict(question, answer, sure, advice, caveats, tone)


def _cards(train: Sequence[Row], tests: Sequence[Row], questions: int) -> list[Card]:
    cards: list[Card] = []
    if tests:
        before, after = tests[0]["reward"], tests[-1]["reward"]
        tone = change_tone(before, after, questions)
        note = f"{before:.1%} before; sampled at the training's temperature"
        note += "; more than chance" if tone != "neutral" else f"; {questions} questions can't tell the two apart"
        cards.append(Card("Held-out solved", f"{after:.1%}", note, tone))
    deltas = _figures(train, DELTA[0])
    if deltas:
        sign = signs({"delta": deltas})["delta"]
        tone = "good" if sign > 0 else "bad" if sign < 0 else "neutral"
        cards.append(
            Card("Δ correct per step", f"{sum(deltas) / len(deltas):+.4f}", "mean over measured steps, nats", tone)
        )
    for key, label in (
        ("credit/mixed", "Mixed groups"),
        ("credit/all_correct", "Groups all right"),
        ("credit/all_wrong", "Groups all wrong"),
        ("credit/selected", "Wrong tokens down-weighted"),
    ):
        values = _figures(train, key)
        if values:
            cards.append(Card(label, f"{sum(values) / len(values):.0%}", "mean over steps"))
    values = _figures(train, "entropy")
    if values:
        cards.append(Card("Entropy", f"{values[-1]:.3f}", f"{values[0]:.3f} at the first step, nats per token"))
    return cards


def _curve(train: Sequence[Row], tests: Sequence[Row], title: str, unit: str, key: str, form: str) -> Chart:
    data = [line("training", train, key)]
    if tests:
        data.append(line("held out", tests, key, "lines+markers"))
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": unit}, "tickformat": form}}
    return Chart(title, {"data": data, "layout": layout})


def _pass_at_k(tests: Sequence[Row]) -> Chart:
    names = [name for name in tests[0] if name.startswith("credit/pass@")]
    data = [line(name.removeprefix("credit/"), tests, name, "lines+markers") for name in names]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "share"}, "tickformat": ".0%"}}
    text = (
        "Held-out questions with a correct answer among k samples, unbiased, without interval: see antigrad evaluate."
    )
    return Chart("Held-out pass@k", {"data": data, "layout": layout}, text)


def _displacement(train: Sequence[Row]) -> Chart:
    data = [line(LABELS[key][0], train, key, "lines+markers") for key in DELTA]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "nats per response"}}}
    text = (
        "Change of the log-likelihood of a step's own responses of mixed groups, from before to after the step. "
        "Correct ones below zero is Lazy Likelihood Displacement."
    )
    return Chart("What a step did to its own responses", {"data": data, "layout": layout}, text)
