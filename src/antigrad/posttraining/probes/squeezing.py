r"""Where the mass went: argmax path, mass outside it, and the responses whose likelihood is watched.

Symbols: $\pi_m$ the distribution at place m of a response (teacher forcing), $y_m$ its token,
$\mathcal A=I-\mathbf 1\pi^\top$, $e_y$ a unit vector.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError
from antigrad.core.streams import stream_seed
from antigrad.language.policy import Policy
from antigrad.posttraining.probes.likelihood import distributions

SENTENCES = (
    "The train to the coast leaves a little after nine in the morning.",
    "She put the letter back into the drawer and closed it quietly.",
    "Most of the apples had fallen before anyone came to pick them.",
    "After the rain the path along the river was closed for two days.",
    "He asked for a second cup of tea and looked out of the window.",
    "The museum keeps its oldest maps in a room without daylight.",
)
"""Sentences that answer nothing: what a fluent, unrelated response looks like."""


@dataclass(frozen=True)
class Path:
    r"""What a model would rather have written, place by place along a response.

    Args:
        log_prob: $\sum_m\log\pi_m(y_m)$, nats.
        argmax_path: $\sum_m\max_v\log\pi_m(v)$, nats: log-probability of the argmax at each place.
        outside: $\sum_m\log(1-\max_v\pi_m(v))$, nats: mass that the argmax leaves.
        argmax: (T,) the argmax at each place.
        adjustment: Mean over places of $\lVert\mathcal A\rVert_F=\sqrt{V-2+V\lVert\pi_m\rVert^2}$.
        residual: Mean over places of $\lVert\pi_m-e_{y_m}\rVert_2$.
        missing: Mean over places of $1-\pi_m(y_m)$.
    """

    log_prob: float
    argmax_path: float
    outside: float
    argmax: Tensor
    adjustment: float
    residual: float
    missing: float


@torch.no_grad()
def path_of(log_probs: Tensor, tokens: Tensor) -> Path:
    r"""Take the measures of one response.

    Args:
        log_probs: (T, V) log-probabilities of all tokens at each place.
        tokens: (T,) the response.

    Returns:
        The measures.

    Raises:
        InputTypeError: Shapes do not fit.

    Sign: under squeezing `argmax_path` rises and `outside` falls while everything else loses.

    Source: Ren & Sutherland 2024, arXiv 2407.10490, Sec. 4 and App. (measures along the chosen prefix).

    Deviations: none.

    Example:
        >>> even = torch.full((1, 2), 0.5).log()
        >>> found = path_of(even, torch.tensor([1]))
        >>> round(found.argmax_path, 4), round(found.outside, 4), round(found.residual, 4), round(found.adjustment, 4)
        (-0.6931, -0.6931, 0.7071, 1.0)
    """
    if log_probs.ndim != 2 or tokens.shape != log_probs.shape[:1]:
        raise InputTypeError(f"{tuple(log_probs.shape)} and {tuple(tokens.shape)}", "(T, V) and (T,)", "one response")
    everything = log_probs.double()
    label = everything.gather(-1, tokens[:, None])[:, 0]
    best = everything.max(-1)
    # 1 − max as a sum over the others: near a certain token the difference has no digits left.
    others = everything.scatter(-1, best.indices[:, None], -torch.inf).logsumexp(-1)
    square = (2 * everything).exp().sum(-1)
    vocabulary = everything.shape[1]
    adjustment = (vocabulary - 2 + vocabulary * square).clamp(min=0).sqrt()
    residual = (square - 2 * label.exp() + 1).clamp(min=0).sqrt()
    return Path(
        float(label.sum()),
        float(best.values.sum()),
        float(others.sum()),
        best.indices,
        float(adjustment.mean()),
        float(residual.mean()),
        float(-torch.expm1(label).mean()),
    )


@torch.no_grad()
def paths(
    policy: Policy, prompt: Tensor, responses: Sequence[Sequence[int]], *, temperature: float = 1.0
) -> list[Path]:
    """Measure responses to one prompt, one at a time: a distribution at every place is large.

    Args:
        policy: The model.
        prompt: (P,) token ids.
        responses: Token ids of each response.
        temperature: Temperature of the softmax.

    Returns:
        The measures of each.
    """
    found: list[Path] = []
    for response in responses:
        tokens = torch.tensor(list(response), device=prompt.device)
        found.append(path_of(distributions(policy, prompt, tokens[None], temperature)[0], tokens))
    return found


def probe_responses(
    prompt: str,
    chosen: str,
    rejected: str,
    *,
    initial: str | None = None,
    chosen_paraphrase: str | None = None,
    chosen_rewrite: str | None = None,
    rejected_paraphrase: str | None = None,
    rejected_rewrite: str | None = None,
    other_train: str | None = None,
    other_test: str | None = None,
    vocabulary: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, str]:
    """Put together the twelve responses to one prompt whose likelihood tells where mass went.

    Args:
        prompt: The prompt; it decides, with the seed, what is drawn.
        chosen: The chosen response.
        rejected: The rejected one.
        initial: What the model itself wrote before training.
        chosen_paraphrase: The chosen one with the same meaning in other words.
        chosen_rewrite: The chosen one in the same form with another meaning.
        rejected_paraphrase: Likewise of the rejected one.
        rejected_rewrite: Likewise.
        other_train: The chosen response to another prompt of the training data.
        other_test: The chosen response to a prompt that is not trained on.
        vocabulary: Texts of single tokens to draw random ones from.
        seed: Seed of what is drawn.

    Returns:
        Name and text of each; those that were not given are left out.

    Source: Ren & Sutherland 2024, arXiv 2407.10490, Sec. 4.1 (their list).

    Deviations: paraphrases are the user's (theirs are from a large model); the random sentence is one of ours.

    Example:
        >>> sorted(probe_responses("2 + 2 =", "4 it is", "5"))
        ['chosen', 'random_sentence', 'rejected', 'shuffled_chosen']
    """
    rng = random.Random(stream_seed(seed, "probe responses", prompt))
    words = chosen.split(" ")
    shuffled = words
    if len(set(words)) > 1:
        while shuffled == words:
            shuffled = rng.sample(words, len(words))
    texts = {
        "chosen": chosen,
        "initial": initial,
        "chosen_paraphrase": chosen_paraphrase,
        "chosen_rewrite": chosen_rewrite,
        "rejected": rejected,
        "rejected_paraphrase": rejected_paraphrase,
        "rejected_rewrite": rejected_rewrite,
        "other_train": other_train,
        "other_test": other_test,
        "random_sentence": rng.choice(SENTENCES),
        "shuffled_chosen": " ".join(shuffled) if shuffled != words else None,
        "random_tokens": "".join(rng.choices(vocabulary, k=max(1, len(words)))) if vocabulary else None,
    }
    return {name: text for name, text in texts.items() if text}
