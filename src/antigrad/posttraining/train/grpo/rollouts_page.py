"""A browser of responses on the page of a training: the groups whose correct responses a step lowered most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from antigrad.core.page import Response, Section, Token, TokenGroup, Tokens
from antigrad.core.page_bounds import more, within, worst

Row = Mapping[str, Any]
WORST = 20
"""Groups that the page shows; all are in the ledger."""


def rollouts_section(rows: Iterable[Row]) -> list[Section]:
    """Show the responses of measured steps, their tokens coloured by weight.

    Args:
        rows: Rows of the ledger, a group each; a stream.

    Returns:
        The section; none if there are no rows.
    """
    count = 0

    def counted() -> Iterable[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    groups = within(_group(row) for row in sorted(worst(counted(), WORST, _lost), key=_lost))
    if not groups:
        return []
    text = (
        "Responses of measured steps, their tokens coloured by the weight that the rule gave them: above 0 the step "
        "pulls them up, below 0 it pushes them down. Marked tokens of a response have less than its full weight. "
        "Groups whose correct responses the step lowered most come first."
    )
    if count > len(groups):
        text += more(count, len(groups), "groups")
    labels = ("weight: above 0 is pulled up, below 0 pushed down", "less than the response's full weight")
    return [Tokens("Responses and their weights", groups, *labels, text)]


def _lost(row: Row) -> float:
    # The most negative change of a correct response first; groups without one last.
    changes = [one["change"] for one in row["responses"] if one["correct"]]
    return min(changes, default=float("inf"))


def _group(row: Row) -> TokenGroup:
    correct = sum(one["correct"] is True for one in row["responses"])
    facts: dict[str, float | str | None] = {"step": row["step"], "correct": f"{correct} of {len(row['responses'])}"}
    label = f"step {row['step']}, group {row['group']}: {row['prompt'][-60:]}"
    responses = [_response(place, one) for place, one in enumerate(row["responses"], 1)]
    return TokenGroup(label, row["prompt"], responses, facts)


def _response(place: int, row: Row) -> Response:
    tag = "excluded" if row["correct"] is None else "correct" if row["correct"] else "wrong"
    full = max(map(abs, row["weights"]), default=0.0)
    tokens = [
        Token(text, weight, marked=abs(weight) < full * (1 - 1e-3), tip={"weight": weight})
        for text, weight in zip(row["tokens"], row["weights"], strict=True)
    ]
    note = f"{row['change']:+.4f} nats by the step"
    if row["reward"] is not None:
        note = f"reward {row['reward']:g}, {note}"
    return Response(f"response {place}", tag, tokens, note)
