"""What PVI asks of a model: a gold answer behind a prompt with a response's chain, and behind the prompt alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from antigrad.core.errors import InputValueError
from antigrad.posttraining.pairs.pair import Pair, rendered, shared, words_of

Pooling = Literal["sum", "mean", "first"]
InContext = tuple[tuple[int, ...], tuple[int, ...]]
"""Context and answer, as token ids."""
Text = tuple[str, bool]
"""A text, and whether the tokenizer's own special tokens go around it."""
TOGETHER = 64
"""Pairs tokenised together; what a tokenizer keeps of a text is much larger than its ids."""
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class PviOptions:
    r"""How PVI is measured.

    Args:
        marker: What stands between a chain and its final answer.
        cut: Leave the response's own final answer out of its chain. Without that a wrong answer stands right before the
            gold one, and drives PVI down for nearly all.
        pooling: `sum` over the tokens of the answer, `mean`, or the `first` token only.
        rows_at_once: Sequences a forward pass.
        max_length: Longest sequence in tokens; a longer one is an error, never cut.

    Raises:
        InputValueError: An option is out of range.
    """

    marker: str = " The answer is"
    cut: bool = True
    pooling: Pooling = "sum"
    rows_at_once: int = 16
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.pooling not in get_args(Pooling):
            raise InputValueError(f"pooling {self.pooling!r}", "sum, mean or first", "sum is the default")
        if self.rows_at_once < 1:
            raise InputValueError(f"rows_at_once={self.rows_at_once}", "at least 1", "16 is the default")


def chain_of(response: str, options: PviOptions) -> str:
    """Cut a response before its final answer.

    Args:
        response: What was written.
        options: Marker, and whether to cut.

    Returns:
        What stands before the last marker; without one, before the last number; without that, all.

    Example:
        >>> chain_of("2 and 3 make 5. The answer is 6", PviOptions())
        '2 and 3 make 5.'
        >>> chain_of("2 and 3 make 6", PviOptions())
        '2 and 3 make'
    """
    if not options.cut:
        return response
    before, found, _ = response.rpartition(options.marker)
    if found:
        return before
    numbers = list(NUMBER.finditer(response))
    return response[: numbers[-1].start()].rstrip() if numbers else response


def in_context(tokenizer: Any, pairs: Sequence[Pair], options: PviOptions) -> list[tuple[InContext, InContext]]:
    """Token ids of prompt, chain and marker, and of the gold answer behind them; and the same without the chain.

    Args:
        tokenizer: Of the policy.
        pairs: Prompts, rejected responses and answers.
        options: The marker.

    Returns:
        Two contexts with answers per pair, so that together they are the tokens of the whole text.

    Raises:
        InputValueError: They are too long.
    """
    found: list[tuple[InContext, InContext]] = []
    for place in range(0, len(pairs), TOGETHER):
        some = pairs[place : place + TOGETHER]
        texts = _texts(tokenizer, some, options)
        known = _tokenized(tokenizer, texts)
        found += [_parted(pair, row, known, options) for pair, row in zip(some, texts, strict=True)]
    return found


def _texts(tokenizer: Any, pairs: Sequence[Pair], options: PviOptions) -> list[list[Text]]:
    # Four texts a pair: before the answer and with it, with the chain and without.
    prompts: dict[str, str] = {}
    space = "" if options.marker.endswith(("=", " ", "\n")) else " "
    rows: list[list[Text]] = []
    for pair in pairs:
        start, special = _start(tokenizer, pair, prompts), isinstance(pair.prompt, str)
        chain = chain_of(words_of(pair.rejected), options)
        befores = (start + chain + _marker(pair, start, chain, options), start + _marker(pair, start, "", options))
        rows.append([(before + end, special) for before in befores for end in ("", space + pair.answer)])
    return rows


def _parted(
    pair: Pair, row: Sequence[Text], known: Mapping[Text, list[int]], options: PviOptions
) -> tuple[InContext, InContext]:
    both: list[InContext] = []
    for head, whole in ((known[row[0]], known[row[1]]), (known[row[2]], known[row[3]])):
        if options.max_length is not None and len(whole) > options.max_length:
            given = f"row {pair.row}: {len(whole)} tokens with the answer"
            raise InputValueError(given, f"at most {options.max_length}", "raise max_length, or leave the row out")
        # The answer's first token may hold the space before it: both texts are tokenised, and parted where they differ.
        place = shared(whole, head)
        both.append((tuple(whole[:place]), tuple(whole[place:])))
    return both[0], both[1]


def _start(tokenizer: Any, pair: Pair, known: dict[str, str]) -> str:
    if isinstance(pair.prompt, str):
        return pair.prompt
    key = repr((pair.prompt, pair.options))
    if key not in known:  # templates are slow, and pairs of one prompt many
        known[key] = tokenizer.decode(rendered(pair, tokenizer, []))
    return known[key]


def _marker(pair: Pair, start: str, chain: str, options: PviOptions) -> str:
    if chain:
        return options.marker
    if not isinstance(pair.prompt, str):
        return options.marker.lstrip()
    # A prompt that ends as the marker does (`12+3=`) needs it no second time.
    return "" if start.endswith(options.marker) else options.marker


def _tokenized(tokenizer: Any, rows: Sequence[Sequence[Text]]) -> dict[Text, list[int]]:
    # Each text once, all together: one by one it takes longer than a small model.
    wanted = dict.fromkeys(text for row in rows for text in row)
    known: dict[Text, list[int]] = {}
    for special in (True, False):
        some = [text for text in wanted if text[1] is special]
        if some:
            ids = tokenizer(text=[text for text, _ in some], add_special_tokens=special).input_ids
            known |= zip(some, ids, strict=True)
    return known
