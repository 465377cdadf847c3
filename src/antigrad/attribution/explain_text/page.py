"""The page of `antigrad explain-text`: the answer, its tokens, their scores."""

from __future__ import annotations

from itertools import accumulate

from antigrad.attribution.explain_text.language import TokenScores
from antigrad.attribution.explain_text.settings import ExplainTextConfig
from antigrad.core.errors import shortened
from antigrad.core.page import Card, Cards, Column, Page, Response, Table, Token, TokenGroup, Tokens
from antigrad.core.page_bounds import more, worst
from antigrad.core.runs import RunFolder

TOKENS = 10_000
"""Of a prompt, that are shown in their colours."""


def describe(run: RunFolder, config: ExplainTextConfig, found: TokenScores, words: list[str]) -> None:
    """Say what was found.

    Args:
        run: The run.
        config: What was asked.
        found: The scores.
        words: The tokens of the prompt as text.
    """
    signed = config.method != "guided_absolute_grad"
    pairs = list(zip(words, found.scores.tolist(), strict=True))
    # The page tints what is above zero in the colour of harm: here that is what pushes the answer down.
    start, end = _stretch([abs(score) for _, score in pairs])
    tokens = [Token(word, -score if signed else score, tip={"score, nats": score}) for word, score in pairs[start:end]]
    what = f"log p({config.answer!r})" + (f" − log p({config.other!r})" if config.other else "")
    group = TokenGroup(
        "prompt", shortened(config.prompt, 20_000), [Response("prompt as the model reads it", "", tokens)]
    )
    label = "pushes the answer down (left end: pulls it up)" if signed else "size of the influence"
    columns = [Column("text", "token"), Column("place", "place", "integer"), Column("score", "score, nats", "signed")]
    largest = worst(enumerate(pairs), config.shown, lambda item: -abs(item[1][1]))
    rows = [{"text": word, "place": place, "score": score} for place, (word, score) in largest]
    cards = [Card(what, f"{found.log_prob:.3f}".replace("-", "−"), "nats")]
    if found.gap is not None:
        change = found.log_prob - (found.baseline_log_prob or 0.0)
        note = f"of a change of {change:+.3f} from the empty prompt: 0 if the path was followed finely enough"
        cards.append(Card("left unexplained", f"{found.gap:+.3f}".replace("-", "−"), note.replace("-", "−")))
    best = max(pairs, key=lambda pair: pair[1])
    least = min(pairs, key=lambda pair: pair[1])
    lead = f"{what} is {found.log_prob:.2f} nats. "
    lead += f"{best[0]!r} pulls it up the most ({best[1]:+.2f})" if signed else f"{best[0]!r} matters the most"
    lead += f", {least[0]!r} pushes it down the most ({least[1]:+.2f})." if signed and least[1] < 0 else "."
    said = "Every token of the prompt, template included."
    if end - start < len(pairs):
        said = f"The {TOKENS:,} tokens in a row that matter most, from place {start:,} of {len(pairs):,} on."
    sections = [
        Cards("The answer", cards),
        Tokens("Tokens", [group], label, "", said),
        Table("Scores", columns, rows, more(len(pairs), len(rows), "tokens").strip()),
    ]
    Page("Which words decide", lead.replace("-", "−"), sections).write(run, shown=config.shown)


def _stretch(sizes: list[float]) -> tuple[int, int]:
    """Find the stretch of a long prompt that matters most.

    Args:
        sizes: Of the scores.

    Returns:
        Its first token, and the one behind its last; all of a prompt that fits on a page.
    """
    sums = [0.0, *accumulate(sizes)]
    starts = range(max(1, len(sizes) - TOKENS + 1))
    best = max(starts, key=lambda start: sums[min(start + TOKENS, len(sizes))] - sums[start])
    return best, min(best + TOKENS, len(sizes))
