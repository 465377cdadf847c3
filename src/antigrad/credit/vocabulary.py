"""Which rows of the vocabulary the influence kernel keeps, and what leaving the others out can cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean

VocabularyName = Literal["full", "responses", "top_k"]
VOCABULARIES: tuple[VocabularyName, ...] = ("full", "responses", "top_k")


@dataclass(frozen=True)
class Vocabulary:
    r"""The kept rows $K$ of the head and, for each of N tokens, what lies outside them.

    Args:
        name: `full`, `responses` or `top_k`.
        rows: (|K|,) sorted token ids that are kept; None means all.
        missing: (N,) probability mass outside $K$, $m=1-\sum_{v\in K}\pi(v)$.
        largest: (N,) an upper bound of the largest probability outside $K$, at most `missing`.
    """

    name: VocabularyName
    rows: Tensor | None
    missing: Tensor
    largest: Tensor

    def error_bound(self, norms: Tensor, sources: Tensor) -> Tensor:
        r"""Bound how far truncation can move each score.

        With $K$ the kept rows, $s-s_K=\sum_k\sum_{v\notin K}\pi_k(v)\pi_{k'}(v)\langle h_k,h_{k'}\rangle$, hence
        $$|s-s_K|\le\lVert h_{k'}\rVert\min\Big(q_{k'}\sum_k m_k\lVert h_k\rVert,\;
        m_{k'}\sum_k q_k\lVert h_k\rVert\Big)$$
        where $m$ is the missing mass and $q$ the largest probability outside $K$.

        Args:
            norms: (N,) Euclidean norms of the hidden states.
            sources: (N,) True where a token belongs to a correct response (k runs over these).

        Returns:
            (N,) bounds; zeros for the full vocabulary.

        Source: ours, from Hölder's inequality; the paper reports no error for its truncation.
        """
        weighted = torch.where(sources, norms, torch.zeros_like(norms))
        return norms * torch.minimum(
            self.largest * (self.missing * weighted).sum(), self.missing * (self.largest * weighted).sum()
        )


def check_vocabulary(name: str) -> VocabularyName:
    """Return the name if there is such a vocabulary.

    Args:
        name: What was asked for.

    Returns:
        The same name.

    Raises:
        InputValueError: There is none of that name.
    """
    if name not in VOCABULARIES:
        raise InputValueError(f"vocabulary {name!r}", "full, responses or top_k", did_you_mean(name, VOCABULARIES))
    return name  # pyright: ignore[reportReturnType]
