r"""The language-model head as a matrix: its gradient for a set of tokens, and tangent scores.

Symbols: $W$ (V, d) head, $t$ temperature, $h_k$ (d,) the state that predicts token $y_k$,
$\pi_k=\mathrm{softmax}(Wh_k/t)$, $e_k=\mathbf e_{y_k}-\pi_k$.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError


@dataclass(frozen=True)
class Head:
    r"""A plain linear head $Wh/t$, read in chunks so that no (N, V) matrix is ever held whole.

    Args:
        weight: (V, d) output matrix, any floating dtype; tied embeddings are fine.
        temperature: Sampling temperature t > 0; the policy is softmax(Wh/t).
        chunk_bytes: Largest size of one work area in bytes; default: a quarter of the gradient matrix,
            but at least 64 MiB: a small chunk would pass over that matrix once for few tokens.

    Raises:
        InputTypeError: The weight is not a floating-point matrix.
        InputValueError: The temperature is not positive.

    Deviations: the gradient of log π w.r.t. W carries a further 1/t that is left out here, as in the
        paper; it would scale scores and thresholds alike.
    """

    weight: Tensor
    temperature: float = 1.0
    chunk_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or not self.weight.is_floating_point():
            given = f"head of shape {tuple(self.weight.shape)}, {self.weight.dtype}"
            raise InputTypeError(given, "a floating-point (vocabulary, width) matrix", "pass the output embedding")
        if not self.temperature > 0:
            raise InputValueError(f"temperature={self.temperature}", "a number above 0", "use the sampling temperature")

    @property
    def dtype(self) -> torch.dtype:
        """What sums are held in: float64 for a float64 head, else float32."""
        return torch.float64 if self.weight.dtype == torch.float64 else torch.float32

    @property
    def work_bytes(self) -> int:
        """Size of one work area in bytes."""
        if self.chunk_bytes is not None:
            return self.chunk_bytes
        return max(64 * 2**20, self.weight.numel() * self.dtype.itemsize // 4)

    def keep(self, rows: Tensor) -> Head:
        """Return the head of a part of the vocabulary, without renormalising anything.

        Args:
            rows: (K,) token ids.

        Returns:
            A head with K rows; use it with normalisers of the whole vocabulary.
        """
        return Head(self.weight[rows], self.temperature, self.chunk_bytes)

    def zeros(self) -> Tensor:
        """Return a matrix of the head's shape to add gradients into.

        Returns:
            (V, d) zeros, float32 or float64.
        """
        return torch.zeros(self.weight.shape, dtype=self.dtype, device=self.weight.device)

    def tokens_per_chunk(self) -> int:
        """How many tokens' logits fit into a work area.

        Returns:
            At least 1.
        """
        return max(1, self.work_bytes // (self.weight.shape[0] * self.dtype.itemsize))

    def vocabulary_chunks(self, tokens: int) -> Iterator[slice]:
        """Split the vocabulary so that a chunk's rows, and its products with some tokens, stay small.

        Args:
            tokens: Tokens that are multiplied with the chunk.

        Yields:
            Slices of the vocabulary.
        """
        vocabulary, width = self.weight.shape
        step = max(1, self.work_bytes // 4 // (max(width, tokens) * self.dtype.itemsize))
        for start in range(0, vocabulary, step):
            yield slice(start, min(start + step, vocabulary))

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of a chunk of tokens over the whole vocabulary.

        Args:
            hidden: (n, d) in the head's `dtype`.

        Returns:
            (n, V) logits divided by the temperature.
        """
        out = hidden.new_empty(hidden.shape[0], self.weight.shape[0])
        if self.weight.dtype == self.dtype:
            torch.mm(hidden, self.weight.T, out=out)
        else:
            for part in self.vocabulary_chunks(hidden.shape[0]):
                out[:, part] = hidden @ self.weight[part].to(self.dtype).T
        return out if self.temperature == 1.0 else out.div_(self.temperature)

    def probabilities(self, hidden: Tensor, normaliser: Tensor | None) -> tuple[Tensor, Tensor]:
        """Probabilities of a chunk of tokens.

        Args:
            hidden: (n, d) in the head's `dtype`.
            normaliser: (n,) log of the sum of exponentials over the *whole* vocabulary, if known.

        Returns:
            (n, V) probabilities and the (n,) normaliser used.

        Raises:
            InputValueError: A logit is NaN or infinite.
        """
        logits = self.logits(hidden)
        if normaliser is not None:
            probabilities = logits.sub_(normaliser[:, None]).exp_()
        else:  # In place: torch.logsumexp would hold a second matrix of this size.
            top = logits.amax(-1)
            probabilities = logits.sub_(top[:, None]).exp_()
            total = probabilities.sum(-1)
            probabilities.div_(total[:, None])
            normaliser = top + total.log()
        if not bool(torch.isfinite(normaliser).all()):
            raise InputValueError("NaN or infinite logits", "finite logits", "check the model's weights and dtype")
        return probabilities, normaliser


