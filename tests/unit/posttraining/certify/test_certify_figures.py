"""Figures of a move against dense float64 vectors of the whole model."""

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from antigrad.core import progress
from antigrad.language.policy import Policy
from antigrad.posttraining.certify.data import Tokens
from antigrad.posttraining.certify.figures import (
    SUM,
    Sums,
    finite_figures,
    noise_figures,
    part_figures,
    take_sums,
    window_figures,
)
from antigrad.posttraining.certify.gradients import SIGNS, Halves, gradient_of, part_loss, save_gradient
from antigrad.posttraining.certify.models import Move
from helpers.models import in_float64, make_policy

PARTS = ("up", "down", "anchor")
WEIGHT = 0.7
ROWS = {
    part: [Tokens([(7 * place + 11 * row + number) % 40 + 3 for place in range(9)], 3) for row in range(4)]
    for number, part in enumerate(PARTS)
}


def loss(policy: Policy, part: str) -> float:
    with progress("passes", 1) as bar:
        return part_loss(policy.model, ROWS[part], SIGNS[part], rows_at_once=9, bar=bar)


def flat(tensors: dict[str, Tensor]) -> Tensor:
    return torch.cat([tensor.detach().double().flatten() for tensor in tensors.values()])


class Dense:
    """A move of a small model, its gradients as long vectors, and what the library says of it."""

    def __init__(self, folder: Path, size: float, still: str = "") -> None:
        self.policy = in_float64(make_policy("llama_tied"))
        self.after = in_float64(copy.deepcopy(self.policy))
        halves, slopes = {}, {}
        for part in PARTS:
            files = []
            for half in (0, 1):
                with progress("passes", 1) as bar:
                    rows = ROWS[part][half::2]
                    _, slope = gradient_of(self.policy.model, rows, SIGNS[part], rows_at_once=9, bar=bar)
                slopes[part, half] = slope
                files.append(folder / f"{part}-{half}")
                save_gradient(files[-1], slope)
            halves[part] = Halves((files[0], files[1]), (12, 12))
        draw = torch.Generator().manual_seed(3)
        for name, parameter in self.after.model.named_parameters():
            if name != still:
                mixed = -slopes["up", 0][name] - 0.4 * slopes["down", 1][name]
                noise = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
                parameter.data += size * (mixed + 0.05 * noise)
        olds, news = (dict(policy.model.named_parameters()) for policy in (self.policy, self.after))
        moved = {name: (old, news[name]) for name, old in olds.items() if name != still}
        self.move = Move(self.policy, self.after.model, moved, [still] if still else [])
        self.step = flat({name: new - old for name, (old, new) in moved.items()})
        self.of_half = {key: -flat({name: slope[name] for name in moved}) for key, slope in slopes.items()}
        self.descent = {part: (self.of_half[part, 0] + self.of_half[part, 1]) / 2 for part in PARTS}
        self.descent[SUM] = self.descent["up"] + WEIGHT * self.descent["down"] + self.descent["anchor"]
        self.sums: Sums = take_sums(self.move, halves, {"up": 1.0, "down": WEIGHT, "anchor": 1.0})


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Dense:
    return Dense(tmp_path_factory.mktemp("dense"), 1e-4)


def test_alignment_effects_and_gram_are_those_of_the_long_vectors(dense: Dense) -> None:
    assert list(dense.sums.tables) == [*PARTS, SUM]
    for label, table in dense.sums.tables.items():
        figures, y, g = part_figures(table), dense.descent[label], dense.step
        assert figures["drop_predicted"] == pytest.approx(float(y @ g), rel=1e-9)
        assert figures["cos"] == pytest.approx(float(y @ g / y.norm() / g.norm()), rel=1e-9)
        assert figures["psi"] == pytest.approx(math.acos(figures["cos"]), rel=1e-9)
        assert figures["z"] == pytest.approx(float(y @ g / (y * g).norm()), rel=1e-9)
        assert sum(figures["layer_drop"].values()) == pytest.approx(figures["drop_predicted"], rel=1e-9)
        assert sum(figures["layer_share"].values()) == pytest.approx(1, rel=1e-12)
    for a, one in enumerate(PARTS):
        for b, other in enumerate(PARTS):
            expected = float(dense.descent[one] @ dense.descent[other])
            assert float(dense.sums.gram[a, b]) == pytest.approx(expected, rel=1e-9)


def test_first_order_effect_is_the_change_of_the_loss_for_a_small_move(dense: Dense) -> None:
    for part in PARTS:
        drop = loss(dense.policy, part) - loss(dense.after, part)
        predicted = part_figures(dense.sums.tables[part])["drop_predicted"]
        assert abs(drop) > 1e-5
        assert predicted == pytest.approx(drop, rel=0.02)


