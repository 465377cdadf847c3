"""The tokens of a preflight on its page: every answer coloured by score, and a table of the worst."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from typing import Any

from antigrad.core.page import Column, Response, Table, Token, TokenGroup, Tokens
from antigrad.core.page_bounds import more, within
from antigrad.language.tasks.asked import name_of
from antigrad.posttraining.diagnose.settings import DiagnoseConfig

Row = Mapping[str, Any]


def token_section(mixed: Iterable[Row], config: DiagnoseConfig, questions: int) -> Tokens:
    """Show every answer of mixed groups, its tokens coloured by the NTHR score.

    Args:
        mixed: Rows of mixed questions.
        config: What was asked.
        questions: How many mixed questions there are in all.

    Returns:
        The section. Marked tokens are those that the NTHR arms of the run down-weight; a run without one
        shows what NTHR would do at β = 1 with the anchor `others`.
    """
    groups = within(_group(row, config) for row in mixed)
    text = "Every answer, its tokens coloured by the NTHR score s: how much penalising this token would pull the "
    text += "correct answers down. Marked tokens of wrong answers are above τ, which is the lowest of those named; "
    text += (
        "hover for each rule's τ and η (1: not down-weighted, 0: no negative gradient left). Questions whose correct "
    )
    text += "answers lost most come first."
    if questions > len(groups):
        text += more(questions, len(groups), "questions")
    return Tokens("Which tokens do it", groups, "s: penalising it pulls correct answers down", "selected: s > τ", text)


def _group(row: Row, config: DiagnoseConfig) -> TokenGroup:
    rules = _rules(row)
    responses = [_response(place, response, rules) for place, response in enumerate(row["responses"])]
    facts: dict[str, float | str | None] = {"gold answer": row["answer"], "success rate": row["success_rate"]}
    facts |= {f"τ {spec}": rule["tau"] for spec, rule in rules.items()}
    if config.vocabulary != "full":
        facts |= {"rows of the vocabulary": row["vocabulary_rows"], "error bound": row["error_bound"]}
    lowest = min(rule["tau"] for rule in rules.values())
    threshold = lowest if math.isfinite(lowest) else None
    return TokenGroup(name_of(row), row["prompt"], responses, facts, threshold=threshold)


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


class WorstTokens:
    """The tokens of wrong answers with the highest scores, copies of an answer once; question after question.

    Args:
        most: How many at most.
    """

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, 0
        self._kept: list[tuple[float, int, dict[str, Any]]] = []  # a heap: the lowest score first

    def add(self, row: Row) -> None:
        """Look at a question.

        Args:
            row: Of a mixed question, with its responses.
        """
        for response in row["responses"]:
            if response["correct"] or response["copy"]:
                continue
            for place, score in enumerate(response["scores"]):
                self.seen += 1
                if len(self._kept) < self.most:
                    heapq.heappush(self._kept, (score, -self.seen, _line(row, response, place)))
                elif score > self._kept[0][0]:
                    heapq.heapreplace(self._kept, (score, -self.seen, _line(row, response, place)))

    def table(self) -> Table:
        """List them.

        Returns:
            The table.
        """
        columns = [
            Column("question", "question"),
            Column("answer", "wrong answer"),
            Column("token", "token"),
            Column("score", "s", "signed", "positive: penalising it pulls the correct answers down"),
            Column("inclusive", "τ inclusive", "signed", "at β = 1"),
            Column("others", "τ others", "signed", "at β = 1"),
            Column("probability", "probability", "percent", "under the starting weights"),
        ]
        rows = [line for _, _, line in sorted(self._kept, reverse=True)]
        text = f"The {len(rows)} highest scores of {self.seen:,} tokens of distinct wrong answers."
        return Table("Tokens of wrong answers by score", columns, rows, text)


def _line(row: Row, response: Row, place: int) -> dict[str, Any]:
    return {
        "question": name_of(row),
        "answer": response["text"],
        "token": response["tokens"][place].replace(" ", "·").replace("\n", "⏎"),
        "score": response["scores"][place],
        "inclusive": row["tau_inclusive"],
        "others": row["tau_others"],
        "probability": math.exp(response["log_probs"][place]),
    }