@torch.no_grad()
def add_head_gradient(
    head: Head,
    hidden: Tensor,
    tokens: Tensor,
    into: Tensor,
    *,
    lengths: Sequence[int] | None = None,
    weight: float = 1.0,
    normaliser: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Add $w\sum_k e_kh_k^\top$, the head gradient of $w\log\pi(y)$ up to $1/t$, into a matrix.

    Args:
        head: The head.
        hidden: (N, d) states; state k predicts token k.
        tokens: (N,) token ids of R responses, one after the other.
        into: (V, d) matrix that is added to.
        lengths: Tokens of each response; also asks for their norms. None: norms are not taken.
        weight: w.
        normaliser: (N,) normalisers over the whole vocabulary, if known; required for a kept part.

    Returns:
        (N,) normalisers, and (R,) squared norms $\lVert\sum_{k\in i}e_kh_k^\top\rVert_F^2$ of each response
        alone in float64 (empty without `lengths`). A response longer than one chunk needs one more
        (V, d) matrix while its norm is taken.

    Sign: `W + ε into` raises the log-probability of these tokens for w > 0.

    Source: Deng et al. 2025, arXiv 2505.18830, Section 4 (G of the head tangent kernel).

    Deviations: none.

    Example:
        >>> import torch
        >>> head, G = Head(torch.zeros(3, 2)), torch.zeros(3, 2)
        >>> _ = add_head_gradient(head, torch.tensor([[1.0, 0.0]]), torch.tensor([0]), G)
        >>> [round(value, 4) for value in G[:, 0].tolist()]
        [0.6667, -0.3333, -0.3333]
    """
    normalisers: list[Tensor] = []
    norms: list[Tensor] = []
    size = head.tokens_per_chunk()
    for here, rows in _whole_responses(lengths or [], size) if lengths else [(slice(0, len(tokens)), [])]:
        long = bool(rows) and rows[0] > size
        target = head.zeros() if long else into
        for start in range(here.start, here.stop, size):
            part = slice(start, min(start + size, here.stop))
            h = hidden[part].to(head.dtype)
            error, lse = _errors(head, h, tokens[part], None if normaliser is None else normaliser[part])
            normalisers.append(lse)
            if rows and not long:
                norms.append(_add_each(head, error, h, rows, into, weight))
            else:
                target.addmm_(error.T, h, alpha=1.0 if long else weight)
            del error  # before the next chunk makes its own
        if long:
            norms.append(torch.stack([_squared(target, head)]))
            into.add_(target, alpha=weight)
    empty = torch.zeros(0, dtype=torch.float64, device=into.device)
    return torch.cat(normalisers), torch.cat(norms) if norms else empty


def _errors(head: Head, h: Tensor, y: Tensor, normaliser: Tensor | None) -> tuple[Tensor, Tensor]:
    pi, lse = head.probabilities(h, normaliser)
    error = pi.neg_()
    error[torch.arange(len(h), device=h.device), y] += 1
    return error, lse


def _whole_responses(lengths: Sequence[int], size: int) -> Iterator[tuple[slice, list[int]]]:
    """Fill chunks with whole responses; one that is longer than a chunk comes alone.

    Args:
        lengths: Tokens of each response.
        size: Tokens a chunk.

    Yields:
        Where the tokens stand, and the lengths of the responses they are of.
    """
    start, rows = 0, list[int]()
    for length in lengths:
        if rows and sum(rows) + length > size:
            yield slice(start, start + sum(rows)), rows
            start, rows = start + sum(rows), []
        rows.append(length)
    if rows:
        yield slice(start, start + sum(rows)), rows


def _add_each(head: Head, error: Tensor, h: Tensor, rows: list[int], into: Tensor, weight: float) -> Tensor:
    """Add some responses' gradients and take each one's squared norm on the way.

    Args:
        head: The head.
        error: (n, V) prediction errors.
        h: (n, d) states.
        rows: Tokens of each response.
        into: (V, d) matrix that is added to.
        weight: Factor of what is added.

    Returns:
        (R,) squared norms, float64.
    """
    if 4 * max(rows) <= h.shape[1]:
        # Short responses: their few pairs of tokens cost less than one more pass each over (V, d).
        into.addmm_(error.T, h, alpha=weight)
        pairs = [(e @ e.T) * (state @ state.T) for e, state in zip(error.split(rows), h.split(rows), strict=True)]
        return torch.stack([pair.double().sum() for pair in pairs])
    squared = torch.zeros(len(rows), dtype=torch.float64, device=into.device)
    for part in head.vocabulary_chunks(len(h)):
        for place, (e, state) in enumerate(zip(error[:, part].split(rows), h.split(rows), strict=True)):
            gradient = e.T @ state
            squared[place] += gradient.flatten().dot(gradient.flatten()).double()
            into[part].add_(gradient, alpha=weight)
    return squared


def _squared(matrix: Tensor, head: Head) -> Tensor:
    pieces = [matrix[part].flatten() for part in head.vocabulary_chunks(1)]
    return torch.stack([piece.dot(piece).double() for piece in pieces]).sum()


@torch.no_grad()
def tangent_scores(
    head: Head, hidden: Tensor, tokens: Tensor, gradient: Tensor, *, normaliser: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Score each token by how the head moving along a gradient changes its log-probability.

    $$\tilde z=Gh_k,\qquad s_k=\tilde z_{y_k}-\sum_v\pi_k(v)\tilde z_v=e_k^\top Gh_k
    \quad\big(=t\,\tfrac{d}{d\epsilon}\log\pi_{W+\epsilon G}(y_k)\big|_0\big)$$

    Args:
        head: The head.
        hidden: (N, d) states; state k predicts token k.
        tokens: (N,) token ids.
        gradient: (V, d) the matrix G.
        normaliser: (N,) normalisers over the whole vocabulary, if known; required for a kept part.

    Returns:
        (N,) scores and (N,) normalisers.

    Sign: positive means moving the head along G raises this token's log-probability.

    Source: Deng et al. 2025, arXiv 2505.18830, Eq. 7, in tangent-logit form.

    Deviations: none; equal to the double sum over token pairs.

    Example:
        >>> import torch
        >>> head, G = Head(torch.zeros(3, 2)), torch.tensor([[1.0, 0], [0, 0], [0, 0]])
        >>> s, _ = tangent_scores(head, torch.tensor([[3.0, 0]]), torch.tensor([0]), G)
        >>> s.item()
        2.0
    """
    scores: list[Tensor] = []
    normalisers: list[Tensor] = []
    size = head.tokens_per_chunk()
    for start in range(0, hidden.shape[0], size):
        here = slice(start, start + size)
        h, y = hidden[here].to(head.dtype), tokens[here]
        pi, lse = head.probabilities(h, None if normaliser is None else normaliser[here])
        normalisers.append(lse)
        score = (gradient[y] * h).sum(-1)
        for part in head.vocabulary_chunks(len(h)):
            score -= torch.linalg.vecdot(pi[:, part], h @ gradient[part].T)
        del pi  # before the next chunk makes its own
        scores.append(score)
    return torch.cat(scores), torch.cat(normalisers)
