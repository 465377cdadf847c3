r"""What steps do to the parts of many independent problems at once: R rows of D weights each.

Where the gradient is block-diagonal over rows, a row is a problem of its own, and effects, angles, κ and the safe
weights of `effects` and `angle` are exact row by row. All sums are in float64.

Symbols: g = applied step, y_a negative gradient of part a, P the preconditioner; as in `effects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError


@dataclass(frozen=True, eq=False)
class RowCertificates:
    r"""Certificates of R independent steps, from three scalars each.

    $$\exists\,P_r\succ0:\ P_ry_r=g_r\iff g_r\cdot y_r>0,\qquad\kappa_r=\Big(\frac{1+\sin\psi_r}{\cos\psi_r}\Big)^2$$

    Args:
        step_sq: (R,) |g|².
        descent_sq: (R,) |y|².
        dot: (R,) g·y.

    Sign: `dot` and `cos` are positive where the step goes down the loss.

    Source: as `angle.Certificate`, row by row.

    Deviations: none.

    Example:
        >>> rows = RowCertificates.of(torch.tensor([[4.0, 3.0], [-1.0, 0.0]]), torch.tensor([[3.0, 4.0], [1.0, 0.0]]))
        >>> [round(value, 4) for value in rows.cos.tolist()], [round(value, 4) for value in rows.kappa.tolist()]
        ([0.96, -1.0], [1.7778, inf])
    """

    step_sq: Tensor
    descent_sq: Tensor
    dot: Tensor

    @classmethod
    def of(cls, steps: Tensor, descents: Tensor) -> RowCertificates:
        """Take the scalars of R pairs of vectors.

        Args:
            steps: (R, D) g.
            descents: (R, D) y.

        Returns:
            Their certificates.
        """
        g, y = _checked(steps, descents)
        return cls(g.square().sum(1), y.square().sum(1), (g * y).sum(1))

    @property
    def cos(self) -> Tensor:
        """(R,) cosine of the angle in [−1, 1]; NaN where g or y is zero."""
        some = (self.step_sq > 0) & (self.descent_sq > 0)
        size = self.step_sq.sqrt() * self.descent_sq.sqrt()
        return torch.where(some, (self.dot / size).clamp(-1, 1), torch.nan)

    @property
    def effective(self) -> Tensor:
        """(R,) True where g·y > 0; False where g or y is zero."""
        return self.cos > 0

    @property
    def kappa(self) -> Tensor:
        """(R,) least condition number of an SPD P with P y = g; infinite where there is none."""
        cos = self.cos
        root = (1 + ((1 - cos) * (1 + cos)).sqrt()) / cos
        return torch.where(self.effective, root.square(), torch.inf)


def row_effects(steps: Tensor, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    r"""First-order drop of each part's loss, row by row.

    $$e_{a,r}=y_{a,r}\cdot g_r$$

    Args:
        steps: (R, D) g.
        parts: Name and (R, D) y_a, the negative gradient of the part.

    Returns:
        Name and (R,) effect, in units of the loss.

    Sign: positive where the loss of the part falls.

    Source: as `effects.effects`, row by row.

    Deviations: none.

    Example:
        >>> row_effects(torch.tensor([[1.0, -1.0]]), {"down": torch.tensor([[1.0, -2.0]])})["down"].tolist()
        [3.0]
    """
    found: dict[str, Tensor] = {}
    for name, part in parts.items():
        g, y = _checked(steps, part)
        found[name] = (g * y).sum(1)
    return found


def row_interaction(parts: Mapping[str, Tensor], preconditioner: Tensor | None = None) -> Tensor:
    r"""How the parts of each row act on each other through a diagonal preconditioner.

    $$K_{ab,r}=y_{a,r}^\top P_ry_{b,r}$$

    Args:
        parts: Name and (R, D) y_a; n of them.
        preconditioner: (R, D) or (D,) diagonal of P, ≥ 0; None for P = I.

    Returns:
        (R, n, n), in the order of the parts.

    Raises:
        InputTypeError: There is no part.

    Sign: K_ab < 0 where b's step harms a.

    Source: as `effects.interaction`, row by row.

    Deviations: P is diagonal.

    Example:
        >>> parts = {"up": torch.tensor([[1.0, 1.0]]), "down": torch.tensor([[-2.0, 1.0]])}
        >>> row_interaction(parts).tolist()
        [[[2.0, -1.0], [-1.0, 5.0]]]
    """
    vectors = list(parts.values())
    if not vectors:
        raise InputTypeError("no parts", "at least one", "pass the negative gradient of every part")
    flat = torch.stack([_checked(vectors[0], vector)[1] for vector in vectors], 1)
    pushed = flat if preconditioner is None else flat * preconditioner.double().reshape(-1, 1, flat.shape[-1])
    return flat @ pushed.transpose(1, 2)


@dataclass(frozen=True, eq=False)
class RowWindows:
    r"""Weights of the down part at which both parts of a row gain: (R,) each, as `effects.Window`.

    Args:
        low: Lower end.
        high: Upper end; infinite where nothing bounds it.
        balanced: $\sqrt{K_{++}/K_{--}}$.
    """

    low: Tensor
    high: Tensor
    balanced: Tensor

    def weight(self, usual: float | Tensor = 1.0) -> Tensor:
        """The weight to use: the usual one where it is safe, else the geometric mean of the window.

        Args:
            usual: λ where nothing is in conflict.

        Returns:
            (R,).
        """
        weight = torch.as_tensor(usual, dtype=self.low.dtype, device=self.low.device).expand_as(self.low)
        safe = (weight > self.low) & (weight < self.high)
        some = self.balanced.isfinite() & (self.balanced > 0)
        return torch.where(safe | ~some, weight, self.balanced)


def row_windows(interaction: Tensor) -> RowWindows:
    r"""Find the weights λ of the down part at which P(y₊ + λy₋) improves both parts, row by row.

    $$\frac{-K_{+-}}{K_{--}}<\lambda<\frac{K_{++}}{-K_{+-}}\quad\text{for }K_{+-}<0,\qquad
    \lambda\ge0\quad\text{otherwise}$$

    Args:
        interaction: (R, 2, 2): the part that is to hold first, the down part second.

    Returns:
        The windows.

    Raises:
        InputTypeError: The shape is not (R, 2, 2).

    Sign: K₊₋ < 0 where the parts are in conflict.

    Source: as `effects.safe_window`, row by row.

    Deviations: none.

    Example:
        >>> windows = row_windows(torch.tensor([[[2.0, -1.0], [-1.0, 3.0]]]))
        >>> round(windows.low.item(), 4), windows.high.item(), round(windows.balanced.item(), 4)
        (0.3333, 2.0, 0.8165)
    """
    if interaction.ndim != 3 or interaction.shape[1:] != (2, 2):
        raise InputTypeError(f"interaction {tuple(interaction.shape)}", "(R, 2, 2)", "one two-by-two table a row")
    k = interaction.double()
    up, cross, down = k[:, 0, 0], k[:, 0, 1], k[:, 1, 1]
    conflict = cross < 0
    return RowWindows(
        torch.where(conflict, -cross / down, 0.0),
        torch.where(conflict, up / -cross, torch.inf),
        (up / down).sqrt(),
    )


def _checked(steps: Tensor, descents: Tensor) -> tuple[Tensor, Tensor]:
    if steps.shape != descents.shape or steps.ndim != 2:
        given = f"steps {tuple(steps.shape)}, descents {tuple(descents.shape)}"
        raise InputTypeError(given, "one shape (R, D)", "flatten all but the rows")
    for name, tensor in (("step", steps), ("descent", descents)):
        bad = (~tensor.isfinite()).any(1)
        if bool(bad.any()):
            row = int(bad.nonzero()[0, 0])
            raise InputValueError(f"{name} of row {row} is not finite", "finite entries", "leave this row out")
    return steps.double(), descents.double()
