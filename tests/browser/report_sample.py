"""A page such as a diagnosis writes, with hostile text in every place that takes text."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from antigrad.core.page import Card, Cards, Chart, Column, Page, Response, Table, Token, TokenGroup, Tokens, Verdict
from antigrad.core.runs import RunFolder

SCRIPT = "</script><script>window.hacked=1</script>"
IMAGE = "<img src=x onerror=window.hacked=1>"
LINK = "<a href='javascript:window.hacked=1'><b>bold</b></a> & <i>"
ARMS = ("grpo", "positives_only", "random", "nthr")
TAU = 0.4
_SENTENCE = "|We|need|the|total|of|apples|.|First|,|add|3|and|4|to|get|7|.\n|Then|halve|it|:\n\n\t|7|/|2|="


def hostile_page() -> Page:
    """Every text is an attack."""
    return sample_page(questions=4, attack=True)


def sample_page(questions: int = 12, *, attack: bool = False, responses: int = 8, length: int = 90) -> Page:
    """A page with realistic figures.

    Args:
        questions: How many.
        attack: Put hostile text everywhere.
        responses: Responses of a question.
        length: Tokens of a response.

    Returns:
        The page.
    """
    draw = random.Random(7)
    evil = (lambda text: f"{text} {SCRIPT} {IMAGE} {LINK}") if attack else (lambda text: text)
    names = [evil(f"Q{number + 1}") for number in range(questions)]
    delta: dict[str, list[float | None]] = {
        arm: [draw.gauss(0.02 + 0.02 * rank, 0.05) for _ in names] for rank, arm in enumerate(ARMS)
    }
    delta["nthr"][1] = None
    return Page(
        evil("Who moves, and why"),
        Verdict(
            evil("How far do the log-probabilities of correct responses move by one update on each question?"),
            evil("They rise under every rule but one."),
            evil("12 questions."),
            evil("Train with nthr."),
            [evil("One update is not a training.")],
            "good",
        ),
        [
            Cards(evil("Headline"), [
                Card(evil("Mean Δ, grpo"), evil("+0.0213"), evil("nats per response, 12 questions"), "neutral"),
                Card("Mean Δ, nthr", "+0.0574", "2.7 times grpo", "good"),
                Card("Questions that fall", "4 of 12", "under grpo; 1 under nthr", "bad"),
                Card("Tokens selected", "11.4 %", "of the wrong responses' tokens"),
            ], evil("A positive Δ means that the update made the correct responses more likely.")),
            Chart(evil("Δ per question and arm"), _bars(names, delta, evil), evil("Hover for figures.")),
            Table(evil("Questions"), _COLUMNS, _rows(names, delta, evil), "Click a heading to sort."),
            Tokens(evil("Responses"), [_group(name, draw, evil, responses, length) for name in names],
                evil("score s"), evil("selected: s > τ, weight η"),
                "Orange tokens pull the correct responses down when they are punished; blue ones lift them."),
        ],
    )  # fmt: skip


def write_run(folder: Path, page: Page, *, attack: bool = False) -> RunFolder:
    """A finished run with this page.

    Args:
        folder: A new folder.
        page: The page.
        attack: Hostile configuration values too.

    Returns:
        The run.
    """
    config: dict[str, Any] = {
        "model": {"name": "smollm2-135m", "dtype": "float32", "revision": None},
        "task": {"name": "gsm8k", "split": "test", "questions": 12},
        "rollouts": 8, "temperature": 1.0, "arms": list(ARMS), "learning_rate": 1e-6, "beta": 1.0, "seed": 0,
    }  # fmt: skip
    if attack:
        config["note"] = f"{SCRIPT} {IMAGE}"
    run = RunFolder.start(folder, job="diagnose", config=config)
    run.write_summary({"delta_mean_grpo": 0.02134, "delta_mean_nthr": 0.0574, "questions": 12, "skipped": None})
    page.write(run)
    return run


_COLUMNS = [
    Column("question", "Question", help="As in the data set"),
    Column("p", "Correct", "percent", "Share of responses that are correct"),
    Column("length", "Tokens", "integer", "Mean length of a response"),
    *(Column(arm, f"Δ {arm}", "signed", "Mean change of log π of the correct responses") for arm in ARMS),
    Column("tau", "τ", "number", "Threshold of the selection"),
]


def _rows(names: list[str], delta: dict[str, list[float | None]], evil: Any) -> list[dict[str, Any]]:
    return [
        {"question": evil(f"{name}: how many are left?"), "p": (1 + row % 7) / 8, "length": 40 + 7 * (row * 5 % 11)}
        | {arm: values[row] for arm, values in delta.items()}
        | {"tau": 0.1 + 0.013 * row}
        for row, name in enumerate(names)
    ]  # fmt: skip


def _bars(names: list[str], delta: dict[str, list[float | None]], evil: Any) -> dict[str, Any]:
    hover = "%{x}<br>%{customdata}<br>Δ %{y:+.4f} nats<extra>%{fullData.name}</extra>"
    data = [
        {"type": "bar", "name": evil(arm), "x": names, "y": values, "customdata": [evil("apples")] * len(names)}
        | {"hovertemplate": hover}
        for arm, values in delta.items()
    ]
    layout = {"xaxis": {"title": {"text": evil("question")}}, "yaxis": {"title": {"text": "Δ (nats)"}}, "height": 420}
    return {"data": data, "layout": layout}


def _group(name: str, draw: random.Random, evil: Any, responses: int, length: int) -> TokenGroup:
    answers = []
    for number in range(responses):
        tag = "correct" if number < responses // 2 else "excluded" if number == responses - 1 else "wrong"
        tokens = [_token(draw, place, tag == "wrong") for place in range(length - 11 * number % 30)]
        tokens.append(Token(evil(" answer"), 0.5 if tag == "wrong" else None, tip={"s": 0.5, evil("note"): evil("x")}))
        answers.append(Response(evil(f"response {number + 1}"), tag, tokens, evil(f"answer {draw.randint(1, 9)}")))
    prompt = f"{name}: Anna has 3 apples and buys 4 more.\nShe shares them with one friend. How many apples are left?"
    facts: dict[str, float | str | None] = {"τ": TAU, "η": 0.25, "p": 0.5, "anchor": evil("inclusive"), "V*": None}
    return TokenGroup(f"{name} (4 of 8 correct)", evil(prompt), answers, facts, TAU)


def _token(draw: random.Random, place: int, scored: bool) -> Token:
    words = _SENTENCE.split("|")
    word = words[place % len(words)]
    text = word if not word or word[0] in ".,:\n" else f" {word}"
    score = draw.gauss(0.12, 0.22) if scored else None
    tip: dict[str, float | str | None] = {"s": score, "τ": TAU, "η": 0.25, "p": draw.random() ** 0.3}
    return Token(text, score, score is not None and score > TAU, tip if scored else {"p": tip["p"]})
