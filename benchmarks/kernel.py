"""The influence kernel over the full vocabulary ÷ its floor in plain unchunked torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from antigrad.credit import Head
from antigrad.credit.head import add_head_gradient, tangent_scores
from benchmarks.measure import paired_ratio, peak_megabytes, record

SHAPES = {"smollm2-135m": (49152, 576), "qwen2.5-1.5b": (151936, 1536)}


def floor_gradient(hidden: Tensor, tokens: Tensor, weight: Tensor) -> Tensor:
    """Two head-sized products and one softmax, unchunked: the sum of e h^T."""
    error = torch.softmax(hidden @ weight.T, -1).neg_()
    error[torch.arange(len(tokens)), tokens] += 1
    return error.T @ hidden


def floor_scores(hidden: Tensor, tokens: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
    """Two head-sized products and one softmax, unchunked: e^T G h."""
    tangent = hidden @ gradient.T
    mean = (torch.softmax(hidden @ weight.T, -1) * tangent).sum(-1)
    return tangent.gather(1, tokens[:, None])[:, 0] - mean


def pairwise_scores(hidden: Tensor, tokens: Tensor, weight: Tensor, count: int) -> Tensor:
    """The definition: a double sum over pairs of tokens, which holds a (T, V) matrix of errors."""
    error = torch.softmax(hidden @ weight.T, -1).neg_()
    error[torch.arange(len(tokens)), tokens] += 1
    return ((error[count:] @ error[:count].T) * (hidden[count:] @ hidden[:count].T)).sum(-1)


def run(quick: bool, keep: bool) -> None:
    """Measure building G and scoring at two shapes, with peak memory of ours, the floor and the pairwise form."""
    one_shape("smollm2-135m", *((96, 3) if quick else (384, 7)), keep)
    if not quick:
        one_shape("qwen2.5-1.5b", 384, 3, keep)


def one_shape(name: str, count: int, repeats: int, keep: bool) -> None:
    """Measure one head: `count` tokens of four correct responses, and as many wrong ones."""
    vocabulary, width = SHAPES[name]
    torch.manual_seed(0)
    weight = torch.randn(vocabulary, width) * 0.05
    hidden, tokens = torch.randn(2 * count, width), torch.randint(0, vocabulary, (2 * count,))
    good, lengths = (hidden[:count], tokens[:count]), [count // 4] * 4
    head, gradient = Head(weight), floor_gradient(hidden[:count], tokens[:count], weight)
    ours = head.zeros()

    def build() -> object:
        return add_head_gradient(head, *good, ours.zero_(), lengths=lengths)

    def score() -> object:
        return tangent_scores(head, hidden, tokens, gradient)

    def floor() -> object:
        return floor_scores(hidden, tokens, weight, gradient)

    def pairs() -> object:
        return pairwise_scores(hidden, tokens, weight, count)

    facts: dict[str, Any] = {
        "target": 1.2,
        "tokens": f"{count} correct, {count} wrong",
        "shape": [vocabulary, width],
        "matrix_megabytes": vocabulary * width * 4 / 1e6,
    }
    record(
        {
            "name": f"kernel_build_{name}",
            "what": "G of the correct tokens with four responses' norms ÷ plain torch",
            **paired_ratio(build, lambda: floor_gradient(*good, weight), repeats),
            **facts,
            "peak_megabytes_ours_with_matrix": peak_megabytes(
                lambda: add_head_gradient(head, *good, head.zeros(), lengths=lengths)
            ),
            "peak_megabytes_theirs": peak_megabytes(lambda: floor_gradient(*good, weight)),
        },
        keep=keep,
    )
    record(
        {
            "name": f"kernel_score_{name}",
            "what": "scores of all tokens ÷ plain torch",
            **paired_ratio(score, floor, repeats),
            **facts,
            "peak_megabytes_ours": peak_megabytes(score),
            "peak_megabytes_theirs": peak_megabytes(floor),
            "peak_megabytes_pairwise": peak_megabytes(pairs),
            "pairwise_over_theirs": paired_ratio(pairs, floor, 2)["ratio"],
        },
        keep=keep,
    )
