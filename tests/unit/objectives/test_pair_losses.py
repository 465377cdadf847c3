"""Losses of one margin: pushes on margins of any shape, the parts of a pair, refusals."""

import math
from dataclasses import replace

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.objectives import Dpo, Ipo, MarginLoss, PairLogps, Slic
from antigrad.objectives.pairs.hinge import Hinge
from helpers.losses import CHOSEN, REF_CHOSEN, REF_REJECTED, REJECTED, leaf
from helpers.preferences import golden

LOSSES = [Dpo(), Dpo(beta=1.0), Ipo(), Ipo(margin=0.5), Slic(), Slic(delta=10.0), Hinge()]


def test_slic_leaves_a_pair_alone_that_is_apart() -> None:
    out = Slic(delta=1.0)(golden())  # 8 nats apart
    assert (out.losses.item(), *(weight.item() for weight in out.weights)) == (0.0, 0.0, 0.0)
    out = Slic(delta=10.0)(golden())
    assert (out.losses.item(), *(weight.item() for weight in out.weights)) == (2.0, 1.0, 1.0)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("margin", [-30.0, -2.0, 0.1, 0.4, 3.0, 12.0, 800.0])
def test_pushes_are_minus_the_slope_and_act_on_both(loss: MarginLoss, margin: float) -> None:
    h = leaf(torch.tensor([margin], dtype=torch.float64))
    (slope,) = torch.autograd.grad(loss.losses(h).sum(), h)
    torch.testing.assert_close(loss.pushes(h.detach()), -slope, atol=1e-14, rtol=1e-12)
    shift = (REF_CHOSEN - REF_REJECTED) if loss.needs_reference else torch.zeros(1).double()
    out = loss(PairLogps(REJECTED + shift + margin, REJECTED, REF_CHOSEN, REF_REJECTED))
    push = loss.pushes(h.detach()).item()
    assert out.parts.total().item() == pytest.approx(loss.losses(h.detach()).item(), abs=1e-11, rel=1e-12)
    assert [weight.item() for weight in out.weights] == pytest.approx([push, push], abs=1e-11)


def test_a_table_of_margins_is_one_call() -> None:
    table = torch.linspace(-3, 3, 12).double().reshape(3, 4)
    for loss in LOSSES:
        assert loss.pushes(table).shape == loss.losses(table).shape == (3, 4)


def test_ipo_pulls_back_beyond_its_margin() -> None:
    out = Ipo(margin=1.0)(golden())
    assert [weight.item() for weight in out.weights] == pytest.approx([-1.4, -1.4])


@pytest.mark.parametrize("value", [-math.inf, math.nan])
def test_a_reference_that_gives_zero_is_refused(value: float) -> None:
    with pytest.raises(InputValueError, match="probability zero"):
        Dpo()(replace(golden(), reference_rejected=torch.tensor([value])))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputTypeError, match="one shape"):
        PairLogps(CHOSEN, torch.zeros(2))
    with pytest.raises(InputTypeError, match="one shape"):
        PairLogps(torch.zeros(()), torch.zeros(()))
    with pytest.raises(InputTypeError, match="rejected_tokens"):
        PairLogps(CHOSEN, REJECTED, rejected_tokens=torch.zeros(2, 3))


@pytest.mark.parametrize("make", [lambda: Dpo(beta=0), lambda: Ipo(margin=-1), lambda: Slic(delta=0)])
def test_options_out_of_range(make: object) -> None:
    with pytest.raises(InputValueError, match="above 0"):
        make()  # type: ignore[operator]