def test_layers_have_their_own_cosines(dense: Dense) -> None:
    figures = part_figures(dense.sums.tables["up"])
    start = 0
    for name, (old, new) in dense.move.moved.items():
        y, g = dense.descent["up"][start : start + old.numel()], (new - old).detach().flatten()
        assert figures["block_cos"][name] == pytest.approx(float(y @ g / y.norm() / g.norm()), rel=1e-8)
        start += old.numel()
    assert start == len(dense.step)
    worst = min(figures["block_cos"], key=lambda name: figures["block_cos"][name])
    assert figures["worst"][0][0] == worst


def test_a_tensor_that_stood_still_takes_no_part(tmp_path: Path) -> None:
    still = "model.layers.0.mlp.up_proj.weight"
    dense = Dense(tmp_path, 1e-4, still)
    figures = part_figures(dense.sums.tables["up"])
    assert still not in figures["block_cos"]
    y, g = dense.descent["up"], dense.step
    assert figures["cos"] == pytest.approx(float(y @ g / y.norm() / g.norm()), rel=1e-9)
    assert math.isfinite(figures["kappa_layer"])


def test_halves_say_how_noisy_a_gradient_is(dense: Dense) -> None:
    for part in PARTS:
        one, two, y = dense.of_half[part, 0], dense.of_half[part, 1], dense.descent[part]
        figures = noise_figures(dense.sums.halves[part], float(y @ y), float(dense.step @ dense.step))
        assert figures["agreement"] == pytest.approx(float(one @ two / one.norm() / two.norm()), rel=1e-9)
        assert figures["descent_sq_unbiased"] == pytest.approx(float(one @ two), rel=1e-9)
        assert figures["noise_share"] == pytest.approx(1 - float(one @ two / (y @ y)), rel=1e-9)
        for half, cosine in zip((one, two), figures["cos_halves"], strict=True):
            assert cosine == pytest.approx(float(half @ dense.step / half.norm() / dense.step.norm()), rel=1e-9)
    # The move was made from one half of up and the other of down.
    up, down = (noise_figures(dense.sums.halves[part], 1.0, float(dense.step @ dense.step)) for part in ("up", "down"))
    assert up["cos_halves"][0] > up["cos_halves"][1]
    assert down["cos_halves"][1] > down["cos_halves"][0]


def test_the_finite_angle_is_below_a_right_one_exactly_where_the_loss_fell(dense: Dense) -> None:
    table = dense.sums.tables["up"]
    fell, rose = finite_figures(table, 0.01), finite_figures(table, -0.01)
    assert fell["psi_disc"] < math.pi / 2 < rose["psi_disc"]
    assert fell["cos_disc"] == pytest.approx(-rose["cos_disc"])
    y, g = dense.descent["up"], dense.step
    area = math.sqrt(float(y @ y) * float(g @ g) - float(y @ g) ** 2)
    assert math.tan(fell["psi_disc"]) == pytest.approx(area / 0.01, rel=1e-6)


def least_kappa(g: Tensor, y: Tensor, v: Tensor) -> Tensor:
    """P v with P = λ₊ I − (λ₊ − λ₋) q qᵀ/|q|², the SPD matrix of least κ with P y = g."""
    k = float(g @ y / g.norm() / y.norm())
    s, c = math.sqrt(1 - k * k), float(g @ g / (g @ y))
    high, low = c * (1 + s), c * (1 - s)
    q = high * y - g
    return high * v - (high - low) * (q @ v) / (q @ q) * q


def test_within_the_window_every_part_gains_and_just_outside_one_loses(dense: Dense) -> None:
    figures = window_figures(dense.sums, PARTS, WEIGHT)
    low, high = figures["lambda_lo"], figures["lambda_hi"]
    assert figures["window_from"] == "least_kappa"
    assert 0 < low < high < math.inf
    assert figures["safe_weight"] == pytest.approx(math.sqrt(low * high))
    g, y = dense.step, dense.descent[SUM]
    assert torch.allclose(least_kappa(g, y, y), g, rtol=1e-6, atol=1e-12)

    def gains(weight: float) -> list[float]:
        pushed = dense.descent["up"] + weight * dense.descent["down"] + dense.descent["anchor"]
        return [float(dense.descent[part] @ least_kappa(g, y, pushed)) for part in PARTS]

    assert min(gains(figures["safe_weight"])) > 0
    for inside, outside in ((low * 1.001, low * 0.999), (high * 0.999, high * 1.001)):
        assert min(gains(inside)) > 0 > min(gains(outside))


def test_without_a_down_part_there_is_no_window(dense: Dense) -> None:
    assert set(window_figures(dense.sums, ("up", "anchor"), 1.0).values()) == {None}
