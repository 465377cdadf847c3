r"""How penalising each token of a group moves the group's correct responses.

The kernel that NTHR and GWHES share: $\langle e,e'\rangle\langle h,h'\rangle$, the inner product of two
tokens' gradients with respect to the language-model head.

Symbols: $G_i=\sum_ke_kh_k^\top$ of response i, $G^\pm$ their sums over the correct / wrong responses,
$p$ success rate of the group, $p^+=(1-p)/\sqrt{p(1-p)}$, $p^-=p/\sqrt{p(1-p)}$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.credit.head import Head, add_head_gradient, tangent_scores
from antigrad.credit.vocabulary import Vocabulary, VocabularyName, check_vocabulary


@dataclass(frozen=True)
class Influence:
    r"""What the kernel says of one group of B responses of up to T tokens.

    Args:
        scores: (B, T) $s_{k}=e_k^\top G^+h_k$; 0 where masked. On a wrong response a positive score
            means that penalising this token pulls the correct responses down.
        anchor_inclusive: (B,) mean score of each correct response; NaN elsewhere.
        anchor_others: (B,) the same without the response's influence on itself; NaN elsewhere.
        gwhes: (B,) group weighted hidden embedding score of each correct response; NaN elsewhere.
        vocabulary: `full`, `responses` or `top_k`.
        kept: Rows of the vocabulary that were kept.
        missing_mass: Mean probability outside the kept rows.
        error_bound: (B, T) bound on the error of each score; 0 for the full vocabulary.
    """

    scores: Tensor
    anchor_inclusive: Tensor
    anchor_others: Tensor
    gwhes: Tensor
    vocabulary: VocabularyName
    kept: int
    missing_mass: float
    error_bound: Tensor


@torch.no_grad()
def group_influence(
    hidden: Tensor,
    tokens: Tensor,
    mask: Tensor,
    correct: Tensor,
    head: Head,
    *,
    vocabulary: str = "full",
    top_k: int = 64,
    log_probs: Tensor | None = None,
) -> Influence:
    r"""Score every token of a group against the group's correct responses.

    $$s_k=e_k^\top G^+h_k,\quad\bar s_i=\frac1{|y_i|}\sum_ks_k,\quad
    \bar s_i^{others}=\bar s_i-\frac{\lVert G_i\rVert_F^2}{|y_i|},\quad
    \mathrm{GWHES}_i=\langle G_i,p^-G^--p^+G^+\rangle$$

    Args:
        hidden: (B, T, d) states after the final norm; state k predicts token k.
        tokens: (B, T) token ids of the responses.
        mask: (B, T) True where a token counts.
        correct: (B,) True for responses judged correct. Rows without a counted token are left out.
        head: The head under the policy that sampled the responses.
        vocabulary: `full` (exact); `responses` (tokens that occur in the group); `top_k` (these and
            the most probable k of every position).
        top_k: k of the last.
        log_probs: (B, T) log-probabilities of the tokens at the head's temperature, in nats, float32
            or better. With `responses` they save the one pass over the whole vocabulary.

    Returns:
        The scores, anchors and GWHES. Memory: one (V, d) matrix and up to one and a half work areas of
        `head.work_bytes` (a second matrix while a response longer than that is read).

    Raises:
        InputTypeError: Shapes do not fit.
        InputValueError: There is no correct or no wrong response, a logit is not finite, a token that
            counts is not in the vocabulary, or an option is out of range.

    Sign: see `Influence`.

    Source: Deng et al. 2025, arXiv 2505.18830, Eq. 5 (GWHES), Eq. 7 (score), Eq. 8 (anchor).

    Deviations: the full vocabulary is the default (the paper keeps the group's tokens); truncated
        probabilities are not renormalised; `anchor_others` is an option of ours, because the paper's
        text and its formula differ on the self term.

    Example:
        >>> import torch
        >>> h = torch.tensor([[[1.0, 0]], [[1.0, 0]]])
        >>> y, mask = torch.tensor([[0], [0]]), torch.ones(2, 1, dtype=torch.bool)
        >>> group_influence(h, y, mask, torch.tensor([True, False]), Head(torch.zeros(3, 2))).scores[1].item()
        0.666...
    """
    name = check_vocabulary(vocabulary)
    _check_shapes(hidden, tokens, mask, correct, log_probs, head)
    _check_values(tokens[mask], head, top_k)
    counted = mask.any(-1)
    good = [row for row in range(len(tokens)) if bool(counted[row] & correct[row])]
    bad = [row for row in range(len(tokens)) if bool(counted[row] & ~correct[row])]
    if not good or not bad:
        raise InputValueError(
            f"{len(good)} correct and {len(bad)} wrong responses", "at least one of each", "leave this group out"
        )
    rows = [*good, *bad]
    picked = _Picked(
        torch.cat([hidden[row][mask[row]] for row in rows]),
        torch.cat([tokens[row][mask[row]] for row in rows]),
        [int(mask[row].sum()) for row in rows],
        len(good),
    )
    known = None if log_probs is None else torch.cat([log_probs[row][mask[row]] for row in rows]).to(head.dtype)
    lse, kept, part, local = _restrict(name, head, picked, top_k, known)
    scores, self_norms, gwhes = _score(part, local, lse, len(good) / len(rows))

    def padded(values: Tensor) -> Tensor:
        out = torch.zeros(tokens.shape, dtype=head.dtype, device=tokens.device)
        for row, value in zip(rows, values.split(picked.lengths), strict=True):
            out[row][mask[row]] = value
        return out

    def per_row(values: Tensor) -> Tensor:
        out = torch.full((len(tokens),), math.nan, dtype=torch.float64, device=tokens.device)
        out[good] = values
        return out

    means = torch.stack([value.double().mean() for value in scores.split(picked.lengths)[: len(good)]])
    lengths = torch.tensor(picked.lengths[: len(good)], device=means.device)
    # A lone correct response has no others; what rounding leaves must not decide which scores lie above 0.
    others = means - self_norms / lengths if len(good) > 1 else torch.zeros_like(means)
    norms = picked.hidden.to(head.dtype).norm(dim=-1)
    sources = torch.arange(len(norms), device=norms.device) < picked.split
    return Influence(
        scores=padded(scores),
        anchor_inclusive=per_row(means),
        anchor_others=per_row(others),
        gwhes=per_row(gwhes),
        vocabulary=name,
        kept=part.weight.shape[0],
        missing_mass=float(kept.missing.mean()),
        error_bound=padded(kept.error_bound(norms, sources)),
    )


@dataclass(frozen=True)
class _Picked:
    """The counted tokens of a group, one response after the other, the correct ones first.

    Args:
        hidden: (N, d) states.
        tokens: (N,) token ids.
        lengths: Tokens of each response.
        correct: How many responses are correct.
    """

    hidden: Tensor
    tokens: Tensor
    lengths: list[int]
    correct: int

    @property
    def split(self) -> int:
        """Where the tokens of the wrong responses begin."""
        return sum(self.lengths[: self.correct])


def _score(head: Head, picked: _Picked, lse: Tensor | None, p: float) -> tuple[Tensor, Tensor, Tensor]:
    """Score every token, holding one matrix of the head's shape in all.

    Args:
        head: The head, or the kept part of it.
        picked: The tokens.
        lse: (N,) normalisers, None where not known yet.
        p: Success rate.

    Returns:
        (N,) scores; squared norms and GWHES of the correct responses, float64.
    """
    good, bad = slice(0, picked.split), slice(picked.split, None)
    gradient, lengths = head.zeros(), picked.lengths[: picked.correct]

    def of(part: slice) -> tuple[Tensor, Tensor]:
        return picked.hidden[part], picked.tokens[part]

    known = None if lse is None else lse[good]
    _, norms = add_head_gradient(head, *of(good), gradient, lengths=lengths, normaliser=known)
    scores, lse = tangent_scores(head, *of(slice(None)), gradient, normaliser=lse)
    gradient.mul_(-(1 - p) / math.sqrt(p * (1 - p)))
    add_head_gradient(head, *of(bad), gradient, weight=p / math.sqrt(p * (1 - p)), normaliser=lse[bad])
    pulled, _ = tangent_scores(head, *of(good), gradient, normaliser=lse[good])
    return scores, norms, torch.stack([value.double().sum() for value in pulled.split(lengths)])


def _restrict(
    name: VocabularyName, head: Head, picked: _Picked, top_k: int, log_probs: Tensor | None
) -> tuple[Tensor | None, Vocabulary, Head, _Picked]:
    """Cut the head down to the rows of the vocabulary that are kept.

    Args:
        name: Which vocabulary.
        head: The whole head.
        picked: The tokens.
        top_k: k of `top_k`.
        log_probs: (N,) log-probabilities of the tokens, if known.

    Returns:
        Normalisers over the whole vocabulary (None: not needed yet), what was kept, that part of the
        head, and the tokens renumbered to it.
    """
    hidden = picked.hidden.to(head.dtype)
    if name == "full":
        zeros = hidden.new_zeros(len(hidden))
        return None, Vocabulary(name, None, zeros, zeros), head, picked
    keep, limit = torch.unique(picked.tokens), None
    if name == "responses" and log_probs is not None:
        own = (head.weight[picked.tokens].to(head.dtype) * hidden).sum(-1) / head.temperature
        lse = own - log_probs
    else:
        lse, limit, likely = _scan(head, hidden, top_k)
        keep = keep if name == "responses" else torch.unique(torch.cat([keep, likely]))
    part = head.keep(keep)
    size = part.tokens_per_chunk()
    mass = [part.probabilities(h, z)[0].sum(-1) for h, z in zip(hidden.split(size), lse.split(size), strict=True)]
    missing = (1 - torch.cat(mass)).clamp(min=0)
    largest = missing if limit is None or name == "responses" else torch.minimum(limit, missing)
    local = replace(picked, tokens=torch.searchsorted(keep, picked.tokens))
    return lse, Vocabulary(name, keep, missing, largest), part, local


def _scan(head: Head, hidden: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pass once over the whole vocabulary.

    Args:
        head: The whole head.
        hidden: (N, d) states.
        top_k: How many of the likeliest tokens of each position to name.

    Returns:
        (N,) normalisers, (N,) k-th largest probabilities, ids of the likeliest k of all positions.
    """
    normalisers: list[Tensor] = []
    limits: list[Tensor] = []
    likely: list[Tensor] = []
    for h in hidden.split(head.tokens_per_chunk()):
        pi, lse = head.probabilities(h, None)
        top = pi.topk(min(top_k, pi.shape[-1]), sorted=True)
        normalisers.append(lse)
        limits.append(top.values[:, -1])
        likely.append(torch.unique(top.indices))
        del pi  # Else it would live on beside the next chunk's.
    return torch.cat(normalisers), torch.cat(limits), torch.unique(torch.cat(likely))


def _check_shapes(
    hidden: Tensor, tokens: Tensor, mask: Tensor, correct: Tensor, log_probs: Tensor | None, head: Head
) -> None:
    if tokens.ndim != 2:
        raise InputTypeError(f"tokens of shape {tuple(tokens.shape)}", "(B, T)", "one row per response")
    batch, time = tokens.shape
    wanted = {
        "hidden": (hidden, (batch, time, head.weight.shape[1])),
        "mask": (mask, (batch, time)),
        "correct": (correct, (batch,)),
        "log_probs": (log_probs, (batch, time)),
    }
    for name, (value, shape) in wanted.items():
        if value is not None and tuple(value.shape) != shape:
            raise InputTypeError(f"{name} of shape {tuple(value.shape)}", f"{shape}", "see the docstring's shapes")
    if mask.dtype != torch.bool or correct.dtype != torch.bool:
        raise InputTypeError(f"mask {mask.dtype}, correct {correct.dtype}", "bool tensors, True counts", "call .bool()")


def _check_values(counted: Tensor, head: Head, top_k: int) -> None:
    size = head.weight.shape[0]
    if bool(((counted < 0) | (counted >= size)).any()):
        given = f"tokens from {int(counted.min())} to {int(counted.max())}"
        raise InputValueError(given, f"ids from 0 to {size - 1}", "mask what is no token of the response")
    if top_k < 1:
        raise InputValueError(f"top_k={top_k}", "at least 1", "64 is the default")
