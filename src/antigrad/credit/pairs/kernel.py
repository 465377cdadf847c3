r"""Inner products of the head gradients of both responses of a pair: whether pushing one moves the other.

Symbols: $G=\sum_ke_kh_k^\top$ of a response, its gradient with respect to the language-model head; $w$ chosen,
$l$ rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError
from antigrad.credit.head import Head, add_head_gradient, tangent_scores


@dataclass(frozen=True)
class PairKernel:
    r"""Inner products of B pairs, float64.

    Args:
        chosen: (B,) $\lVert G_w\rVert^2$.
        cross: (B,) $\langle G_w,G_l\rangle$; above 0 where pushing the rejected response pulls the chosen one down.
        rejected: (B,) $\lVert G_l\rVert^2$.
    """

    chosen: Tensor
    cross: Tensor
    rejected: Tensor

    def cosine(self) -> Tensor:
        """Cosine of both gradients.

        Returns:
            (B,) from −1 to 1; 0 where a gradient vanishes.
        """
        norms = (self.chosen * self.rejected).sqrt()
        return torch.where(norms > 0, self.cross / norms.clamp(min=torch.finfo(norms.dtype).tiny), 0.0)


@torch.no_grad()
def pair_kernel(
    head: Head,
    chosen_hidden: Tensor,
    chosen_tokens: Tensor,
    chosen_mask: Tensor,
    rejected_hidden: Tensor,
    rejected_tokens: Tensor,
    rejected_mask: Tensor,
) -> PairKernel:
    r"""Compute the inner products of B pairs, one (V, d) matrix at a time.

    $$\langle G_w,G_l\rangle=\sum_{k\in y_w}\sum_{k'\in y_l}\langle e_k,e_{k'}\rangle\langle h_k,h_{k'}\rangle$$

    To first order a step $-\eta\nabla\mathcal L$ on the head alone changes $\log\pi(y_w)$ by
    $\eta\,(g_w\lVert G_w\rVert^2-g_l\langle G_w,G_l\rangle)$.

    Args:
        head: The head.
        chosen_hidden: (B, T, d) states that predict the chosen tokens.
        chosen_tokens: (B, T) token ids.
        chosen_mask: (B, T) True where a token counts.
        rejected_hidden: (B, U, d) likewise.
        rejected_tokens: (B, U) likewise.
        rejected_mask: (B, U) likewise.

    Returns:
        The kernel.

    Raises:
        InputTypeError: Shapes do not fit.

    Sign: `cross` > 0 where both gradients point alike.

    Source: the kernel of Deng et al. 2025, arXiv 2505.18830, Section 4, on one pair.

    Deviations: none.

    Example:
        >>> head, mask = Head(torch.zeros(3, 2)), torch.tensor([[True]])
        >>> state, one, other = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[0]]), torch.tensor([[1]])
        >>> kernel = pair_kernel(head, state, one, mask, state, other, mask)
        >>> [round(float(x), 4) for x in (kernel.chosen, kernel.cross, kernel.rejected)]
        [0.6667, -0.3333, 0.6667]
    """
    sides = ((chosen_hidden, chosen_tokens, chosen_mask), (rejected_hidden, rejected_tokens, rejected_mask))
    for hidden, tokens, mask in sides:
        if hidden.shape[:2] != mask.shape or tokens.shape != mask.shape or len(mask) != len(chosen_mask):
            given = f"hidden {tuple(hidden.shape)}, tokens {tuple(tokens.shape)}, mask {tuple(mask.shape)}"
            raise InputTypeError(given, "(B, T, d), (B, T), (B, T)", "one state per token, one row per pair")
    rows = [
        pair_dots(head, *((hidden[row][mask[row]], tokens[row][mask[row]]) for hidden, tokens, mask in sides))
        for row in range(len(chosen_mask))
    ]
    return kernel_of(rows)


def kernel_of(rows: Sequence[tuple[float, float, float]]) -> PairKernel:
    """Put the inner products of single pairs together.

    Args:
        rows: What `pair_dots` gave.

    Returns:
        The kernel.
    """
    columns = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3).T
    return PairKernel(*columns)


@torch.no_grad()
def pair_dots(head: Head, chosen: tuple[Tensor, Tensor], rejected: tuple[Tensor, Tensor]) -> tuple[float, float, float]:
    """Compute the inner products of one pair.

    Args:
        head: The head.
        chosen: (N, d) states and (N,) ids of the tokens they predict.
        rejected: (M, d) and (M,) likewise.

    Returns:
        Squared norm of the chosen gradient, inner product, squared norm of the rejected gradient.
    """
    gradient = head.zeros()
    squares: list[float] = []
    cross = 0.0
    for place, (hidden, tokens) in enumerate((chosen, rejected)):
        if not len(tokens):
            squares.append(0.0)
            continue
        if place:
            cross = float(tangent_scores(head, hidden, tokens, gradient)[0].double().sum())
            gradient.zero_()
        squares.append(float(add_head_gradient(head, hidden, tokens, gradient, lengths=[len(tokens)])[1]))
    return squares[0], cross, squares[1]
