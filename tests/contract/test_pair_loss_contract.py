"""What every loss on pairs keeps to; a loss dropped into the folder is tested without an edit here."""

import re
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest
import torch
from torch import Tensor

from antigrad.objectives import PAIR_LOSSES, PairLogps, PairLoss, PairOutput
from helpers.preferences import float64, random_pairs, token_pairs

SPECS = [
    *PAIR_LOSSES.names(),
    "ipo(margin=0.5,per_token=true)",
    "slic(delta=10,nll=0.1)",
    "vpo(reading=continuous,temperature=3)",
    "dpo_shift(factor=0)",
    "dpop(penalty=5)",
    "cal_dpo(beta=0.1)",
    "exo(label_smoothing=0.1)",
    "bdpo(mixture=0.01)",
    "kto(beta=1,desirable_weight=2)",
]


@pytest.fixture(params=SPECS)
def loss(request: pytest.FixtureRequest) -> PairLoss:
    return PAIR_LOSSES.make(request.param)


def grown(pairs: PairLogps) -> tuple[PairLogps, Tensor, Tensor]:
    """The same pairs with a graph from leaves: sums of the chosen, tokens of the rejected responses."""
    chosen = pairs.chosen.detach().clone().requires_grad_()
    tokens = pairs.require("rejected_tokens").detach().clone().requires_grad_()
    return replace(pairs, chosen=chosen, rejected=tokens.sum(-1), rejected_tokens=tokens), chosen, tokens


def gradients(loss: PairLoss, pairs: PairLogps) -> tuple[PairOutput, Tensor, Tensor]:
    pairs, chosen, tokens = grown(pairs)
    out = loss(pairs)
    up, down = torch.autograd.grad(out.parts.total(), (chosen, tokens), allow_unused=True)
    rows = len(chosen)
    up = torch.zeros_like(chosen) if up is None else up
    down = torch.zeros_like(tokens) if down is None else down
    return out, -up * rows, down * rows


def by_token(out: PairOutput, mask: Tensor) -> Tensor:
    pushes = out.weights.rejected
    return torch.where(mask, pushes if pushes.ndim == 2 else pushes[:, None], 0.0)


def test_weights_are_the_gradient(loss: PairLoss) -> None:
    pairs = random_pairs(6, seed=1)
    out, up, down = gradients(loss, pairs)
    mask = pairs.require("rejected_mask")
    torch.testing.assert_close(out.weights.chosen, up, atol=1e-13, rtol=1e-11)
    torch.testing.assert_close(by_token(out, mask), torch.where(mask, down, 0.0), atol=1e-13, rtol=1e-11)


def test_weights_are_the_slope_by_differences(loss: PairLoss) -> None:
    """Of the loss itself, so that a gradient that is held back by mistake is found."""
    pairs, eps = random_pairs(6, seed=2), 1e-5
    weights = loss(pairs).weights

    def slope(up: float, down: float) -> Tensor:
        tokens = pairs.require("rejected_tokens")
        ends = [
            loss.per_pair(
                replace(
                    pairs,
                    chosen=pairs.chosen + sign * up,
                    rejected=pairs.rejected + sign * down,
                    rejected_tokens=tokens + sign * down / pairs.lengths()[1][:, None],
                )
            )
            for sign in (eps, -eps)
        ]
        return (ends[0] - ends[1]) / (2 * eps)

    pushes = weights.rejected
    if pushes.ndim == 2:
        pushes = (pushes * pairs.require("rejected_mask")).sum(-1) / pairs.lengths()[1]
    torch.testing.assert_close(-slope(1, 0), weights.chosen, atol=2e-8, rtol=1e-7)
    torch.testing.assert_close(slope(0, 1), pushes, atol=2e-8, rtol=1e-7)


def test_parts_sum_to_the_loss_and_act_on_their_own_side(loss: PairLoss) -> None:
    pairs, chosen, tokens = grown(random_pairs(6, seed=3))
    out = loss(pairs)
    torch.testing.assert_close(out.parts.total(), loss.per_pair(pairs).mean(), atol=1e-12, rtol=1e-13)
    torch.testing.assert_close(out.losses, loss.per_pair(pairs).detach(), atol=0, rtol=1e-15)
    assert out.parts.anchor.item() == 0
    for part, other in ((out.parts.up, tokens), (out.parts.down, chosen)):
        if part.requires_grad:
            assert torch.autograd.grad(part, other, allow_unused=True, retain_graph=True) == (None,)
    assert (
        not out.losses.requires_grad and not out.weights.chosen.requires_grad and not out.weights.rejected.requires_grad
    )


def test_sign(loss: PairLoss) -> None:
    """A steady loss never pushes a chosen or pulls a rejected response; every loss does its work somewhere."""
    spread = float64(-300, -20, -8, -2, -0.5, 0.0, 0.5, 2, 8, 20, 300)
    grid = torch.cartesian_prod(spread, spread)
    rows = len(grid)
    start = token_pairs(
        torch.full((rows,), -25.0).double() + grid[:, 0],
        torch.full((rows,), -30.0).double() + grid[:, 1],
        torch.full((rows,), -25.0).double(),
        torch.full((rows,), -30.0).double(),
        (8,) * rows,
        (10,) * rows,
        factor=torch.full((rows,), 0.5).double(),
        pvi=torch.full((rows,), -1.0).double(),
        reward_gap=torch.full((rows,), 0.5).double(),
        baseline=torch.zeros(()),
    )
    weights = loss(start).weights
    if loss.steady:
        assert float(weights.chosen.min()) >= 0
        assert float(weights.rejected.min()) >= 0
    else:
        assert min(float(weights.chosen.min()), float(weights.rejected.min())) < 0
    name = PAIR_LOSSES.name_of(loss)
    assert (float(weights.chosen.max()) > 0) == (name not in ("npo", "simnpo"))
    nothing_pushed = name == "dpo_shift" and loss == PAIR_LOSSES.make("dpo_shift(factor=0)")
    assert (float(weights.rejected.max()) > 0) != nothing_pushed


