"""Many independent problems at once: each row as the one-problem functions see it."""

import math

import pytest
import torch

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate
from antigrad.geometry.effects import effects, interaction, safe_window
from antigrad.geometry.rows import RowCertificates, row_effects, row_interaction, row_windows


def vectors(count: int = 3) -> list[torch.Tensor]:
    return [torch.randn(20, 7, dtype=torch.float64) for _ in range(count)]


def test_certificates_row_by_row() -> None:
    step, descent, _ = vectors()
    rows = RowCertificates.of(step, descent)
    for row in range(20):
        one = Certificate.of(step[row], descent[row])
        assert float(rows.cos[row]) == pytest.approx(one.cos, rel=1e-12)
        assert bool(rows.effective[row]) == one.effective
        assert float(rows.kappa[row]) == pytest.approx(one.kappa, rel=1e-9)


def test_effects_row_by_row() -> None:
    step, up, down = vectors()
    rows = row_effects(step, {"up": up, "down": down})
    for row in range(20):
        one = effects(step[row], {"up": up[row], "down": down[row]})
        assert {name: float(value[row]) for name, value in rows.items()} == pytest.approx(one)


@pytest.mark.parametrize("scaled", [False, True])
def test_interaction_and_windows_row_by_row(scaled: bool) -> None:
    up, down, scale = vectors()
    scale = scale.square()
    rows = row_interaction({"up": up, "down": down}, scale if scaled else None)
    windows = row_windows(rows)
    for row in range(20):
        operator = (lambda v, row=row: scale[row] * v) if scaled else None
        one = interaction({"up": up[row], "down": down[row]}, operator)
        torch.testing.assert_close(rows[row], one, rtol=1e-12, atol=1e-12)
        window = safe_window(float(one[0, 0]), float(one[0, 1]), float(one[1, 1]))
        found = (float(windows.low[row]), float(windows.high[row]), float(windows.balanced[row]))
        assert found == pytest.approx((window.low, window.high, window.balanced), rel=1e-9)


def test_the_weight_is_the_usual_one_unless_that_is_unsafe() -> None:
    table = torch.tensor([[[1.0, 0.5], [0.5, 9.0]], [[1.0, -2.9], [-2.9, 9.0]], [[0.0, 0.0], [0.0, 4.0]]])
    weights = row_windows(table).weight()
    assert weights.tolist() == pytest.approx([1.0, 1 / 3, 1.0])
    low, high = 2.9 / 9, 1 / 2.9
    assert low < float(weights[1]) < high


def test_a_safe_weight_improves_both_parts() -> None:
    torch.manual_seed(1)
    up, down = torch.randn(200, 5, dtype=torch.float64), torch.randn(200, 5, dtype=torch.float64)
    down = down - 1.5 * up
    windows = row_windows(row_interaction({"up": up, "down": down}))
    step = up + windows.weight()[:, None] * down
    gained = row_effects(step, {"up": up, "down": down})
    assert bool((gained["up"] > 0).all() & (gained["down"] > 0).all())
    plain = row_effects(up + down, {"up": up, "down": down})
    assert bool((plain["up"] < 0).any())


def test_nothing_to_certify() -> None:
    rows = RowCertificates.of(torch.zeros(1, 3), torch.ones(1, 3))
    assert math.isnan(float(rows.cos[0]))
    assert not bool(rows.effective[0])
    assert float(rows.kappa[0]) == math.inf


def test_bad_input() -> None:
    with pytest.raises(InputTypeError, match=r"\(R, D\)"):
        RowCertificates.of(torch.zeros(3), torch.zeros(3))
    with pytest.raises(InputTypeError, match="one shape"):
        row_effects(torch.zeros(2, 3), {"up": torch.zeros(2, 4)})
    with pytest.raises(InputTypeError, match="no parts"):
        row_interaction({})
    with pytest.raises(InputTypeError, match="interaction"):
        row_windows(torch.zeros(2, 3, 3))
    with pytest.raises(InputValueError, match="row 1"):
        row_effects(torch.tensor([[1.0], [math.nan]]), {"up": torch.ones(2, 1)})
