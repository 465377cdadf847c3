"""The grid pointing game, where the answer is known."""

import pytest
import torch

from antigrad.attribution.metrics.gridpg import in_tile, make_grids
from antigrad.core.errors import InputValueError


def test_tiles_are_where_their_image_is() -> None:
    images = torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 3, 4, 5)
    grids = make_grids(images, torch.arange(8) + 10, 2, torch.Generator().manual_seed(3))
    assert grids.images.shape == (2, 3, 8, 10) and grids.tiles.tolist() == [0, 1]
    assert sorted(grids.images[:, 0, ::4, ::5].flatten().tolist()) == list(range(8))
    for grid, target, tile in zip(grids.images, grids.targets, grids.tiles, strict=True):
        row, column = divmod(int(tile), 2)
        piece = grid[:, 4 * row : 4 * row + 4, 5 * column : 5 * column + 5]
        assert (piece == target - 10).all()


def test_share_of_mass() -> None:
    maps = torch.zeros(3, 4, 6)
    maps[0, :2, 3:] = 1  # all of it in the upper right
    maps[1] = 1  # spread evenly
    assert in_tile(maps, torch.tensor([1, 2, 0])).tolist() == pytest.approx([1, 0.25, 0.25])
    maps[0, 3, 0] = 6
    assert in_tile(maps, torch.tensor([2, 2, 0]))[0].item() == pytest.approx(0.5)


def test_what_is_refused() -> None:
    with pytest.raises(InputValueError, match="fewer grids"):
        make_grids(torch.zeros(7, 3, 2, 2), torch.arange(7), 2)
    with pytest.raises(InputValueError, match="twice"):
        make_grids(torch.zeros(4, 3, 2, 2), torch.tensor([1, 1, 2, 3]), 1)
    with pytest.raises(InputValueError, match="below 0"):
        in_tile(-torch.ones(1, 2, 2), torch.tensor([0]))
