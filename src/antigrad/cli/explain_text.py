"""`antigrad explain-text`: which tokens of a prompt pull an answer up, and which push it down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from antigrad.attribution.language import TokenMethod, TokenScores, attribute_tokens
from antigrad.core.errors import did_you_mean, raise_all
from antigrad.core.page import Card, Cards, Column, Page, Response, Table, Token, TokenGroup, Tokens
from antigrad.core.runs import RunFolder
from antigrad.posttraining.models import Policy, load_policy


@dataclass(frozen=True)
class ExplainTextConfig:
    """Settings of an explanation of a text.

    Args:
        prompt: What the model reads, as a user's message of its chat template if it has one.
        answer: The answer whose log-probability is explained.
        other: Another answer: what speaks for the first and against this one is explained.
        model: `smollm2-135m-instruct`, `tiny`, a folder or a hub name.
        method: `ablation` (what replacing a token costs), `integrated_gradients`, `gradient_x_input` or
            `guided_absolute_grad` (magnitudes).
        output: Folder of the run.
        n_steps: Points on the path of `integrated_gradients`.
        n_samples: Noisy copies of `guided_absolute_grad`.
        seed: Of that noise.
        raw: Leave the chat template out.
        device: `auto` or a torch device.
        resume: Write a run that was interrupted again.
    """

    prompt: str = ""
    answer: str = ""
    other: str = ""
    model: str = "smollm2-135m-instruct"
    method: str = "ablation"
    output: Path = Path("runs/explain-text")
    n_steps: int = 300
    n_samples: int = 20
    seed: int = 0
    raw: bool = False
    device: str = "auto"
    resume: bool = False

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = [f"{name} is empty: a text is needed" for name in ("prompt", "answer") if not getattr(self, name)]
        least = {"n_steps": 1, "n_samples": 2, "seed": 0}
        problems += [
            f"{name}={getattr(self, name)}: at least {low}" for name, low in least.items() if getattr(self, name) < low
        ]
        known = get_args(TokenMethod)
        if self.method not in known:
            problems.append(f"method {self.method!r}: {did_you_mean(self.method, known)}")
        if self.other and self.method == "guided_absolute_grad":
            problems.append("other with guided_absolute_grad: magnitudes have no sign to tell two answers apart")
        raise_all("settings of explain-text", problems)


def explain_text(config: ExplainTextConfig) -> RunFolder:
    """Explain why a language model gives an answer its probability.

    Args:
        config: See `ExplainTextConfig`.

    Returns:
        The run: a ledger with one row a token, the page, the summary.

    Raises:
        AntigradError: The settings, the model or the output folder are not usable.
    """
    config.check()
    policy = load_policy(config.model, device=config.device)
    run = RunFolder.start(
        config.output, job="explain-text", config=config, resume=config.resume, free=("output", "resume")
    )
    policy.model.requires_grad_(False)
    prompt = _ids(policy, config.prompt) if config.raw else _chat(policy, config.prompt)
    end = policy.tokenizer.pad_token_id
    found = attribute_tokens(
        policy.model,
        prompt,
        _ids(policy, config.answer),
        other=_ids(policy, config.other) if config.other else None,
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
    _describe(run, config, found, words)
    run.write_summary(figures)
    return run


def _chat(policy: Policy, text: str) -> torch.Tensor:
    tokenizer = policy.tokenizer
    if not getattr(tokenizer, "chat_template", None):
        return _ids(policy, text)
    turns = [{"role": "user", "content": text}]
    return _ids(policy, tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def _ids(policy: Policy, text: str) -> torch.Tensor:
    ids = policy.tokenizer(text, add_special_tokens=False)["input_ids"]
    return torch.tensor(ids, device=policy.device)


def _describe(run: RunFolder, config: ExplainTextConfig, found: TokenScores, words: list[str]) -> None:
    signed = config.method != "guided_absolute_grad"
    pairs = list(zip(words, found.scores.tolist(), strict=True))
    # The page tints what is above zero in the colour of harm: here that is what pushes the answer down.
    tokens = [Token(word, -score if signed else score, tip={"score, nats": score}) for word, score in pairs]
    what = f"log p({config.answer!r})" + (f" − log p({config.other!r})" if config.other else "")
    group = TokenGroup("prompt", config.prompt, [Response("prompt as the model reads it", "", tokens)])
    label = "pushes the answer down (left end: pulls it up)" if signed else "size of the influence"
    columns = [Column("text", "token"), Column("place", "place", "integer"), Column("score", "score, nats", "signed")]
    rows = [{"text": word, "place": place, "score": score} for place, (word, score) in enumerate(pairs)]
    cards = [Card(what, f"{found.log_prob:.3f}".replace("-", "−"), "nats")]
    if found.gap is not None:
        change = found.log_prob - (found.baseline_log_prob or 0.0)
        note = f"of a change of {change:+.3f} from the empty prompt: 0 if the path was followed finely enough"
        cards.append(Card("left unexplained", f"{found.gap:+.3f}".replace("-", "−"), note.replace("-", "−")))
    best = max(pairs, key=lambda pair: pair[1])
    worst = min(pairs, key=lambda pair: pair[1])
    lead = f"{what} is {found.log_prob:.2f} nats. "
    lead += f"{best[0]!r} pulls it up the most ({best[1]:+.2f})" if signed else f"{best[0]!r} matters the most"
    lead += f", {worst[0]!r} pushes it down the most ({worst[1]:+.2f})." if signed and worst[1] < 0 else "."
    sections = [
        Cards("The answer", cards),
        Tokens("Tokens", [group], label, "", "Every token of the prompt, template included."),
        Table("Scores", columns, rows),
    ]
    Page("Which words decide", lead.replace("-", "−"), sections).write(run)
