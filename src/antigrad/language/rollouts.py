"""Sampling a group of responses, cut where they end, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.language.draws import by_numbers
from antigrad.language.limits import check_fits
from antigrad.language.policy import Policy
from antigrad.language.tasks import Question, Task
from antigrad.language.templates import TemplateError


@dataclass(frozen=True)
class Rollouts:
    """B responses to one prompt.

    Args:
        prompt: (P,) token ids of the prompt.
        tokens: (B, T) token ids of the responses, with the token that ended them, padded right.
        mask: (B, T) True on the tokens of the responses.
        texts: The responses as text, without what ended them.
        correct: (B,) True where the verifier accepted.
        truncated: (B,) True where the limit cut the response off.
    """

    prompt: Tensor
    tokens: Tensor
    mask: Tensor
    texts: list[str]
    correct: Tensor
    truncated: Tensor

    def answers(self) -> list[tuple[int, ...]]:
        """Token ids of each response, so that copies can be recognised.

        Returns:
            B tuples.
        """
        return [tuple(tokens[mask].tolist()) for tokens, mask in zip(self.tokens, self.mask, strict=True)]


@torch.no_grad()
def sample(
    policy: Policy,
    task: Task,
    question: Question,
    *,
    count: int,
    max_new_tokens: int,
    temperature: float,
    greedy: bool = False,
    numbers: Tensor | None = None,
) -> Rollouts:
    """Sample responses to one question and verify them.

    Args:
        policy: The policy.
        task: Renders the prompt and judges.
        question: The question.
        count: Responses; 1 when greedy.
        max_new_tokens: Longest response in tokens.
        temperature: Sampling temperature; no other change to the distribution is made.
        greedy: Take the likeliest token each time instead.
        numbers: (count, max_new_tokens) numbers of [0, 1) to draw by, see `draws`; None draws from the global
            random stream, see `seeded`.

    Returns:
        The responses.

    Raises:
        InputValueError: The prompt is empty, too long for the model or in tokens it does not know, or
            sampling met NaN probabilities.
    """
    tokenizer = policy.tokenizer
    prompt = prompt_of(policy, task, question, max_new_tokens)[None]
    ends = end_tokens(policy)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    options: dict[str, Any] = {"do_sample": False}
    if numbers is not None:
        prompt, count = prompt.expand(count, -1), 1
        options |= {"logits_processor": [by_numbers(numbers.to(prompt.device), prompt.shape[1], temperature)]}
    elif not greedy:
        options = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    if task.stop is not None:
        options |= {"stopping_criteria": [_stopped(tokenizer, task.stop, prompt.shape[1])]}
    try:
        out = policy.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            num_return_sequences=count,
            max_new_tokens=max_new_tokens,
            eos_token_id=ends,
            pad_token_id=pad,
            **options,
        )
    except RuntimeError as error:
        # torch.multinomial is the first to notice; whatever else went wrong keeps its own message below.
        raise InputValueError(
            f"sampling failed: {error}", "finite logits and enough memory", "check the weights"
        ) from error
    return judged(policy, task, question, prompt[0], out[:, prompt.shape[1] :].tolist())


def prompt_of(policy: Policy, task: Task, question: Question, max_new_tokens: int) -> Tensor:
    """Turn a question into what the policy reads.

    Args:
        policy: The policy.
        task: Renders the prompt.
        question: The question.
        max_new_tokens: Longest response in tokens.

    Returns:
        (P,) token ids.
    """
    text, special = task.prompt(question, policy.tokenizer), task.style == "raw"
    prompt = policy.tokenizer(text, return_tensors="pt", add_special_tokens=special).input_ids[0].to(policy.device)
    name, shorten = f"question {question.id!r}", "shorten it, or lower max_new_tokens"
    check_fits(policy.model, prompt.tolist(), max_new_tokens, name=name, shorten=shorten)
    return prompt


def check_asked(policy: Policy, task: Task, max_new_tokens: int) -> None:
    """Refuse a task of which the policy can't be asked a single question, before a run begins.

    Args:
        policy: The policy.
        task: Renders the prompts.
        max_new_tokens: Longest response in tokens.

    Raises:
        AntigradError: The first question's fault; every other one has one too.
    """
    first: AntigradError | None = None
    for question in task.questions:
        try:
            prompt_of(policy, task, question, max_new_tokens)
        except AntigradError as error:
            first = first or error
            if isinstance(error, TemplateError) or not isinstance(error, InputValueError):
                break  # the chat template refuses the turns, whatever is in them
        else:
            return
    if first is not None:
        raise first


def judged(policy: Policy, task: Task, question: Question, prompt: Tensor, rows: list[list[int]]) -> Rollouts:
    """Cut generated rows behind what ends them, and verify them.

    Args:
        policy: Knows what ends a response.
        task: Judges.
        question: The question.
        prompt: (P,) token ids.
        rows: The generated ids of each response, padding included.

    Returns:
        The responses.
    """
    ends = end_tokens(policy)
    pad = policy.tokenizer.pad_token_id if policy.tokenizer.pad_token_id is not None else ends[0]
    cut = [_cut(policy.tokenizer, row, task.stop, ends) for row in rows]
    return _collect(prompt, cut, pad, [task.correct(text, question) for _, text, _ in cut])


def _collect(prompt: Tensor, rows: list[tuple[list[int], str, bool]], pad: int, correct: list[bool]) -> Rollouts:
    width = max(len(ids) for ids, _, _ in rows)
    tokens = torch.tensor([ids + [pad] * (width - len(ids)) for ids, _, _ in rows], device=prompt.device)
    lengths = torch.tensor([[len(ids)] for ids, _, _ in rows], device=prompt.device)
    return Rollouts(
        prompt=prompt,
        tokens=tokens,
        mask=torch.arange(width, device=prompt.device) < lengths,
        texts=[text for _, text, _ in rows],
        correct=torch.tensor(correct, device=prompt.device),
        truncated=torch.tensor([cut for _, _, cut in rows], device=prompt.device),
    )


def _stopped(tokenizer: Any, stop: str, start: int) -> Callable[..., Tensor]:
    """Tell which rows hold the stop text, as `_cut` will; transformers' own search needs certain letters.

    Args:
        tokenizer: Turns ids into text.
        stop: The text.
        start: Where responses begin.

    Returns:
        A stopping criterion for `generate`.
    """

    def criterion(ids: Tensor, *_: object, **__: object) -> Tensor:
        texts = tokenizer.batch_decode(ids[:, start:], skip_special_tokens=True)
        return torch.tensor([stop in text for text in texts], device=ids.device)

    return criterion


def end_tokens(policy: Policy) -> list[int]:
    """List the tokens that end a response of a policy.

    Args:
        policy: The policy.

    Returns:
        Those of its generation settings and of its tokenizer, each once.
    """
    ends = policy.model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    return list(dict.fromkeys(end for end in [*ends, policy.tokenizer.eos_token_id] if end is not None))


def _cut(tokenizer: Any, ids: list[int], stop: str | None, ends: list[int]) -> tuple[list[int], str, bool]:
    """Cut a row behind the token that ended it.

    Args:
        tokenizer: Turns ids into text.
        ids: The generated ids, padding included.
        stop: Text that ends a response.
        ends: Ids that end a response.

    Returns:
        The ids that count, the text before the end, and whether the limit cut it off.
    """

    def decode(row: list[int]) -> str:
        return tokenizer.decode(row, skip_special_tokens=True)

    last = next((place for place, token in enumerate(ids) if token in ends), None)
    body = ids if last is None else ids[:last]
    text = decode(body)
    if stop is not None and stop in text:
        low, high = 1, len(body)
        while low < high:  # the shortest beginning whose text holds the stop
            middle = (low + high) // 2
            low, high = (low, middle) if stop in decode(body[:middle]) else (middle + 1, high)
        return body[:low], text.partition(stop)[0], False
    return (ids, text, True) if last is None else (ids[: last + 1], text, False)


def joined(group: Rollouts, extra: Rollouts) -> Rollouts:
    """Put further responses to the same prompt below a group's, padded to one length.

    Args:
        group: The first rows.
        extra: The rows that follow.

    Returns:
        All rows, so that one pass measures them.
    """
    width = max(group.tokens.shape[1], extra.tokens.shape[1])

    def wide(tensor: Tensor) -> Tensor:
        return torch.nn.functional.pad(tensor, (0, width - tensor.shape[1]))

    return Rollouts(
        prompt=group.prompt,
        tokens=torch.cat([wide(group.tokens), wide(extra.tokens)]),
        mask=torch.cat([wide(group.mask), wide(extra.mask)]),
        texts=[*group.texts, *extra.texts],
        correct=torch.cat([group.correct, extra.correct]),
        truncated=torch.cat([group.truncated, extra.truncated]),
    )
