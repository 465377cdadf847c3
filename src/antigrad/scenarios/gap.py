"""The signed gap between oriented boxes, and other distances between them.

A box is two half lengths in a frame: it overlaps another if its gap is not above zero, and then the gap is minus the
least shift that would part the two along one of the four face normals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States

_SIGNS = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))


class Box(NamedTuple):
    """Oriented boxes: centre in m, cosine and sine of the yaw, half length and half width in m; broadcastable."""

    x: Tensor
    y: Tensor
    cos: Tensor
    sin: Tensor
    half_length: Tensor
    half_width: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> Box:
        """Apply a function to each of the six tensors.

        Args:
            change: Takes and returns a tensor.

        Returns:
            The changed boxes.
        """
        return Box(*(change(value) for value in self))

    def place(self, change: Callable[[Tensor], Tensor]) -> Box:
        """Apply a function to the four tensors of place and heading; the half lengths stay.

        Args:
            change: Takes and returns a tensor.

        Returns:
            The changed boxes.
        """
        return self._replace(x=change(self.x), y=change(self.y), cos=change(self.cos), sin=change(self.sin))

    def grown(self, margin: float) -> Box:
        """Grow the boxes on all four sides.

        Args:
            margin: m.

        Returns:
            Larger boxes.
        """
        return self._replace(half_length=self.half_length + margin, half_width=self.half_width + margin)

    @property
    def radius(self) -> Tensor:
        """Distance of the corners from the centre, m."""
        return torch.hypot(self.half_length, self.half_width)


def boxes(states: States, size: Tensor) -> Box:
    """Boxes of objects.

    Args:
        states: (..., T).
        size: (..., 2) length and width, m.

    Returns:
        Boxes (..., T); the half lengths are (..., 1).
    """
    half = size[..., None, :] / 2
    return Box(states.x, states.y, states.yaw.cos(), states.yaw.sin(), half[..., 0], half[..., 1])


def corners(box: Box) -> Tensor:
    """Corners of boxes.

    Args:
        box: (...).

    Returns:
        (..., 4, 2) m.
    """
    x, y, cos, sin, length, width = box.map(lambda value: value[..., None])
    along, across = _signs(x.dtype, x.device)
    length, width = along * length, across * width
    return torch.stack([x + cos * length - sin * width, y + sin * length + cos * width], -1)


def separation(one: Box, two: Box) -> Tensor:
    r"""Largest gap along the four face normals: at most zero exactly if the boxes overlap or touch.

    Args:
        one: (...).
        two: (...), broadcastable.

    Returns:
        (...) m; never above the distance.
    """
    dx, dy = two.x - one.x, two.y - one.y
    same = (one.cos * two.cos + one.sin * two.sin).abs()
    across = (one.cos * two.sin - one.sin * two.cos).abs()
    first = torch.maximum(
        (one.cos * dx + one.sin * dy).abs() - one.half_length - two.half_length * same - two.half_width * across,
        (one.cos * dy - one.sin * dx).abs() - one.half_width - two.half_length * across - two.half_width * same,
    )
    second = torch.maximum(
        (two.cos * dx + two.sin * dy).abs() - two.half_length - one.half_length * same - one.half_width * across,
        (two.cos * dy - two.sin * dx).abs() - two.half_width - one.half_length * across - one.half_width * same,
    )
    return torch.maximum(first, second)


def gap(one: Box, two: Box) -> Tensor:
    r"""Signed gap: the distance when apart, minus the least penetration along a face normal when overlapping.

    $$g=\begin{cases}\min_{c}\operatorname{dist}(c,\text{other box}),\ c\text{ the 8 corners}&\text{apart}\\
    \max_n\text{gap along }n,\ n\text{ the 4 face normals}&\text{overlapping}\end{cases}$$

    Args:
        one: (...).
        two: (...), broadcastable.

    Returns:
        (...) m, < 0 when the boxes overlap, 0 when they touch.

    Sign: grows as the boxes move apart.

    Source: ours; the distances of Yin et al. 2024, arXiv 2409.07830, and Hanselmann et al. 2022, arXiv 2204.13683, go
        from corners only.

    Deviations: corners alone call crossing boxes apart, and give aligned equal boxes exactly 0.

    Example:
        >>> def car(x, y): return Box(*(torch.tensor(value) for value in (x, y, 1.0, 0.0, 2.25, 1.0)))
        >>> gap(car(0.0, 0.0), car(5.0, 0.0)).item(), gap(car(0.0, 0.0), car(3.0, 0.0)).item()
        (0.5, -1.5)
    """
    axes = separation(one, two)
    apart = torch.minimum(_corner_distance(one, two), _corner_distance(two, one))
    return torch.where(axes <= 0, axes, apart)


def corner_edge(one: Box, two: Box) -> Tensor:
    """Unsigned distance from the corners of one box to the edges of another: KING's, one direction.

    Args:
        one: (...).
        two: (...), broadcastable.

    Returns:
        (...) m, ≥ 0 also when they overlap.
    """
    return _corner_offsets(one, two).abs().amin(-1)


def _corner_distance(one: Box, two: Box) -> Tensor:
    # Least distance of the corners of one box outside another, 0 if one is inside.
    outside = [value.clamp(min=0) for value in _in_frame(one, two)]
    squared = (outside[0].square() + outside[1].square()).amin(-1)
    return _root(squared)


def _corner_offsets(one: Box, two: Box) -> Tensor:
    # (..., 4) signed distance of the corners of one box to the border of another.
    along, across = _in_frame(one, two)
    outside = _root(along.clamp(min=0).square() + across.clamp(min=0).square())
    return outside + torch.maximum(along, across).clamp(max=0)


def _in_frame(one: Box, two: Box) -> tuple[Tensor, Tensor]:
    # How far the corners of one box lie beyond the faces of another, (..., 4) each: along and across.
    dx, dy = one.x - two.x, one.y - two.y
    along, across = two.cos * dx + two.sin * dy, two.cos * dy - two.sin * dx
    cos, sin = one.cos * two.cos + one.sin * two.sin, one.sin * two.cos - one.cos * two.sin
    signs = _signs(dx.dtype, dx.device)
    lengths = [(cos * one.half_length, sin * one.half_length), (-sin * one.half_width, cos * one.half_width)]
    corner = [
        centre[..., None] + signs[0] * lengths[0][axis][..., None] + signs[1] * lengths[1][axis][..., None]
        for axis, centre in enumerate((along, across))
    ]
    return corner[0].abs() - two.half_length[..., None], corner[1].abs() - two.half_width[..., None]


def _root(squared: Tensor) -> Tensor:
    # Square root whose derivative at 0 is 0, not NaN.
    return squared.clamp(min=torch.finfo(squared.dtype).tiny).sqrt()


@cache
def _signs(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    # (4,) each: which way the corners lie along and across; made once, for gaps are asked for in every iteration.
    along, across = torch.tensor(_SIGNS, dtype=dtype, device=device).unbind(-1)
    return along, across
