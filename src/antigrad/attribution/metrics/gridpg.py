"""The grid pointing game: how much of a map lies in the one tile that shows the class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError

TILES = 4
"""Tiles of a grid, two by two; a map that knows nothing has a quarter of its mass in each."""


@dataclass(frozen=True)
class Grids:
    """Pictures of four classes, two by two, and which tile is asked for.

    Args:
        images: (G, C, 2H, 2W).
        targets: (G,) class of the tile.
        tiles: (G,) its place, by rows.
    """

    images: Tensor
    targets: Tensor
    tiles: Tensor


def make_grids(images: Tensor, targets: Tensor, count: int, generator: torch.Generator | None = None) -> Grids:
    """Deal images into grids; tile k mod 4 of grid k is asked for.

    Args:
        images: (B, C, H, W), at least four a grid; each is used once.
        targets: (B,) classes; those of a grid have to differ.
        count: Grids G.
        generator: Of the order.

    Returns:
        The grids.

    Raises:
        InputValueError: There are too few images, or a class is in a grid twice.

    Source: Rao et al. 2022, arXiv 2205.10435, GridPG.

    Deviations: none; a tile keeps the size that the model was trained on, the grid is twice as high and wide.

    Example:
        >>> make_grids(torch.zeros(8, 3, 4, 4), torch.arange(8), 2).images.shape
        torch.Size([2, 3, 8, 8])
    """
    if count < 1 or len(images) < TILES * count:
        raise InputValueError(f"{count} grids of {len(images)} images", "four images a grid", "ask for fewer grids")
    order = torch.randperm(len(images), generator=generator)[: TILES * count]
    classes = targets[order].view(count, TILES)
    if any(len(set(row)) < TILES for row in classes.tolist()):
        raise InputValueError("a grid with one class twice", "four classes a grid", "give one image a class")
    height, width = images.shape[2:]
    pieces = images[order].view(count, 2, 2, -1, height, width).permute(0, 3, 1, 4, 2, 5)
    tiles = torch.arange(count) % TILES
    return Grids(pieces.reshape(count, -1, 2 * height, 2 * width), classes[torch.arange(count), tiles], tiles)


def in_tile(maps: Tensor, tiles: Tensor) -> Tensor:
    r"""Share of each map's mass in the tile that is asked for.

    $$\frac{\sum_{u\in\text{tile}}M_u}{\sum_uM_u}$$

    Args:
        maps: (G, 2H, 2W), not negative.
        tiles: (G,) places.

    Returns:
        (G,) shares; a map of zeros has the share of chance, a quarter.

    Raises:
        InputValueError: A map is negative somewhere.

    Sign: higher is better. Sharpening a map raises it: look at it beside that of `calibrated` maps.

    Source: Rao et al. 2022, arXiv 2205.10435, GridPG.

    Deviations: none.

    Example:
        >>> in_tile(torch.tensor([[[1.0, 3.0], [0.0, 0.0]]]), torch.tensor([1])).item()
        0.75
    """
    if not (maps >= 0).all():
        raise InputValueError("maps below 0, or NaN", "maps from 0 up", "reduce attributions with to_map first")
    height, width = maps.shape[1] // 2, maps.shape[2] // 2
    masses = maps.double().view(len(maps), 2, height, 2, width).sum((2, 4)).flatten(1)
    mass = masses.sum(1)
    found = masses.gather(1, tiles[:, None]).squeeze(1)
    return torch.where(mass > 0, found / torch.where(mass > 0, mass, 1), 1 / TILES)
