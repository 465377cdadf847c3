"""`antigrad explain-text`: which tokens of a prompt pull an answer up, and which push it down."""

from __future__ import annotations

from typing import Any

import torch

from antigrad.attribution.explain_text.language import attribute_tokens
from antigrad.attribution.explain_text.page import describe
from antigrad.attribution.explain_text.settings import ExplainTextConfig
from antigrad.core.errors import InputValueError
from antigrad.core.runs import RunFolder
from antigrad.language.limits import check_fits
from antigrad.language.policy import Policy, load_any
from antigrad.language.templates import chat_text


def explain_text(config: ExplainTextConfig) -> RunFolder:
    """Explain why a language model gives an answer its probability.

    Args:
        config: See `ExplainTextConfig`.

    Returns:
        The run: a ledger with one row per token, the page, the summary.

    Raises:
        AntigradError: The settings, the model or the output folder are not usable.
        InputValueError: A text has no tokens.
    """
    config.check()
    policy = load_any(config.model, device=config.device)
    prompt = _ids(policy, config.prompt) if config.raw else _chat(policy, config.prompt)
    answers = [_ids(policy, text) for text in (config.answer, config.other) if text]
    for name, ids in (("prompt", prompt), ("answer", answers[0]), ("other", answers[-1])):
        if not len(ids):
            raise InputValueError(f"{name} without a token", "at least one", "write a text that the model knows")
    for answer in answers:
        both = [*prompt.tolist(), *answer.tolist()]
        check_fits(policy.model, both, 0, name="prompt and answer", shorten="shorten the prompt")
    run = RunFolder.start(
        config.output, job="explain-text", config=config, resume=config.resume, free=("output", "resume", "shown")
    )
    with run.refusals():
        _explain(config, run, policy, prompt, answers)
    return run


def _explain(
    config: ExplainTextConfig, run: RunFolder, policy: Policy, prompt: torch.Tensor, answers: list[torch.Tensor]
) -> None:
    policy.model.requires_grad_(False)
    end = policy.tokenizer.pad_token_id
    found = attribute_tokens(
        policy.model,
        prompt,
        answers[0],
        other=answers[1] if config.other else None,
        method=config.method,  # pyright: ignore[reportArgumentType] (checked above)
        baseline=policy.tokenizer.eos_token_id if end is None else end,
        n_steps=config.n_steps,
        n_samples=config.n_samples,
        generator=torch.Generator(device=policy.device).manual_seed(config.seed),
    )
    words = [policy.tokenizer.decode([token]) for token in found.ids.tolist()]
    done = len(run.ledger.rows("token"))
    scores = enumerate(zip(words, found.scores.tolist(), strict=True))
    rows = [{"kind": "token", "place": place, "text": word, "score": score} for place, (word, score) in scores]
    run.ledger.extend(rows[done:])
    figures: dict[str, Any] = {"log_prob": found.log_prob, "baseline_log_prob": found.baseline_log_prob}
    figures |= {"gap": found.gap, "up": float(found.scores.clamp(min=0).sum())}
    figures |= {"down": float(found.scores.clamp(max=0).sum()), "tokens": len(words)}
    describe(run, config, found, words)
    run.write_summary(figures)


def _chat(policy: Policy, text: str) -> torch.Tensor:
    tokenizer = policy.tokenizer
    if not getattr(tokenizer, "chat_template", None):
        return _ids(policy, text)
    turns = [{"role": "user", "content": text}]
    return _ids(policy, chat_text(tokenizer, turns, ask=True, hint="leave the template out: --raw"))


def _ids(policy: Policy, text: str) -> torch.Tensor:
    ids = policy.tokenizer(text, add_special_tokens=False)["input_ids"]
    return torch.tensor(ids, device=policy.device)
