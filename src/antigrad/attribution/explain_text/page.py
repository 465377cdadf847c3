"""The page of `antigrad explain-text`: the answer, its tokens, their scores."""

from __future__ import annotations

import re
from itertools import accumulate

from antigrad.attribution.explain_text.language import TokenScores
from antigrad.attribution.explain_text.settings import ExplainTextConfig
from antigrad.core.errors import shortened
from antigrad.core.page import Card, Cards, Column, Page, Response, Section, Table, Token, TokenGroup, Tokens, Verdict
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
    start, end = _stretch([abs(score) for _, score in pairs])
    tokens = [Token(word, score, tip={"score, nats": score}) for word, score in pairs[start:end]]
    read = Response("prompt as the model reads it", "", tokens)
    group = TokenGroup("prompt", shortened(config.prompt, 20_000), [read])
    label = "nats: pulls the answer up (below 0: down)" if signed else "size of the influence"
    columns = [Column("text", "token"), Column("score", "score, nats", "signed"), Column("place", "place", "integer")]
    largest = worst(enumerate(pairs), config.shown, lambda item: -abs(item[1][1]))
    rows = [{"text": word, "place": place, "score": score} for place, (word, score) in largest]
    cards = [Card(_what(config), _minus(f"{found.log_prob:.3f}"), "nats")]
    if found.gap is not None:
        note = f"of a change of {_change(found):+.3f} from the empty prompt: 0 if the path was followed finely enough"
        cards.append(Card("left unexplained", _minus(f"{found.gap:+.3f}"), _minus(note)))
    about = "Every token of the prompt, template included."
    if end - start < len(pairs):
        about = f"The {TOKENS:,} tokens in a row that matter most, from place {start:,} of {len(pairs):,} on."
    sections: list[Section] = [
        Cards("The answer", cards),
        Tokens("Tokens", [group], label, "", about, positive="helps" if signed else "hurts"),
        Table("Scores", columns, rows, more(len(pairs), len(rows), "tokens").strip()),
    ]
    verdict = _verdict(config, found, pairs, signed)
    Page("Which words decide", verdict, sections).write(run, shown=config.shown)


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


def _verdict(config: ExplainTextConfig, found: TokenScores, pairs: list[tuple[str, float]], signed: bool) -> Verdict:
    best, worst = (choose(pairs, key=lambda pair: pair[1]) for choose in (max, min))
    answer = f"{best[0]!r} pulls it up the most ({best[1]:+.2f})" if signed else f"{best[0]!r} matters the most"
    answer += f", {worst[0]!r} pushes it down the most ({worst[1]:+.2f})" if signed and worst[1] < 0 else ""
    sure, advice = (
        f"One prompt, one method ({config.method}); no interval.",
        "Check with a second --method before relying on it.",
    )
    if found.gap is not None:
        sure = f"{found.gap:+.3f} of a change of {_change(found):+.3f} nats is left unexplained."
        if abs(found.gap) > 0.05 * abs(_change(found)):
            advice = "Take more points on the path (--n_steps) before reading it."
    caveats = [f"{_what(config)} is {found.log_prob:.2f} nats.", "Tokens of the chat template are scored too."]
    question = f"Which words decide {_what(config)}?"
    return Verdict(question, _minus(f"{answer}."), _minus(sure), advice, [_minus(one) for one in caveats])


def _what(config: ExplainTextConfig) -> str:
    return f"log p({config.answer!r})" + (f" − log p({config.other!r})" if config.other else "")


def _change(found: TokenScores) -> float:
    return found.log_prob - (found.baseline_log_prob or 0.0)


def _minus(text: str) -> str:
    return re.sub(r"(^|[ (])-(?=\d)", r"\1−", text)
