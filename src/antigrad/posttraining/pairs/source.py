"""Where pairs come from: a file or data set, or the model's own answers to a task."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Protocol

import torch

from antigrad.core.errors import InputValueError, raise_all
from antigrad.language.limits import check_fits
from antigrad.language.policy import Policy
from antigrad.language.rollouts import end_tokens
from antigrad.language.tasks import Task, load_task
from antigrad.posttraining.pairs.generate import ask, count_of, pairs_of, shown
from antigrad.posttraining.pairs.pair import Pair, Tokens, tokenize
from antigrad.posttraining.pairs.read import PairSet, read_pairs, read_rows


class Source(Protocol):
    """Settings of a job that works on pairs."""

    @property
    def pairs(self) -> str: ...  # noqa: D102
    @property
    def tasks(self) -> str: ...  # noqa: D102
    @property
    def questions(self) -> int: ...  # noqa: D102
    @property
    def samples(self) -> int: ...  # noqa: D102
    @property
    def pairs_a_question(self) -> int: ...  # noqa: D102
    @property
    def sampling_temperature(self) -> float: ...  # noqa: D102
    @property
    def max_new_tokens(self) -> int: ...  # noqa: D102
    @property
    def max_length(self) -> int: ...  # noqa: D102
    @property
    def verifier(self) -> str | None: ...  # noqa: D102
    @property
    def style(self) -> str | None: ...  # noqa: D102
    @property
    def shots(self) -> int | None: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


def task_of(config: Source) -> Task:
    """Set up the task that pairs are made from.

    Args:
        config: The settings.

    Returns:
        The task.
    """
    return load_task(
        config.tasks,
        count=config.questions,
        seed=config.seed,
        verifier=config.verifier,
        style=config.style,
        shots=config.shots,
    )


def found_pairs(config: Source, policy: Policy) -> PairSet:
    """Read pairs, or make them from the model's own answers.

    Args:
        config: The settings.
        policy: The model.

    Returns:
        Pairs with tokens, and what was left out.

    Raises:
        InputValueError: There are none.
    """
    if config.pairs:
        return checked(policy, read_pairs(read_rows(config.pairs), policy.tokenizer, max_length=config.max_length))
    task = task_of(config)
    asked = ask(
        policy,
        task,
        samples=config.samples,
        temperature=config.sampling_temperature,
        max_new_tokens=config.max_new_tokens,
        seed=config.seed,
    )
    answers = list(shown(asked, config.questions))
    pairs = pairs_of(task, answers, config.pairs_a_question, seed=config.seed)
    if not pairs:
        given = f"{config.questions} questions with {config.samples} answers each, none with a correct and a wrong one"
        raise InputValueError(given, "questions that the model solves now and then", "other tasks, or more samples")
    found = read_pairs([row_of(pair) for pair in pairs], policy.tokenizer, max_length=config.max_length)
    return checked(policy, replace(found, counts=tuple(map(count_of, answers))))


def checked(policy: Policy, found: PairSet) -> PairSet:
    """Refuse pairs that the model can't read: too long for its positions, or in tokens that it does not know.

    Args:
        policy: The model.
        found: The pairs.

    Returns:
        The pairs.

    Raises:
        ManyInputsError: Some are, all of them.
    """
    problems: list[str] = []
    for pair, tokens in zip(found.pairs, found.tokens, strict=True):
        try:
            for side in (tokens.chosen, tokens.rejected):
                name, shorten = f"row {pair.row}", "lower max_length, to leave it out"
                check_fits(policy.model, [*tokens.prompt, *side], 0, name=name, shorten=shorten)
        except InputValueError as error:
            problems.append(str(error))
    raise_all("the pairs", problems)
    return found


def row_of(pair: Pair) -> dict[str, Any]:
    """Write a pair as a row that TRL reads, and that `make_pair` reads back.

    Args:
        pair: The pair.

    Returns:
        The row.
    """
    row: dict[str, Any] = {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}
    row |= {"row": pair.row, "answer": pair.answer, "paraphrase": pair.paraphrase} | dict(pair.facts)
    more = dict(pair.options)
    if "tools" in more:
        row["tools"] = json.dumps(more.pop("tools"))
    return row | ({"chat_template_kwargs": more} if more else {})


def tokens_of(pair: Pair, text: str, tokenizer: Any) -> Tokens:
    """Tokens of a pair with another text in place of the chosen response.

    Args:
        pair: The pair.
        text: The text.
        tokenizer: Its tokenizer.

    Returns:
        Tokens; `chosen` are those of the text.
    """
    other: Any = [{"role": "assistant", "content": text}] if pair.chat else text
    return tokenize(replace(pair, chosen=other), tokenizer)


@torch.no_grad()
def greedy(policy: Policy, tokens: Tokens, max_new_tokens: int) -> str:
    """Let a policy answer a pair's prompt itself, the likeliest token each time.

    Args:
        policy: The policy.
        tokens: The pair.
        max_new_tokens: Longest answer.

    Returns:
        The answer as text.
    """
    prompt = torch.tensor(tokens.prompt, device=policy.device)[None]
    ends = end_tokens(policy)
    out = policy.model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=policy.tokenizer.pad_token_id,
    )
    return policy.tokenizer.decode(out[0, prompt.shape[1] :], skip_special_tokens=True)
