"""Certificates of one block: golden values, extremes, and nearest vectors found by search."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate, kappa_of_angle, repair, sign_flip_z, verdict
from helpers.pairs import generator, normal, pair, uniform

KAPPA = {10: 1.420277, 30: 3.0, 45: 5.828427, 60: 13.928203, 80: 130.646096, 89: 13130.558738}


@pytest.mark.parametrize(("degrees", "kappa"), KAPPA.items())
def test_kappa_of_an_angle(degrees: float, kappa: float) -> None:
    psi = math.radians(degrees)
    assert kappa_of_angle(psi) == pytest.approx(kappa, rel=1e-6)
    assert Certificate(4.0, 9.0, 6.0 * math.cos(psi)).kappa == pytest.approx(kappa, rel=1e-6)
    assert Certificate(4.0, 9.0, -6.0 * math.cos(psi)).kappa == math.inf


def test_kappa_ends_at_a_right_angle() -> None:
    assert (kappa_of_angle(0.0), kappa_of_angle(math.pi / 2), kappa_of_angle(math.pi)) == (1.0, math.inf, math.inf)
    for psi in (-0.1, 3.2, math.nan):
        with pytest.raises(InputValueError, match="radians from 0"):
            kappa_of_angle(psi)


def test_the_golden_pair() -> None:
    one = Certificate.of(torch.tensor([4.0, 3.0, 0.0]), torch.tensor([3.0, 4.0, 0.0]))
    assert (one.step_sq, one.descent_sq, one.dot, one.effective) == (25.0, 25.0, 24.0, True)
    found = (one.cos, one.kappa, one.scale, one.rho, *one.eigenvalues, math.atanh(one.sin), one.psi)
    wanted = (0.96, 16 / 9, 25 / 24, 1.0, 3 / 4, 4 / 3, 0.287682072452, math.acos(0.96))
    assert found == pytest.approx(wanted, abs=1e-12)


def test_units_of_scale_and_relative_length_are_step_per_gradient() -> None:
    one = Certificate.of(torch.tensor([0.0, 8.0]), torch.tensor([0.0, 2.0]))
    assert (one.scale, one.rho, one.kappa, one.psi, one.eigenvalues) == (4.0, 4.0, 1.0, 0.0, (4.0, 4.0))


def test_kappa_does_not_cancel_near_a_right_angle() -> None:
    one = Certificate(1.0, 1.0, 1e-9)
    assert one.kappa == pytest.approx(4e18, rel=1e-9)
    assert one.eigenvalues == pytest.approx((0.5e-9, 2e9), rel=1e-9)
    assert Certificate(1.0, 1.0, 1.0).kappa == 1.0


@pytest.mark.parametrize("sums", [(1.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, -0.5)])
def test_what_has_no_certificate(sums: tuple[float, float, float]) -> None:
    one = Certificate(*sums)
    assert (one.effective, one.kappa) == (False, math.inf)
    assert math.isnan(one.scale)
    assert all(math.isnan(value) for value in one.eigenvalues)
    zero = 0.0 in sums[:2]
    assert [math.isnan(value) for value in (one.cos, one.sin, one.psi, one.rho)] == [zero] * 4


def test_opposite_vectors() -> None:
    one = Certificate.of(torch.tensor([-2.0, 0.0]), torch.tensor([1.0, 0.0]))
    assert (one.cos, one.psi, one.dot, one.rho) == (-1.0, math.pi, -2.0, 2.0)


def test_rounding_above_parallel_is_cut_and_extremes_stay_finite() -> None:
    assert Certificate(1.0, 1.0, 1.0 + 1e-9).cos == 1.0
    assert Certificate(1e-200, 1e-200, 0.5e-200).cos == pytest.approx(0.5)
    assert Certificate(1e300, 1e300, 0.5e300).kappa == pytest.approx(kappa_of_angle(math.pi / 3))
    assert Certificate(1.0, 1.0, 5e-324).kappa == math.inf


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_float_dtype_is_summed_in_float64(dtype: torch.dtype) -> None:
    step, descent = normal(generator(0), 7, 300).to(dtype), normal(generator(1), 7, 300).to(dtype)
    one = Certificate.of(step, descent)
    g, y = step.double().flatten(), descent.double().flatten()
    wanted = (float(g @ g), float(y @ y), float(g @ y))
    assert (one.step_sq, one.descent_sq, one.dot) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("sums", [(math.nan, 1.0, 0.0), (1.0, math.inf, 0.0), (1.0, 1.0, math.nan), (-1.0, 1.0, 0.0)])
def test_scalars_that_cannot_be(sums: tuple[float, float, float]) -> None:
    with pytest.raises(InputValueError, match="try:"):
        Certificate(*sums)


def test_vectors_that_cannot_be() -> None:
    with pytest.raises(InputTypeError, match=r"step \(2, 3\), descent \(3, 2\)"):
        Certificate.of(torch.zeros(2, 3), torch.zeros(3, 2))
    with pytest.raises(InputValueError, match="descent with 1 entries not finite"):
        Certificate.of(torch.zeros(2), torch.tensor([1.0, math.nan]))


def test_weight_decay_is_taken_out() -> None:
    rest = Certificate(1.0, 1.0, 0.5).without_decay(2.0, -0.1, 4.0, 0.01)
    assert (rest.step_sq, rest.dot, rest.descent_sq) == pytest.approx((0.9984, 0.52, 1.0), abs=1e-12)


def test_weight_decay_taken_out_of_vectors() -> None:
    rng = generator(3)
    g, y, theta, decay = normal(rng, 9), normal(rng, 9), normal(rng, 9), 0.03
    one = Certificate.of(g - decay * theta, y)
    sums = (float(theta @ y), float(theta @ (g - decay * theta)), float(theta @ theta))
    rest = one.without_decay(*sums, decay)
    assert (rest.step_sq, rest.dot) == pytest.approx((float(g @ g), float(g @ y)), rel=1e-12)
    alone = Certificate.of(-decay * theta, y)
    nothing = alone.without_decay(sums[0], float(theta @ (-decay * theta)), sums[2], decay)
    assert (nothing.step_sq, nothing.dot) == pytest.approx((0.0, 0.0), abs=1e-15)


def test_z_of_small_vectors() -> None:
    assert sign_flip_z(6.0, 14.0) == pytest.approx(1.60356745147, abs=1e-9)
    assert sign_flip_z(-6.0, 14.0) == pytest.approx(-1.60356745147, abs=1e-9)
    assert sign_flip_z(0.0, 0.0) == 0.0
    for given in ((math.nan, 1.0), (1.0, -1.0), (1.0, math.inf)):
        with pytest.raises(InputValueError, match="sum of squares"):
            sign_flip_z(*given)


def test_z_is_standard_normal_under_heavy_tailed_noise() -> None:
    rng = generator(4)

    def student(degrees: int = 3) -> Tensor:
        chi = (normal(rng, 4000, 400, degrees) ** 2).sum(-1) / degrees
        return normal(rng, 4000, 400) / chi.sqrt()

    products = student() * student()
    sums = zip(products.sum(1).tolist(), (products**2).sum(1).tolist(), strict=True)
    zs = torch.tensor([sign_flip_z(*one) for one in sums])
    assert abs(float(zs.mean())) < 0.06
    assert abs(float(zs.std()) - 1) < 0.06


@pytest.mark.parametrize(
    ("cos", "t", "t_step", "wanted"),
    [
        (0.5, 3.1, None, "yes"),
        (-0.5, -3.1, None, "no"),
        (0.5, 3.0, None, "unresolved"),
        (-0.5, -3.0, None, "unresolved"),
        (0.5, None, None, "unresolved"),
        (1e-7, 40.0, None, "unresolved"),
        (-1e-7, -math.inf, None, "unresolved"),
        (math.nan, None, None, "no"),
        (-0.5, -30.0, -2.9, "unresolved"),  # It ends on a slope that rises, and has gone down all the same.
        (-0.5, -30.0, -3.1, "no"),
        (0.5, 3.1, 1.0, "yes"),
        (0.5, 2.0, 9.0, "unresolved"),
    ],
)
def test_verdicts(cos: float, t: float | None, t_step: float | None, wanted: str) -> None:
    assert verdict(cos, t, t_step) == wanted


def test_the_floor_of_a_verdict() -> None:
    assert verdict(0.1, 9.0, cos_floor=0.2) == "unresolved"


def test_repair_to_sixty_degrees() -> None:
    found = repair(torch.tensor([0.0, 1.0]).double(), torch.tensor([1.0, 0.0]).double(), math.pi / 3)
    assert found.tolist() == pytest.approx([0.433012701892, 0.75], abs=1e-9)


def test_repair_is_in_the_cone_and_nearest() -> None:
    rng = generator(5)
    for _ in range(100):
        one, limit = pair(rng, 6, psi=uniform(rng, 0.1, 3.1)), uniform(rng, 0.2, math.pi / 2)
        found, unit = repair(one.g, one.y, limit), one.y / one.y.norm()
        assert float(found @ one.y) >= float(found.norm() * one.y.norm()) * math.cos(limit) - 1e-8
        assert (found is one.g) == (one.psi <= limit)
        for _ in range(40):
            across = normal(rng, 6)
            across -= (across @ unit) * unit
            lean = math.tan(uniform(rng, 0, limit))
            other = uniform(rng, 0, 2) * one.g.norm() * (unit + across * lean / across.norm())
            assert float((other - one.g).norm()) >= float((found - one.g).norm()) - 1e-8


def test_repair_at_a_right_angle_is_the_projection() -> None:
    one = pair(generator(6), 8, psi=2.0)
    wanted = one.g - one.y * (one.g @ one.y) / (one.y @ one.y)
    torch.testing.assert_close(repair(one.g, one.y), wanted, rtol=0, atol=1e-12)
    shaped = repair(one.g.reshape(2, 4).float(), one.y.reshape(2, 4).float())
    assert (shaped.shape, shaped.dtype) == ((2, 4), torch.float32)
    torch.testing.assert_close(shaped.flatten().double(), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("limit", [0.0, 1.0, math.pi / 2])
def test_a_step_straight_against_the_gradient_is_stopped(limit: float) -> None:
    y = torch.tensor([3.0, 4.0]).double()
    assert repair(-2 * y, y, limit).norm() == pytest.approx(0, abs=1e-12)
    assert repair(torch.zeros(2).double(), y, limit).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(2), torch.zeros(2)), "no angle to a zero vector"),
        ((torch.ones(2), torch.ones(2), 1.6), "beyond 90°"),
        ((torch.ones(2), torch.ones(2), -0.1), "beyond 90°"),
        ((torch.tensor([math.inf, 1.0]), torch.ones(2)), "step with 1 entries not finite"),
    ],
)
def test_repairs_that_cannot_be(arguments: Any, message: str) -> None:
    with pytest.raises(InputValueError, match=message):
        repair(*arguments)


def test_a_step_of_nothing_but_decay_leaves_no_negative_square() -> None:
    assert Certificate(1.0, 1.0, 0.0).without_decay(0.0, -1.0000001, 1.0, 1.0).step_sq == 0.0
    with pytest.raises(InputValueError, match="finite numbers"):
        Certificate(1.0, 1.0, 0.0).without_decay(0.0, math.nan, 1.0, 1.0)
