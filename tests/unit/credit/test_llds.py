"""LLDS: its value and gradient by hand, its gates, and a batch in pieces."""

import math

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.credit import CREDIT
from antigrad.credit.llds import Llds

# Losses Δ: row 0 (+.5, −.2, +.3), row 1 (−.6, +.1), row 2 (+2, +2, +2), row 3 nothing counts, row 4 (+.4, 0).
DELTA = torch.tensor([[0.5, -0.2, 0.3], [-0.6, 0.1, 9], [2, 2, 2], [9, 9, 9], [0.4, 0, 9]], dtype=torch.float64)
MASK = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1], [0, 0, 0], [1, 1, 0]]).bool()
ADVANTAGES = torch.tensor([1.0, 1.0, -1.0, 1.0, 0.0], dtype=torch.float64)
OLD = torch.linspace(-3, -1, 15, dtype=torch.float64).view(5, 3)


def now() -> torch.Tensor:
    return (OLD - DELTA).requires_grad_()


def test_value_and_gradient_by_hand() -> None:
    """Rows 0, 1 and 4 are not pushed down; row 1 gained in all; row 0 gives .8/3, row 4 .4/2."""
    log_probs = now()
    loss = Llds(0.5).penalty(log_probs, OLD, ADVANTAGES, MASK)
    assert loss.item() == pytest.approx(0.5 * (0.8 / 3 + 0.4 / 2) / 3)
    loss.backward()
    a, b = -0.5 / (3 * 3), -0.5 / (3 * 2)
    expected = [[a, 0, a], [0, 0, 0], [0, 0, 0], [0, 0, 0], [b, 0, 0]]
    assert log_probs.grad is not None
    # The second token of row 4 lost exactly nothing: no gradient.
    torch.testing.assert_close(log_probs.grad, torch.tensor(expected, dtype=torch.float64), atol=1e-15, rtol=0)


def test_the_gradient_is_that_of_finite_differences() -> None:
    step = 1e-6
    log_probs = now()
    Llds().penalty(log_probs, OLD, ADVANTAGES, MASK).backward()
    assert log_probs.grad is not None
    for place in ((0, 0), (0, 1), (1, 1), (2, 0), (4, 0)):
        values = []
        for sign in (1, -1):
            moved = now().detach().clone()
            moved[place] += sign * step
            values.append(Llds().penalty(moved, OLD, ADVANTAGES, MASK).item())
        assert log_probs.grad[place].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-9)


def test_a_step_down_the_penalty_gives_back_what_was_lost() -> None:
    log_probs = now()
    loss = Llds().penalty(log_probs, OLD, ADVANTAGES, MASK)
    loss.backward()
    assert log_probs.grad is not None
    better = log_probs.detach() - log_probs.grad
    assert bool((better[[0, 4]][MASK[[0, 4]]] >= log_probs.detach()[[0, 4]][MASK[[0, 4]]]).all())
    assert Llds().penalty(better, OLD, ADVANTAGES, MASK).item() < loss.item()


def test_nothing_at_the_first_update() -> None:
    log_probs = OLD.clone().requires_grad_()
    loss = Llds().penalty(log_probs, OLD, ADVANTAGES, MASK)
    loss.backward()
    assert loss.item() == 0
    assert log_probs.grad is not None
    assert bool((log_probs.grad == 0).all())


def test_token_weights_do_as_advantages_do_and_padding_may_hold_anything() -> None:
    weights = torch.where(MASK, ADVANTAGES[:, None], -5.0)
    dirty, old = (torch.where(MASK, x, math.nan) for x in (OLD - DELTA, OLD))
    assert Llds().penalty(dirty, old, weights, MASK) == Llds().penalty(now(), OLD, ADVANTAGES, MASK)


def test_pieces_of_a_batch_add_up() -> None:
    whole = Llds().penalty(now(), OLD, ADVANTAGES, MASK).item()
    pieces = [
        Llds().penalty(now()[part], OLD[part], ADVANTAGES[part], MASK[part], responses=3).item()
        for part in (slice(0, 2), slice(2, 4), slice(4, 5))
    ]
    assert sum(pieces) == pytest.approx(whole)
    nobody = Llds().penalty(now()[2:3], OLD[2:3], ADVANTAGES[2:3], MASK[2:3])
    assert nobody.item() == 0


@pytest.mark.parametrize("coefficient", [-0.1, math.inf, math.nan, "much"])
def test_a_coefficient_out_of_range_is_refused(coefficient: object) -> None:
    with pytest.raises(InputValueError, match="coefficient"):
        CREDIT.classes["llds"](coefficient=coefficient)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputTypeError, match="one shape"):
        Llds().penalty(now(), OLD[:, :2], ADVANTAGES, MASK)
    with pytest.raises(InputTypeError, match="bool"):
        Llds().penalty(now(), OLD, ADVANTAGES, MASK.long())
    with pytest.raises(InputValueError, match="responses"):
        Llds().penalty(now(), OLD, ADVANTAGES, MASK, responses=0)
