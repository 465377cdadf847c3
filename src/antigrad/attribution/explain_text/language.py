"""Which tokens of a prompt pull a language model's answer up, and which push it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import torch
from captum.attr import FeatureAblation, LayerGradientXActivation, LayerIntegratedGradients
from torch import Tensor

from antigrad.attribution.methods.guided_absolute_grad import GuidedAbsoluteGrad
from antigrad.core.errors import InputValueError, did_you_mean

TokenMethod = Literal["ablation", "integrated_gradients", "gradient_x_input", "guided_absolute_grad"]


@dataclass(frozen=True)
class TokenScores:
    r"""What `attribute_tokens` found.

    Args:
        ids: (P,) tokens of the prompt.
        scores: (P,) in nats for signed methods; magnitudes, never negative, for `guided_absolute_grad`.
        log_prob: Of the answer (or of the answer minus that of the other one).
        baseline_log_prob: The same with the prompt's tokens replaced; None where the method has no baseline.
    """

    ids: Tensor
    scores: Tensor
    log_prob: float
    baseline_log_prob: float | None

    @property
    def gap(self) -> float | None:
        """Sum of the scores minus the change of the log-probability: 0 if the path was followed finely enough."""
        if self.baseline_log_prob is None:
            return None
        return float(self.scores.sum()) - (self.log_prob - self.baseline_log_prob)


def attribute_tokens(
    model: Any,
    prompt: Tensor,
    answer: Tensor,
    *,
    other: Tensor | None = None,
    method: TokenMethod = "ablation",
    baseline: int = 0,
    n_steps: int = 50,
    n_samples: int = 20,
    rows_at_once: int = 8,
    generator: torch.Generator | None = None,
) -> TokenScores:
    r"""Attribute the log-probability of an answer to the tokens of the prompt.

    $$s_k=\log\pi(a\mid x)-\log\pi(a\mid x_{-k})$$

    with token k replaced by the baseline token (`ablation`);

    $$s_k=\sum_d(e_k-e'_k)_d\int_0^1\partial_{e_{k,d}}\log\pi(a\mid e'+\alpha(e-e'))\,d\alpha$$

    with e the embeddings and e' those of the baseline token (`integrated_gradients`, which wants hundreds of points
    on a deep model: look at `gap`); $e_k\cdot\partial_{e_k}$ (`gradient_x_input`); or $\sum_d$ of Guided AbsoluteGrad
    over noisy embeddings.

    Args:
        model: A causal language model of transformers, in eval mode.
        prompt: (P,) tokens.
        answer: (A,) tokens.
        other: (B,) tokens of another answer: the difference of the two log-probabilities is attributed.
        method: See above.
        baseline: Token that stands for "nothing was said": the end or padding token.
        n_steps: Gauss–Legendre points.
        n_samples: Noisy copies.
        rows_at_once: Sequences in one pass.
        generator: Of the noise.

    Returns:
        Scores of the prompt's tokens.

    Raises:
        InputValueError: A text is empty, or the method is unknown.

    Sign: above zero where the token raises the answer's log-probability.

    Source: Captum's `FeatureAblation`; Sundararajan et al. 2017, arXiv 1703.01365, on embeddings by Captum's layer
        variants; Guided AbsoluteGrad, arXiv 2404.15564, ours for text.

    Deviations: the guide's threshold is taken over all embedding numbers of the prompt.
    """
    if method not in get_args(TokenMethod):
        raise InputValueError(f"method {method!r}", "one of the methods", did_you_mean(method, get_args(TokenMethod)))
    if not len(prompt) or not len(answer) or (other is not None and not len(other)):
        raise InputValueError("an empty prompt or answer", "at least one token each", "give a text")
    work = {
        "ablation": lambda text: _ablated(model, prompt, text, baseline, rows_at_once),
        "integrated_gradients": lambda text: _integrated(model, prompt, text, baseline, n_steps, rows_at_once),
        "gradient_x_input": lambda text: _gradient_x_input(model, prompt, text),
        "guided_absolute_grad": lambda text: _guided(model, prompt, text, n_samples, rows_at_once, generator),
    }[method]
    if other is None:
        return work(answer)
    if method == "guided_absolute_grad":
        raise InputValueError("magnitudes of two answers", "a method with a sign", "use integrated_gradients")
    ours, theirs = work(answer), work(other)
    base = None
    if ours.baseline_log_prob is not None and theirs.baseline_log_prob is not None:
        base = ours.baseline_log_prob - theirs.baseline_log_prob
    return TokenScores(prompt, ours.scores - theirs.scores, ours.log_prob - theirs.log_prob, base)


def answer_log_prob(logits: Tensor, answer: Tensor) -> Tensor:
    """Log-probability of the answer that ends the sequences.

    Args:
        logits: (B, T, V) of whole sequences.
        answer: (A,) tokens, the last A of each sequence.

    Returns:
        (B,) nats.
    """
    count = len(answer)
    picked = logits[:, -count - 1 : -1]
    picked = picked.to(torch.promote_types(picked.dtype, torch.float32)).log_softmax(-1)
    return picked.gather(-1, answer.expand(len(logits), -1)[..., None])[..., 0].sum(-1)


def _forward(model: Any, answer: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda ids: answer_log_prob(model(input_ids=ids, use_cache=False).logits, answer)


def _integrated(model: Any, prompt: Tensor, answer: Tensor, baseline: int, n_steps: int, rows: int) -> TokenScores:
    forward = _forward(model, answer)
    whole = torch.cat([prompt, answer])[None]
    nothing = torch.cat([torch.full_like(prompt, baseline), answer])[None]
    found = LayerIntegratedGradients(forward, model.get_input_embeddings()).attribute(
        whole, nothing, n_steps=n_steps, internal_batch_size=rows
    )
    with torch.no_grad():
        ends = [float(forward(one)) for one in (whole, nothing)]
    scores = cast(Tensor, found)[0].sum(-1).detach()[: len(prompt)]
    return TokenScores(prompt, scores, ends[0], ends[1])


def _ablated(model: Any, prompt: Tensor, answer: Tensor, baseline: int, rows: int) -> TokenScores:
    whole = _forward(model, answer)

    def forward(prompts: Tensor) -> Tensor:
        return whole(torch.cat([prompts, answer.expand(len(prompts), -1)], 1))

    with torch.no_grad():
        found = FeatureAblation(forward).attribute(prompt[None], baseline, perturbations_per_eval=rows)
        log_prob = float(forward(prompt[None]))
    return TokenScores(prompt, found[0].detach(), log_prob, None)


def _gradient_x_input(model: Any, prompt: Tensor, answer: Tensor) -> TokenScores:
    forward, whole = _forward(model, answer), torch.cat([prompt, answer])[None]
    found = LayerGradientXActivation(forward, model.get_input_embeddings()).attribute(whole)
    with torch.no_grad():
        log_prob = float(forward(whole))
    return TokenScores(prompt, cast(Tensor, found)[0].sum(-1).detach()[: len(prompt)], log_prob, None)


def _guided(
    model: Any, prompt: Tensor, answer: Tensor, n_samples: int, rows: int, generator: torch.Generator | None
) -> TokenScores:
    look_up = model.get_input_embeddings()
    with torch.no_grad():
        start, end = look_up(prompt[None]), look_up(answer[None])

    def forward(embedded: Tensor) -> Tensor:
        both = torch.cat([embedded, end.expand(len(embedded), -1, -1)], 1)
        return answer_log_prob(model(inputs_embeds=both, use_cache=False).logits, answer)

    found = GuidedAbsoluteGrad(forward).attribute(
        start, n_samples=n_samples, pool="image", internal_batch_size=rows, generator=generator
    )
    with torch.no_grad():
        log_prob = float(forward(start))
    return TokenScores(prompt, cast(Tensor, found)[0].sum(-1), log_prob, None)
