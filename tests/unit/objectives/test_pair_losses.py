"""DPO, IPO and SLiC: golden pairs, gradient weights, parts, refusals."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.core import InputTypeError, InputValueError
from antigrad.objectives import Dpo, Ipo, PairLoss, Slic
from helpers.losses import CHOSEN, LENGTHS, REF_CHOSEN, REF_REJECTED, REJECTED, leaf

LOSSES = [Dpo(), Dpo(beta=1.0), Ipo(), Ipo(margin=0.5), Slic(), Slic(delta=10.0)]


def call(loss: PairLoss, chosen: Tensor, rejected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value, −dL/dlog π(chosen), dL/dlog π(rejected)."""
    w, r = leaf(chosen), leaf(rejected)
    reference = (REF_CHOSEN, REF_REJECTED) if loss.needs_reference else ()
    total = loss(w, r, *reference).total()
    total.backward()
    assert w.grad is not None and r.grad is not None
    return total.detach(), -w.grad[0], r.grad[0]


def test_dpo_golden_pair() -> None:
    value, up, down = call(Dpo(), CHOSEN, REJECTED)
    assert value.item() == pytest.approx(0.6117553389, abs=1e-10)
    assert (up.item(), down.item()) == pytest.approx((0.0457602059, 0.0457602059), abs=1e-10)


def test_ipo_on_token_means_is_trl_s() -> None:
    """TRL 1.16.0 divides each log-ratio by its length and aims at 1 / (2 β)."""
    w, r = leaf(CHOSEN), leaf(REJECTED)
    total = Ipo(margin=1 / 0.2)(
        w / LENGTHS[0], r / LENGTHS[1], REF_CHOSEN / LENGTHS[0], REF_REJECTED / LENGTHS[1]
    ).total()
    total.backward()
    assert total.item() == pytest.approx(23.5225, abs=1e-10)
    assert w.grad is not None and r.grad is not None
    assert (-w.grad.item(), r.grad.item()) == pytest.approx((1.2125, 0.97), abs=1e-10)


def test_slic_leaves_a_pair_alone_that_is_apart() -> None:
    value, up, down = call(Slic(delta=1.0), CHOSEN, REJECTED)  # 8 nats apart
    assert (value.item(), up.item(), down.item()) == (0.0, 0.0, 0.0)
    value, up, down = call(Slic(delta=10.0), CHOSEN, REJECTED)
    assert (value.item(), up.item(), down.item()) == (2.0, 1.0, 1.0)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("margin", [-30.0, -2.0, 0.1, 0.4, 3.0, 12.0, 800.0])
def test_pushes_are_minus_the_slope_and_act_on_both(loss: PairLoss, margin: float) -> None:
    h = leaf(torch.tensor([margin], dtype=torch.float64))
    (slope,) = torch.autograd.grad(loss.losses(h).sum(), h)
    torch.testing.assert_close(loss.pushes(h.detach()), -slope, atol=1e-14, rtol=1e-12)
    shift = (REF_CHOSEN - REF_REJECTED) if loss.needs_reference else torch.zeros(1).double()
    value, up, down = call(loss, REJECTED + shift + margin, REJECTED)
    assert value.item() == pytest.approx(loss.losses(h.detach()).item(), abs=1e-11, rel=1e-12)
    assert up.item() == pytest.approx(loss.pushes(h.detach()).item(), abs=1e-11)
    assert down.item() == pytest.approx(up.item(), abs=1e-14)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_up_acts_on_chosen_and_down_on_rejected_only(loss: PairLoss) -> None:
    w, r = leaf(CHOSEN), leaf(REJECTED)
    parts = loss(w, r, *((REF_CHOSEN, REF_REJECTED) if loss.needs_reference else ()))
    assert torch.autograd.grad(parts.up, r, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(parts.down, w, allow_unused=True) == (None,)


def test_ipo_pulls_back_beyond_its_margin() -> None:
    _, up, down = call(Ipo(margin=1.0), CHOSEN, REJECTED)
    assert up.item() == down.item() == pytest.approx(-1.4)


@pytest.mark.parametrize("value", [-math.inf, math.nan])
def test_a_reference_that_gives_zero_is_refused(value: float) -> None:
    with pytest.raises(InputValueError, match="probability zero"):
        Dpo()(CHOSEN, REJECTED, REF_CHOSEN, torch.tensor([value]))
    with pytest.raises(InputValueError, match="both reference"):
        Dpo()(CHOSEN, REJECTED)
    with pytest.raises(InputValueError, match="no reference"):
        Slic()(CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED)
    with pytest.raises(InputTypeError, match="one shape"):
        Slic()(CHOSEN, torch.zeros(2))


@pytest.mark.parametrize("make", [lambda: Dpo(beta=0), lambda: Ipo(margin=-1), lambda: Slic(delta=0)])
def test_options_out_of_range(make: object) -> None:
    with pytest.raises(InputValueError, match="above 0"):
        make()  # type: ignore[operator]
