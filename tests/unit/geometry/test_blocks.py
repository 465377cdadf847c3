"""Bounds and blocks: golden values, the ladder, frozen and empty blocks."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate
from antigrad.geometry.blocks import BlockBounds, block_bounds, coordinate_bounds, finest, ladder, least_high, within
from helpers.pairs import generator, normal, pair, random_member, uniform


def columns(*blocks: tuple[float, float, float]) -> list[Tensor]:
    """Sums of blocks as three tensors."""
    return list(torch.tensor(blocks, dtype=torch.float64).T)


def widths(g: Tensor, y: Tensor, width: int) -> BlockBounds:
    """Bounds over blocks of one width."""
    return block_bounds(*((a * b).reshape(-1, width).sum(1) for a, b in ((g, g), (y, y), (g, y))))


@pytest.mark.parametrize(
    ("blocks", "layer", "whole"),
    [
        (((25, 25, 24), (100, 1, 10)), 452 / 43, 9.13622028683),
        (((1, 1, 1), (100, 1, 10)), 10.0, ((math.sqrt(202) + 9) / 11) ** 2),
    ],
)
def test_golden_blocks(blocks: tuple[tuple[float, float, float], ...], layer: float, whole: float) -> None:
    sums = columns(*blocks)
    bounds = block_bounds(*sums)
    assert bounds.kappa == pytest.approx(layer, rel=1e-9)
    assert block_bounds(*(column.sum()[None] for column in sums)).kappa == pytest.approx(whole, rel=1e-9)
    assert bounds.high / bounds.low == pytest.approx(layer, rel=1e-9)
    assert bool(within(*sums, bounds.low * (1 - 1e-6), bounds.high * (1 + 1e-6)).all())
    assert not bool(within(*sums, bounds.low * (1 + 1e-6), bounds.high * (1 - 1e-6)).all())


def test_the_range_is_where_the_reference_bounds_are() -> None:
    bounds = block_bounds(*columns((1, 1, 1), (100, 1, 10)))
    assert (bounds.low, bounds.high) == pytest.approx((1.0, 10.0), rel=1e-12)


def test_one_block_is_the_cosine_again() -> None:
    rng = generator(0)
    for _ in range(50):
        one = pair(rng, 6)
        bounds, alone = block_bounds(*columns(one.sums)), Certificate(*one.sums)
        assert bounds.kappa == pytest.approx(alone.kappa, rel=1e-12)
        assert (bounds.low, bounds.high) == pytest.approx(alone.eigenvalues, rel=1e-7)


def test_equal_blocks_cost_nothing_and_scale_mismatch_does() -> None:
    one = (4.0, 1.0, 2.0 * math.cos(0.7))
    alone = block_bounds(*columns(one)).kappa
    assert block_bounds(*columns(one, one, one)).kappa == pytest.approx(alone, rel=1e-12)
    assert block_bounds(*columns(one, (400.0, 1.0, 20.0 * math.cos(0.7)))).kappa > 3 * alone


def test_finer_blocks_never_need_a_smaller_kappa() -> None:
    rng = generator(1)
    for _ in range(40):
        y = normal(rng, 24)
        g = y * torch.exp(0.5 * normal(rng, 24))
        kappas = [widths(g, y, width).kappa for width in (24, 12, 6, 3, 1)]
        assert kappas[0] == pytest.approx(Certificate.of(g, y).kappa, rel=1e-5)
        assert all(coarse <= fine * (1 + 1e-6) for coarse, fine in pairwise(kappas))
        ratio = float((g / y).max() / (g / y).min())
        assert kappas[-1] == pytest.approx(ratio, rel=1e-5)
        bounds = coordinate_bounds(g, y)
        assert (bounds.kappa, bounds.high / bounds.low) == pytest.approx((ratio, ratio), rel=1e-12)
        assert bounds.low == pytest.approx(float((g / y).min()), rel=1e-12)


def test_one_block_uphill_and_there_is_no_certificate() -> None:
    for dot in (-1e-9, 0.0):
        assert block_bounds(*columns((1, 1, 1), (1, 1, dot))).kappa == math.inf
    assert math.isfinite(block_bounds(*columns((1, 1, 1), (1, 1, 1e-9))).kappa)


def test_empty_frozen_and_ungradiented_blocks() -> None:
    live, empty, frozen, drifting = (25, 25, 24), (0, 0, 0), (0, 1, 0), (1, 0, 0)
    alone = block_bounds(*columns(live))
    assert block_bounds(*columns(live, empty)) == alone
    assert block_bounds(*columns(live, frozen)).kappa == math.inf
    assert block_bounds(*columns(live, frozen), ignore_unmoved=True) == alone
    assert block_bounds(*columns(live, drifting), ignore_unmoved=True).kappa == math.inf
    nothing = block_bounds(*columns(empty, frozen), ignore_unmoved=True)
    assert all(math.isnan(value) for value in (nothing.kappa, nothing.low, nothing.high))


def test_extreme_sizes() -> None:
    spread = block_bounds(*columns((1e-80, 1, 1e-40), (1e80, 1, 1e40)))
    assert spread.kappa == pytest.approx(1e80, rel=1e-9)
    assert block_bounds(*columns((1e-200, 1, 1e-100), (1e200, 1, 1e100))).kappa == math.inf
    close = block_bounds(*columns((1, 1, 1), (1 + 2e-9, 1, 1 + 1e-9))).kappa
    assert close - 1 == pytest.approx(1e-9, rel=1e-4)
    assert block_bounds(*columns((1, 1, 1e-12))).kappa == pytest.approx(4e24, rel=1e-9)


def test_sums_of_any_float_dtype() -> None:
    sums = [column.float() for column in columns((25, 25, 24), (100, 1, 10))]
    assert block_bounds(*sums).kappa == pytest.approx(452 / 43, rel=1e-9)


def test_ball_of_sixty_degrees() -> None:
    assert least_high(2.0, math.pi / 3, 0.5) == pytest.approx(7.0, abs=1e-9)
    sums = [torch.tensor([value], dtype=torch.float64) for value in (4.0, 1.0, 1.0)]
    assert within(*sums, 0.5, 7.0 + 1e-9).tolist() == [True]
    assert within(*sums, 0.5, 7.0 - 1e-9).tolist() == [False]
    assert within(*sums, 0.5, 1.0).tolist() == [False]
    assert within(*sums[:2], -sums[2], 0.5, 1e9).tolist() == [False]


def test_the_ball_is_necessary() -> None:
    rng = generator(2)
    for _ in range(100):
        one = pair(rng, 5)
        values = torch.linalg.eigvalsh(random_member(rng, one.g, one.y))
        low, high = float(values[0]), float(values[-1])
        assert bool(within(*columns(one.sums), low * (1 - 1e-9), high * (1 + 1e-9)))


def test_the_ball_by_its_geometry() -> None:
    rng = generator(3)
    for _ in range(100):
        one, low = pair(rng, 5), uniform(rng, 0.01, 2)
        high = low * uniform(rng, 1, 20)
        centre, radius = (low + high) / 2 * one.y, (high - low) / 2 * one.y.norm()
        inside = bool((one.g - centre).norm() <= radius)
        assert bool(within(*columns(one.sums), low, high)) == inside


def test_zero_blocks_in_a_range() -> None:
    assert within(*columns((0, 0, 0), (0, 1, 0), (1, 0, 0)), 1.0, 2.0).tolist() == [True, False, False]


def test_a_smaller_low_needs_a_smaller_high() -> None:
    assert least_high(2.0, 1.0, 0.1) < least_high(2.0, 1.0, 0.5) < least_high(2.0, 1.0, 1.0)
    assert least_high(2.0, 0.0, 0.5) == 2.0


@pytest.mark.parametrize("given", [(2.0, math.pi / 3, 1.0 + 1e-12), (2.0, 2.0, 0.1), (0.0, 0.1, 0.1), (1.0, 0.1, 0.0)])
def test_no_upper_end(given: tuple[float, float, float]) -> None:
    with pytest.raises(InputValueError, match="try:"):
        least_high(*given)


def test_sums_that_cannot_be() -> None:
    one = torch.ones(2)
    with pytest.raises(InputTypeError, match="one shape"):
        block_bounds(one, one, torch.ones(3))
    with pytest.raises(InputTypeError, match=r"\(L,\)"):
        block_bounds(one[None], one[None], one[None])
    with pytest.raises(InputValueError, match="a square of -1"):
        block_bounds(one, -one, one)
    with pytest.raises(InputValueError, match="not finite"):
        within(one, one, one * math.nan, 1.0, 2.0)
    for low, high in ((0.0, 1.0), (2.0, 1.0), (1.0, math.inf)):
        with pytest.raises(InputValueError, match="positive eigenvalues"):
            within(one, one, one, low, high)


@pytest.mark.parametrize(
    ("g", "y", "wanted"),
    [
        ([2.0, -1.0, 0.0], [1.0, -2.0, 0.0], 4.0),
        ([2.0, 1.0], [1.0, -2.0], math.inf),
        ([2.0, 1.0], [1.0, 0.0], math.inf),
        ([2.0, 1.0], [1.0, -0.0], math.inf),
        ([2.0, 0.0], [1.0, 1.0], math.inf),
        ([0.0], [0.0], math.nan),
        ([3.0], [1.0], 1.0),
    ],
)
def test_coordinates(g: list[float], y: list[float], wanted: float) -> None:
    assert coordinate_bounds(torch.tensor(g), torch.tensor(y)).kappa == pytest.approx(wanted, nan_ok=True)


def layered(seed: int = 4) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    rng = generator(seed)
    descents = {"conv": normal(rng, 3, 2, 2), "weight": normal(rng, 4, 3), "bias": normal(rng, 5), "gain": normal(rng)}
    return {name: y * torch.exp(0.3 * normal(rng, *y.shape)) for name, y in descents.items()}, descents


def test_ladder_against_its_rungs() -> None:
    steps, descents = layered()
    found = ladder(steps, descents)
    assert list(found) == ["global", "layer", "row", "coordinate"]
    assert list(found.values()) == sorted(found.values())
    rows = [(g[i].flatten(), descents[n][i].flatten()) for n, g in steps.items() if g.ndim > 1 for i in range(len(g))]
    rows += [(steps[name].flatten(), descents[name].flatten()) for name in ("bias", "gain")]
    every = torch.cat([g for g, _ in rows]), torch.cat([y for _, y in rows])
    layers = [(steps[name].flatten(), descents[name].flatten()) for name in steps]

    def least(pairs: list[tuple[Tensor, Tensor]]) -> float:
        return block_bounds(*columns(*((float(g @ g), float(y @ y), float(g @ y)) for g, y in pairs))).kappa

    wanted = {
        "global": Certificate.of(*every).kappa,
        "layer": least(layers),
        "row": least(rows),
        "coordinate": float((every[0] / every[1]).max() / (every[0] / every[1]).min()),
    }
    assert found == pytest.approx(wanted, rel=1e-9)
    assert finest(found) == "coordinate"


def test_ladder_breaks_where_the_blocks_turn() -> None:
    steps, descents = layered()
    steps["weight"][1] = -0.01 * descents["weight"][1]
    found = ladder(steps, descents)
    assert math.isfinite(found["layer"])
    assert (found["row"], found["coordinate"], finest(found)) == (math.inf, math.inf, "layer")
    steps["bias"] = -0.01 * descents["bias"]
    assert finest(ladder(steps, descents)) == "global"
    assert finest(ladder({name: -g for name, g in steps.items()}, descents)) is None


def test_ladder_of_some_rungs_is_coarse_to_fine() -> None:
    steps, descents = layered()
    assert list(ladder(steps, descents, rungs=("coordinate", "global"))) == ["global", "coordinate"]
    empty = ladder({}, {})
    assert all(math.isnan(kappa) for kappa in empty.values())
    assert finest(empty) is None


def test_finest_goes_by_size_of_the_blocks_not_by_order() -> None:
    assert finest({"row": 3.0, "head": 2.0, "global": 1.0}) == "row"
    assert finest({"head": 2.0, "row": math.inf, "coordinate": math.nan}) == "head"
    with pytest.raises(InputValueError, match="did you mean 'layer'"):
        finest({"layers": 1.0})


def test_ladders_that_cannot_be() -> None:
    one = {"w": torch.ones(2, 2)}
    with pytest.raises(InputValueError, match="did you mean 'row'"):
        ladder(one, one, rungs=("rows",))
    with pytest.raises(InputTypeError, match="for v"):
        ladder({**one, "v": torch.ones(1)}, one)
    with pytest.raises(InputTypeError, match="one shape"):
        ladder(one, {"w": torch.ones(4)})
    with pytest.raises(InputValueError, match="not finite"):
        ladder(one, {"w": torch.full((2, 2), math.nan)})


def test_sums_of_shards_are_the_sums_of_the_whole() -> None:
    rng = generator(5)
    g, y = normal(rng, 1000).float(), normal(rng, 1000).float()
    g += 0.5 * y
    parts = [Certificate.of(a, b) for a, b in zip(g.split(300), y.split(300), strict=True)]
    added = Certificate(sum(p.step_sq for p in parts), sum(p.descent_sq for p in parts), sum(p.dot for p in parts))
    whole = Certificate.of(g, y)
    assert (added.cos, added.kappa, added.rho) == pytest.approx((whole.cos, whole.kappa, whole.rho), rel=1e-6)


def test_blocks_that_are_parallel_but_for_rounding_are_bounded_without_end() -> None:
    # Angles of rounding's size: the root is tiny, and steps relative to it would never get over the noise of the gap.
    draw = torch.Generator().manual_seed(0)
    for _ in range(50):
        descent = torch.randn(40, 30, generator=draw, dtype=torch.float64)
        step = 0.1 * descent * (1 + 1e-15 * torch.randn(40, 30, generator=draw, dtype=torch.float64))
        sums = (step * step).sum(1), (descent * descent).sum(1), (step * descent).sum(1)
        assert block_bounds(*sums).kappa == pytest.approx(1.0, abs=1e-6)
