"""The tokens of a preflight on its page: every answer coloured by score, and a table of the worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Column, Response, Table, Token, TokenGroup, Tokens
from antigrad.language.tasks.asked import name_of
from antigrad.posttraining.diagnose.settings import DiagnoseConfig

Row = Mapping[str, Any]


def token_section(mixed: Sequence[Row], config: DiagnoseConfig) -> Tokens:
    """Show every answer of the mixed groups, its tokens coloured by the NTHR score.

    Args:
        mixed: Rows of the mixed questions.
        config: What was asked.

    Returns:
        The section. Marked tokens are those that the NTHR arms of the run weaken; a run without one
        shows what NTHR would do at β = 1 with the anchor `others`.
    """
    groups: list[TokenGroup] = []
    for row in mixed:
        rules = _rules(row)
        responses = [_response(place, response, rules) for place, response in enumerate(row["responses"])]
        facts: dict[str, float | str | None] = {"gold answer": row["answer"], "success rate": row["success_rate"]}
        facts |= {f"τ {spec}": rule["tau"] for spec, rule in rules.items()}
        if config.vocabulary != "full":
            facts |= {"rows of the vocabulary": row["vocabulary_rows"], "error bound": row["error_bound"]}
        lowest = min(rule["tau"] for rule in rules.values())
        threshold = lowest if math.isfinite(lowest) else None
        groups.append(TokenGroup(name_of(row), row["prompt"], responses, facts, threshold=threshold))
    text = "Every answer, its tokens coloured by the NTHR score s: how much penalising this token would pull the "
    text += "correct answers down. Marked tokens of wrong answers are above τ, which is the lowest of those named; "
    text += "hover for each rule's τ and η (1: not weakened, 0: no negative gradient left)."
    return Tokens("Which tokens do it", groups, "s: penalising it pulls correct answers down", "selected: s > τ", text)


def _rules(row: Row) -> Mapping[str, Mapping[str, float]]:
    would = {"nthr(anchor=others)": {"tau": row["tau_others"], "eta": 2 * abs(0.5 - row["success_rate"])}}
    return row["nthr_arms"] or would


def _response(place: int, response: Row, rules: Mapping[str, Mapping[str, float]]) -> Response:
    wrong, tokens = not response["correct"], list[Token]()
    for text, score, log_prob in zip(response["tokens"], response["scores"], response["log_probs"], strict=True):
        tip: dict[str, float | str | None] = {"s": score, "probability": math.exp(log_prob)}
        for spec, rule in rules.items():
            chosen = wrong and score > rule["tau"]
            tip |= {f"τ {spec}": rule["tau"], f"η {spec}": rule["eta"] if chosen else 1.0}
        marked = wrong and any(score > rule["tau"] for rule in rules.values())
        tokens.append(Token(text, score, marked=marked, tip=tip))
    notes = ["cut off at the length limit"] if response["truncated"] else []
    notes += ["the same as an answer above"] if response["copy"] else []
    return Response(f"answer {place + 1}", "wrong" if wrong else "correct", tokens, ", ".join(notes))


def worst_tokens(mixed: Sequence[Row], most: int = 200) -> Table:
    """List the tokens of wrong answers with the highest scores, copies of an answer once.

    Args:
        mixed: Rows of the mixed questions.
        most: How many at most.

    Returns:
        The table.
    """
    rows: list[dict[str, Any]] = [
        {
            "question": name_of(row),
            "answer": response["text"],
            "token": token.replace(" ", "·").replace("\n", "⏎"),
            "score": score,
            "inclusive": row["tau_inclusive"],
            "others": row["tau_others"],
            "probability": math.exp(log_prob),
        }
        for row in mixed
        for response in row["responses"]
        if not response["correct"] and not response["copy"]
        for token, score, log_prob in zip(response["tokens"], response["scores"], response["log_probs"], strict=True)
    ]
    rows.sort(key=lambda line: -line["score"])
    columns = [
        Column("question", "question"),
        Column("answer", "wrong answer"),
        Column("token", "token"),
        Column("score", "s", "signed", "positive: penalising it pulls the correct answers down"),
        Column("inclusive", "τ inclusive", "signed", "at β = 1"),
        Column("others", "τ others", "signed", "at β = 1"),
        Column("probability", "probability", "percent", "under the starting weights"),
    ]
    text = f"The {min(most, len(rows))} highest scores of {len(rows)} tokens of distinct wrong answers."
    return Table("Tokens of wrong answers by score", columns, rows[:most], text)
