"""The reference scripts' own checks, run on the library's functions, where the scripts are beside the checkout.

A module that looks like the scripts' reference, made of our functions, takes the reference's place.
"""

import importlib.util
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor

from antigrad.geometry.angle import Certificate, kappa_of_angle, repair, sign_flip_z
from antigrad.geometry.blocks import block_bounds, least_high, within
from antigrad.geometry.effects import safe_window
from antigrad.geometry.finite import discrete_angle
from antigrad.geometry.metric import canonical, canonical_kappa, preconditioner
from helpers.pairs import generator, pair, uniform

CHECKS = Path(__file__).parents[4] / "shared" / "specs" / "checks"
pytestmark = pytest.mark.skipif(not CHECKS.exists(), reason="the reference scripts are not beside the checkout")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, CHECKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Its dataclasses look themselves up.
    spec.loader.exec_module(module)
    return module


def t(values: Any) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


class _AsReference:
    """A certificate under the reference's names."""

    def __init__(self, ours: Certificate) -> None:
        self.effective, self.cos, self.kappa = ours.effective, ours.cos, ours.kappa
        self.scale, self.scale_geo = ours.scale, ours.rho


def ours() -> ModuleType:
    """The library, under the names of the reference."""
    module: Any = ModuleType("certificate_reference")

    def plane(g: Any, y: Any) -> tuple[float, float, Any, Any]:
        one = Certificate.of(t(g), t(y))
        p, q = preconditioner(t(g), t(y), "geometric").vectors.numpy()
        return one.cos, one.sin, p, q

    def members(g: Any, y: Any) -> dict[str, Any]:
        names = {
            "rank_one_upper": "upper",
            "rank_one_lower": "lower",
            "arithmetic": "arithmetic",
            "geometric": "geometric",
        }
        return {name: preconditioner(t(g), t(y), own).as_matrix().numpy() for name, own in names.items()}

    def without_weight_decay(*values: float) -> tuple[float, float]:
        step_sq, dot, theta_y, theta_step, theta_sq, decay = values
        rest = Certificate(step_sq, 1.0, dot).without_decay(theta_y, theta_step, theta_sq, decay)
        return rest.step_sq, rest.dot

    def window(*interaction: float) -> tuple[float, float]:
        found = safe_window(*map(float, interaction))
        return found.low, found.high

    module.certificate = lambda *sums: _AsReference(Certificate(*map(float, sums)))
    module.kappa_of_angle, module.discrete_angle = kappa_of_angle, discrete_angle
    module.smallest_upper_bound, module.kappa_alpha = least_high, canonical_kappa
    module.p_alpha = lambda g, y, alpha: canonical(t(g), t(y), float(alpha)).as_matrix().numpy()
    module.plane, module.optimal_members = plane, members
    module.bounded_exists = lambda g, y, d, low, high: bool(within(t(g), t(y), t(d), low, high))
    module.block_kappa = lambda g, y, d: block_bounds(t(g), t(y), t(d)).kappa
    module.repair = lambda g, y, angle: repair(t(g), t(y), angle).numpy()
    module.safe_window, module.without_weight_decay = window, without_weight_decay
    module.sign_flip_z = lambda g, y: sign_flip_z(float(g @ y), float(((g * y) ** 2).sum()))
    return module


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "certificate_reference", ours())
    yield
    for name in ("natural_gradient_golden", "test_certificate_properties"):
        sys.modules.pop(name, None)
    settings.load_profile("antigrad")


SECTIONS = [
    *(
        "section_2_family",
        "section_3_optimum",
        "section_4_closest",
        "section_5_bounds_blocks_repair",
        "section_6_discrete",
    ),
    *("section_7_noise_time_order", "section_8_parts", "section_9_rules"),
]


@pytest.mark.slow
@pytest.mark.usefixtures("stand_in")
def test_the_golden_checks_hold_for_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    golden = load("natural_gradient_golden")
    for section in SECTIONS:
        getattr(golden, section)()
    golden.golden()
    assert golden.COUNT > 29_000
    assert "kappa 1.77777777778" in capsys.readouterr().out


@pytest.mark.usefixtures("stand_in")
def test_the_property_checks_hold_for_the_library() -> None:
    checks = load("test_certificate_properties")
    run = [name for name in vars(checks) if name.startswith("test_")]
    assert len(run) == 5
    for name in run:
        getattr(checks, name)()


def test_scalars_agree_with_the_reference_over_twenty_decades() -> None:
    reference = load("certificate_reference")
    rng = generator(1)
    for _ in range(300):
        one = pair(rng, 5, psi=uniform(rng, 0.0, math.pi), rho=10 ** uniform(rng, -10, 10))
        wanted, found = reference.certificate(*one.sums), Certificate.of(one.g, one.y)
        assert found.effective == wanted.effective
        wanted_values = (wanted.cos, wanted.kappa, wanted.scale, wanted.scale_geo)
        found_values = (found.cos, found.kappa, found.scale, found.rho)
        assert found_values == pytest.approx(wanted_values, rel=1e-9, nan_ok=True)


def test_blocks_agree_with_the_reference() -> None:
    reference = load("certificate_reference")
    rng = generator(2)
    for _ in range(60):
        blocks = [pair(rng, 4, psi=uniform(rng, 0.05, 1.55)).sums for _ in range(5)]
        g, y, d = zip(*blocks, strict=True)
        assert block_bounds(t(g), t(y), t(d)).kappa == pytest.approx(reference.block_kappa(g, y, d), rel=1e-7)
