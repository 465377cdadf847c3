"""The corners of oriented boxes."""

from __future__ import annotations

import torch
from torch import Tensor


def corners(xy: Tensor, yaw: Tensor, size: Tensor) -> Tensor:
    """Corners of boxes, counter-clockwise from the front left.

    Args:
        xy: (..., 2) m, centres.
        yaw: (...) rad.
        size: (..., 2) m, length and width; broadcasts against `xy`.

    Returns:
        (..., 4, 2) m.

    Example:
        >>> box = corners(torch.zeros(2), torch.tensor(0.0), torch.tensor([4.0, 2.0]))
        >>> box.tolist()
        [[2.0, 1.0], [-2.0, 1.0], [-2.0, -1.0], [2.0, -1.0]]
    """
    along = torch.stack([yaw.cos(), yaw.sin()], -1)
    across = torch.stack([-along[..., 1], along[..., 0]], -1)
    half = size / 2
    length, width = along * half[..., :1], across * half[..., 1:]
    return xy.unsqueeze(-2) + torch.stack([length + width, width - length, -length - width, length - width], -2)
