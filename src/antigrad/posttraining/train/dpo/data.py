"""From pairs to what TRL trains on: rows with facts, held-out prompts apart, and what a resumed run reads back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.files import UNREADABLE
from antigrad.core.lines import read_lines, write_lines
from antigrad.credit.pairs import PAIR_CREDIT, PairRule
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.contexts import PviOptions
from antigrad.posttraining.pairs.facts import pair_facts
from antigrad.posttraining.pairs.generate import Count
from antigrad.posttraining.pairs.pair import Pair, Tokens
from antigrad.posttraining.pairs.read import Excluded, make_pair
from antigrad.posttraining.pairs.source import found_pairs, row_of
from antigrad.posttraining.train.dpo.columns import columns_of
from antigrad.posttraining.train.dpo.settings import TrainDPOConfig

FILE = "pairs.jsonl"
"""Artifact that keeps pairs and facts: a resumed run measures nothing again."""


@dataclass(frozen=True)
class Prepared:
    """Pairs ready to be trained on.

    Args:
        train: Rows for TRL, with facts as columns.
        held_out: Rows for its evaluation.
        excluded: Rows of the source that were left out.
        probes: Pairs to probe.
        other: A training pair with another prompt, for the probe that needs its response.
        counts: What became of each question, where pairs were made from answers.
    """

    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    excluded: tuple[Excluded, ...]
    probes: tuple[Pair, ...]
    other: Pair | None
    counts: tuple[Count, ...] = ()


def prepare(config: TrainDPOConfig, policy: Policy) -> Prepared:
    """Read or make pairs, measure what the rule needs, and hold some back.

    Args:
        config: The settings.
        policy: The policy that training starts from.

    Returns:
        Rows for training and evaluation.

    Raises:
        InputValueError: There are too few pairs, or a fact can't be measured.
    """
    rule = PAIR_CREDIT.make(config.credit)
    kept = config.output / "artifacts" / FILE
    if config.resume and kept.exists():
        return _read_back(config, kept)
    found = found_pairs(config, policy)
    kinds = {pair.chat for pair in found.pairs}
    if len(kinds) > 1:
        rows = {kind: next(pair.row for pair in found.pairs if pair.chat is kind) for kind in kinds}
        given = f"row {rows[True]} has messages, row {rows[False]} texts"
        raise InputValueError(given, "pairs of one kind", "write all prompts in one of the two ways")
    places, test = split(found.pairs, config.held_out)
    train = [found.pairs[place] for place in places]
    if not train:
        given = f"{len(found.pairs)} pairs, {config.held_out} of them held out"
        raise InputValueError(given, "pairs to train on", "more questions or samples, or a smaller held_out")
    tokens = [found.tokens[place] for place in places]
    rows = measured(config, policy, rule, train, tokens, seed=config.seed)
    held_out = alike([row_of(found.pairs[place]) for place in test])
    return _prepared(config, rows, held_out, found.excluded, found.counts)


def measured(
    config: TrainDPOConfig,
    policy: Policy,
    rule: PairRule,
    pairs: Sequence[Pair],
    tokens: Sequence[Tokens],
    *,
    seed: int,
) -> list[dict[str, Any]]:
    """Measure what a rule needs of pairs, and write it beside them.

    Args:
        config: The settings.
        policy: The policy under which it is measured.
        rule: The rule; what it refuses is refused here.
        pairs: The pairs.
        tokens: Their tokens.
        seed: Seed of what the rule draws.

    Returns:
        Rows for TRL, with facts as columns.
    """
    options = PviOptions(config.answer_marker, config.pvi_cut, config.pvi_pooling, config.rows_at_once * 4)  # pyright: ignore[reportArgumentType]
    facts = pair_facts(policy, pairs, tokens, rule.needs, options=options, seed=seed)
    rule(facts)
    return _with(columns_of(facts), alike([row_of(pair) for pair in pairs]))


def split(pairs: Sequence[Pair], held_out: int) -> tuple[list[int], list[int]]:
    """Hold out the last prompts, whole: no prompt is on both sides.

    Args:
        pairs: The pairs.
        held_out: Pairs to hold out at least, as far as prompts go.

    Returns:
        Places of training and of held-out pairs.
    """
    prompts: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        prompts.setdefault(json.dumps(pair.prompt, sort_keys=True, default=str), []).append(place)
    test: list[int] = []
    for places in reversed(list(prompts.values())[1:]):
        if len(test) >= held_out:
            break
        test += places
    return [place for place in range(len(pairs)) if place not in set(test)], sorted(test)


def alike(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give all rows the same keys: `datasets` takes those of the first, and drops what only later rows have.

    Args:
        rows: Rows of pairs.

    Returns:
        The rows; None where one lacks a key.

    Raises:
        InputValueError: Some rows have options of the chat template, and others none.
    """
    keys = dict.fromkeys(key for row in rows for key in row)
    lacking = [row["row"] for row in rows if "chat_template_kwargs" not in row]
    if "chat_template_kwargs" in keys and lacking:
        given = f"chat_template_kwargs in some rows, and not in {lacking[:8]}"
        raise InputValueError(given, "the same options for all rows", "write them into every row")
    return [{key: row.get(key) for key in keys} for row in rows]


def _with(columns: Mapping[str, Sequence[float]], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {name: values[place] for name, values in columns.items()} for place, row in enumerate(rows)]


def _prepared(
    config: TrainDPOConfig,
    train: list[dict[str, Any]],
    test: list[dict[str, Any]],
    excluded: tuple[Excluded, ...],
    counts: tuple[Count, ...],
) -> Prepared:
    probes = [_pair(row) for row in (test or train)[: config.probe_pairs]]
    others = [row for row in train if row["prompt"] not in [pair.prompt for pair in probes]]
    return Prepared(train, test, excluded, tuple(probes), _pair(others[0]) if others else None, counts)


def _pair(row: Mapping[str, Any]) -> Pair:
    pair = make_pair(int(row["row"]), row)
    if not isinstance(pair, Pair):
        raise InputValueError(f"row {row['row']}: {pair.reason}", "a pair", "start over")
    return pair


def keep(config: TrainDPOConfig, prepared: Prepared) -> None:
    """Write pairs and facts beside the run, for a resume.

    Args:
        config: The settings.
        prepared: The rows.
    """
    path = config.output / "artifacts" / FILE
    if not path.exists():
        lines = [{"side": "train"} | row for row in prepared.train]
        lines += [{"side": "held_out"} | row for row in prepared.held_out]
        lines += [
            {"side": "excluded", "row": one.row, "reason": one.reason, "detail": one.detail}
            for one in prepared.excluded
        ]
        lines += [{"side": "question"} | asdict(one) for one in prepared.counts]
        write_lines(path, lines)


def _read_back(config: TrainDPOConfig, path: Path) -> Prepared:
    sides: dict[str, list[dict[str, Any]]] = {"train": [], "held_out": [], "excluded": [], "question": []}
    try:
        for row in read_lines(path):
            sides[row.pop("side")].append(row)
        excluded = tuple(Excluded(**row) for row in sides["excluded"])
        counts = tuple(Count(**row) for row in sides["question"])
        return _prepared(config, sides["train"], sides["held_out"], excluded, counts)
    except UNREADABLE as error:
        if isinstance(error, InputValueError):
            raise
        raise InputValueError(
            f"{path}: {error}", "the pairs as this run wrote them", "start over in another --output"
        ) from error