def test_what_the_push_does_as_the_rejected_response_vanishes(loss: PairLoss) -> None:
    """As the class says: by its own likelihood, by the margin only, never, or it reverses past a target."""
    if loss == PAIR_LOSSES.make("dpo_shift(factor=0)"):
        return
    falls = float64(0, -300, -3000, -1e5)

    def pushes(with_chosen: bool) -> Tensor:
        rows = len(falls)
        chosen = torch.full((rows,), -24.8).double() + (falls if with_chosen else 0)
        flat = torch.full((rows,), 0.5).double()
        pairs = token_pairs(
            chosen,
            torch.full((rows,), -25.0).double() + falls,
            torch.full((rows,), -24.8).double(),
            torch.full((rows,), -25.0).double(),
            (10,) * rows,
            (10,) * rows,
            factor=flat,
            pvi=-flat,
            reward_gap=flat,
            baseline=torch.zeros(()),
        )
        out = loss(pairs).weights.rejected
        return out.sum(-1) if out.ndim == 2 else out

    alone, together = pushes(with_chosen=False), pushes(with_chosen=True)
    gone = abs(float(alone[-1])) < 1e-9
    if loss.vanishes == "own":
        assert gone and abs(float(together[-1])) < 1e-9 and float(alone[0]) > 1e-9
    elif loss.vanishes == "margin":
        assert gone and abs(float(together[-1])) > 1e-6
    elif loss.vanishes == "never":
        assert float(alone[-1]) > 1e-6
    else:
        assert float(alone.min()) < 0


def test_padding_changes_nothing(loss: PairLoss) -> None:
    pairs = random_pairs(5, seed=4)
    tokens, mask = pairs.require("rejected_tokens"), pairs.require("rejected_mask")
    wide = replace(
        pairs,
        rejected_tokens=torch.cat([torch.where(mask, tokens, torch.nan), torch.full((5, 3), torch.nan)], 1),
        rejected_mask=torch.cat([mask, torch.zeros(5, 3).bool()], 1),
    )
    if PAIR_LOSSES.name_of(loss) != "unlikelihood":
        wide = replace(wide, rejected_tokens=None)
    one, other = loss(pairs), loss(wide)
    assert torch.equal(one.losses, other.losses)
    assert torch.equal(by_token(one, mask), by_token(other, wide.require("rejected_mask"))[:, : mask.shape[1]])


def test_rows_do_not_know_of_each_other(loss: PairLoss) -> None:
    pairs = random_pairs(5, seed=6)
    whole = loss(pairs)
    for row in range(5):
        single = {
            field.name: value if value is None or value.ndim == 0 else value[row : row + 1]
            for field in fields(pairs)
            for value in [getattr(pairs, field.name)]
        }
        out = loss(PairLogps(**single))
        torch.testing.assert_close(out.losses, whole.losses[row : row + 1], atol=1e-13, rtol=1e-13)
        torch.testing.assert_close(out.weights.chosen, whole.weights.chosen[row : row + 1], atol=1e-14, rtol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("up", [-1e4, 0.0, 1e4])
@pytest.mark.parametrize("down", [-1e4, 0.0, 1e4])
def test_extremes_are_finite(loss: PairLoss, up: float, down: float, dtype: torch.dtype) -> None:
    pairs = token_pairs(
        *(torch.tensor([value], dtype=dtype) for value in (up - 20, min(down - 20, -1e-3), -20, -20)),
        (4,),
        (5,),
        factor=torch.tensor([0.5], dtype=dtype),
        pvi=torch.tensor([down], dtype=dtype),
        reward_gap=torch.tensor([0.5], dtype=dtype),
        baseline=torch.tensor(0.5, dtype=dtype),
    )
    out, chosen, rejected = gradients(loss, pairs)
    for value in (out.losses, *out.weights, chosen, rejected):
        assert bool(value.isfinite().all())
    assert out.losses.dtype == dtype


@pytest.mark.parametrize("name", PAIR_LOSSES.names())
def test_documented_frozen_and_made_by_name(name: str) -> None:
    kind = PAIR_LOSSES.classes[name]
    assert is_dataclass(kind)
    text = kind.__doc__ or ""
    for section in ("Args:", "Sign:", "Source:", "Deviations:", "Example:"):
        assert re.search(rf"^\s*{section}", text, re.MULTILINE), section
    for field in fields(kind):
        assert f"{field.name}:" in text
    made = PAIR_LOSSES.make(name)
    assert made == PAIR_LOSSES.make(f"{name}()")
    assert PAIR_LOSSES.name_of(made) == name
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(kind)[0].name, 1)
