"""GRPO as parts: value, gradient and signs against the formula written out in plain Python."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from antigrad.core import InputTypeError, InputValueError, Parts
from antigrad.objectives import Grpo

MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 1, 0], [1, 1, 0, 0, 0]]).bool()
ADVANTAGES = torch.tensor([1.3, -0.8, 0.6, -1.1], dtype=torch.float64)
NORMALISATIONS = [
    {"normalisation": "tokens"},
    {"normalisation": "responses"},
    {"normalisation": "constant", "max_length": 9},
]
OPTIONS = [
    {},
    {"epsilon": 0.1, "epsilon_high": 0.4},
    {"beta": 0.3},
    {"beta": 0.05, "ratio": "sequence"},
]


def draw(*, spread: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities now, when sampling, and of the reference; ratios inside the clip and beyond both sides."""
    shift = [[0.5, -0.5, 0.1, -0.6, 0.4], [0.5, -0.6, -0.1, 9, 9], [0.7, 9, -0.7, -0.05, 9], [-0.4, 0.6, 9, 9, 9]]
    old, reference = -torch.rand(4, 5, dtype=torch.float64) * 3, -torch.rand(4, 5, dtype=torch.float64) * 3
    return old + spread * torch.tensor(shift, dtype=torch.float64), old, reference


def values(parts: Parts) -> list[Tensor]:
    return [parts.up, parts.down, parts.anchor]


def by_hand(grpo: Grpo, now: Tensor, old: Tensor, weights: Tensor, mask: Tensor, reference: Tensor) -> list[float]:
    """Up, down and anchor by loops over tokens."""
    high = grpo.epsilon if grpo.epsilon_high is None else grpo.epsilon_high
    rows = [[k for k in range(mask.shape[1]) if mask[i, k]] for i in range(len(mask))]
    parts = [0.0, 0.0, 0.0]
    for i, row in enumerate(rows):
        for k in row:
            ratio = math.exp(now[i, k] - old[i, k])
            if grpo.ratio == "sequence":
                ratio = math.exp(sum(float(now[i, j] - old[i, j]) for j in row) / len(row))
            w, delta = float(weights[i, k]), float(reference[i, k] - now[i, k])
            gain = min(ratio * w, min(max(ratio, 1 - grpo.epsilon), 1 + high) * w)
            share = {
                "tokens": 1 / sum(map(len, rows)),
                "responses": 1 / (len(row) * len(rows)),
                "constant": 1 / (len(rows) * (grpo.max_length or math.nan)),
            }[grpo.normalisation]
            parts[0 if w > 0 else 1] -= share * gain
            parts[2] += share * grpo.beta * (math.exp(delta) - delta - 1)
    return parts


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_value_and_gradient_of_every_part(options: dict, normalisation: dict) -> None:
    grpo = Grpo(**options, **normalisation)
    now, old, reference = draw()
    weights = ADVANTAGES[:, None].expand(4, 5).clone()
    if grpo.ratio == "token":
        weights *= 0.2 + torch.rand(4, 5, dtype=torch.float64)
        weights[0, 1], weights[1, 0] = -0.4, 0.9  # signs may differ within a response
    now.requires_grad_(True)
    parts = grpo(now, old, weights, MASK, reference)
    wanted = by_hand(grpo, now.detach(), old, weights, MASK, reference)
    assert [p.item() for p in values(parts)] == pytest.approx(wanted, abs=1e-13)
    assert parts.total().item() == pytest.approx(sum(wanted), abs=1e-13)
    if grpo.ratio == "token":
        rho = (now - old).exp()
        high = grpo.epsilon if grpo.epsilon_high is None else grpo.epsilon_high
        clipped = ((rho > 1 + high) & (weights > 0)) | ((rho < 1 - grpo.epsilon) & (weights < 0))
        unclipped = ((rho > 1 + high) & (weights < 0)) | ((rho < 1 - grpo.epsilon) & (weights > 0))
        for kind in (
            clipped & (weights > 0),
            clipped & (weights < 0),
            unclipped & (weights > 0),
            unclipped & (weights < 0),
        ):
            assert bool((kind & MASK).any()), "the draw should meet each side of the clip"
    step = 1e-6
    for index, part in enumerate(values(parts)):
        gradient = torch.autograd.grad(part, now, retain_graph=True)[0] if part.requires_grad else torch.zeros_like(now)
        for i in range(4):
            for k in range(5):
                nudge = torch.zeros_like(now)
                nudge[i, k] = step
                ahead, behind = (
                    by_hand(grpo, now.detach() + sign * nudge, old, weights, MASK, reference)[index] for sign in (1, -1)
                )
                assert float(gradient[i, k]) == pytest.approx((ahead - behind) / (2 * step), abs=1e-8)


def test_advantages_of_responses_are_spread_over_their_tokens() -> None:
    now, old, _ = draw()
    short, long = Grpo()(now, old, ADVANTAGES, MASK), Grpo()(now, old, ADVANTAGES[:, None].expand(4, 5), MASK)
    assert [p.item() for p in values(short)] == [p.item() for p in values(long)]


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_parts_reach_only_their_own_tokens(ratio: str) -> None:
    now, old, reference = draw(spread=0.01)
    now.requires_grad_(True)
    parts = Grpo(beta=0.1, ratio=ratio)(now, old, ADVANTAGES, MASK, reference)  # type: ignore[arg-type]
    up, down, anchor = (torch.autograd.grad(p, now, retain_graph=True)[0] for p in values(parts))
    positive = MASK & (ADVANTAGES > 0)[:, None]
    negative = MASK & (ADVANTAGES < 0)[:, None]
    assert bool((up[positive] < 0).all() & (up[~positive] == 0).all())
    assert bool((down[negative] > 0).all() & (down[~negative] == 0).all())
    assert bool((anchor[MASK] != 0).all() & (anchor[~MASK] == 0).all())


def test_a_small_step_moves_log_probs_the_stated_way() -> None:
    logits = torch.randn(4, 5, 7, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(0, 7, (4, 5, 1))
    positive, negative = MASK & (ADVANTAGES > 0)[:, None], MASK & (ADVANTAGES < 0)[:, None]

    def log_probs(at: Tensor) -> Tensor:
        return at.log_softmax(-1).gather(-1, tokens)[..., 0]

    now = log_probs(logits)
    parts = Grpo()(now, now.detach(), ADVANTAGES, MASK)
    assert parts.up.item() < 0 < parts.down.item()  # at ratio 1: minus the weights' sums
    for part, moved, sign in ((parts.up, positive, 1), (parts.down, negative, -1)):
        gradient = torch.autograd.grad(part, logits, retain_graph=True)[0]
        change = log_probs(logits - 0.1 * gradient) - now
        assert bool((sign * change[moved] > 0).all())
        assert bool((change[~moved] == 0).all())


def test_the_anchor_pulls_towards_the_reference() -> None:
    now, old, reference = draw()
    now.requires_grad_(True)
    anchor = Grpo(beta=0.5)(now, old, ADVANTAGES, MASK, reference).anchor
    anchor.backward()
    assert anchor.item() > 0
    stepped = now.detach() - 1e-3 * now.grad  # type: ignore[operator]
    assert bool(((stepped - reference).abs() < (now - reference).abs())[MASK].all())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_masked_entries_touch_neither_value_nor_gradient(bad: float, ratio: str) -> None:
    grpo = Grpo(beta=0.2, ratio=ratio)  # type: ignore[arg-type]
    clean = draw()
    results = []
    for spoil in (False, True):
        now, old, reference = (torch.where(MASK, x, bad) if spoil else x.clone() for x in clean)
        weights = ADVANTAGES[:, None].expand(4, 5)
        weights = torch.where(MASK, weights, bad) if spoil else weights
        now.requires_grad_(True)
        parts = grpo(now, old, weights, MASK, reference)
        parts.total().backward()
        results.append((parts, now.grad))
    (a, gradient), (b, spoiled) = results
    assert [p.item() for p in values(a)] == [p.item() for p in values(b)]
    assert gradient is not None and spoiled is not None
    assert torch.equal(gradient, spoiled)
    assert bool((spoiled[~MASK] == 0).all())


def test_tokens_without_weight_only_count_in_the_denominator() -> None:
    now, old, _ = draw()
    weights = ADVANTAGES[:, None].repeat(1, 5)
    weights[1] = 0
    now.requires_grad_(True)
    parts = Grpo()(now, old, weights, MASK)
    parts.total().backward()
    assert now.grad is not None and bool((now.grad[1] == 0).all())
    without = torch.tensor([True, False, True, True])
    fewer = Grpo()(now[without], old[without], weights[without], MASK[without])
    assert parts.up.item() == pytest.approx(fewer.up.item() * int(MASK[without].sum()) / int(MASK.sum()))


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_accumulation(normalisation: dict) -> None:
    """Parts of halves of the batch, weighted by what they are divided by, add up to the parts of the whole."""
    grpo = Grpo(beta=0.1, **normalisation)
    now, old, reference = draw()
    now.requires_grad_(True)
    whole = grpo(now, old, ADVANTAGES, MASK, reference)
    halves = [grpo(*(x[rows] for x in (now, old, ADVANTAGES, MASK, reference))) for rows in (slice(0, 1), slice(1, 4))]
    shares = [5 / 13, 8 / 13] if normalisation["normalisation"] == "tokens" else [1 / 4, 3 / 4]
    for name, part in whole.items():
        added = sum(share * getattr(half, name) for share, half in zip(shares, halves, strict=True))
        assert part.item() == pytest.approx(added.item(), abs=1e-14)
        a, b = (torch.autograd.grad(x, now, retain_graph=True)[0] for x in (part, added))
        torch.testing.assert_close(a, b, atol=1e-14, rtol=0)


def test_order_and_padding_do_not_matter() -> None:
    grpo, order = Grpo(beta=0.1, normalisation="responses"), torch.tensor([2, 0, 3, 1])
    now, old, reference = draw()
    wanted = [p.item() for p in values(grpo(now, old, ADVANTAGES, MASK, reference))]
    moved = grpo(*(x[order] for x in (now, old, ADVANTAGES, MASK, reference)))
    wide = grpo(
        *(torch.nn.functional.pad(x, (0, 3)) for x in (now, old)),
        ADVANTAGES,
        torch.nn.functional.pad(MASK, (0, 3)),
        torch.nn.functional.pad(reference, (0, 3)),
    )
    for other in (moved, wide):
        assert [p.item() for p in values(other)] == pytest.approx(wanted, abs=1e-14)


def test_rows_without_tokens_are_left_out_of_the_sums() -> None:
    now, old, reference = draw()
    mask = MASK.clone()
    mask[3] = False
    for normalisation in NORMALISATIONS:
        grpo = Grpo(beta=0.1, **normalisation)
        parts = grpo(now.clone().requires_grad_(True), old, ADVANTAGES, mask, reference)
        assert all(bool(p.isfinite()) for p in values(parts))
    three = Grpo()(now[:3], old[:3], ADVANTAGES[:3], mask[:3])
    assert Grpo()(now, old, ADVANTAGES, mask).up.item() == pytest.approx(three.up.item())
    by_response = Grpo(normalisation="responses")
    assert by_response(now, old, ADVANTAGES, mask).up.item() == pytest.approx(
        0.75 * by_response(now[:3], old[:3], ADVANTAGES[:3], mask[:3]).up.item()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("now", "old"), [(-1e4, -0.1), (-0.1, -1e4), (-1e4, -1e4)])
def test_extreme_log_probs_under_positive_or_no_weight(dtype: torch.dtype, now: float, old: float) -> None:
    """A ratio that underflows or overflows is clipped and has no gradient, not NaN."""
    at = torch.full((2, 2), now, dtype=dtype, requires_grad=True)
    weights = torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=dtype)
    parts = Grpo()(at, torch.full_like(at, old), weights, torch.ones(2, 2).bool())
    parts.total().backward()
    assert at.grad is not None and bool(at.grad.isfinite().all())
    assert parts.up.item() == pytest.approx(-0.75 * {-1e4: 0.0, -0.1: 1.2}[now] if now != old else -0.75)


def test_extreme_log_probs_under_negative_weight() -> None:
    at = torch.full((1, 1), -1e4, requires_grad=True)
    parts = Grpo()(at, torch.full_like(at, -0.1), torch.tensor([-1.0]), torch.ones(1, 1).bool())
    parts.total().backward()
    assert parts.down.item() == pytest.approx(0.8)
    assert at.grad is not None and at.grad.item() == 0.0


def test_a_sequence_ratio_refuses_token_weights() -> None:
    now, old, _ = draw()
    weights = ADVANTAGES[:, None].repeat(1, 5)
    weights[1, 2] *= 0.5
    with pytest.raises(InputValueError, match="mean weight"):
        Grpo(ratio="sequence")(now, old, weights, MASK)
    weights = ADVANTAGES[:, None].repeat(1, 5)
    weights[1, 4] = 7.0  # masked: does not count
    Grpo(ratio="sequence")(now, old, weights, MASK)


def test_what_a_sequence_ratio_would_do_to_token_weights() -> None:
    """Every token of the response would get the mean of the weights: selection undone."""
    weights = torch.tensor([[-1.0, 0.0, -1.0, 0.0, 0.0, -1.0]], dtype=torch.float64)
    mask = torch.ones(1, 6).bool()
    now = torch.randn(1, 6, dtype=torch.float64, requires_grad=True)
    ratio = (now - now.detach()).mean(-1, keepdim=True).exp()
    averaged = torch.minimum(ratio * weights, ratio.clamp(0.8, 1.2) * weights).sum() / -6
    assert torch.autograd.grad(averaged, now)[0].tolist() == [pytest.approx([1 / 12] * 6, abs=1e-15)]
    down = Grpo()(now, now.detach(), weights, mask).down
    assert torch.autograd.grad(down, now)[0].tolist() == [pytest.approx([1 / 6, 0, 1 / 6, 0, 0, 1 / 6], abs=1e-15)]
    with pytest.raises(InputValueError, match="use ratio='token'"):
        Grpo(ratio="sequence")(now, now.detach(), weights, mask)


@pytest.mark.parametrize(
    "options",
    [
        {"epsilon": 0.0},
        {"epsilon": 1.0},
        {"epsilon": math.nan},
        {"epsilon_high": 0.0},
        {"epsilon_high": math.nan},
        {"beta": -0.1},
        {"beta": math.nan},
        {"normalisation": "constant"},
        {"normalisation": "token"},
        {"ratio": "seq"},
    ],
)
def test_options_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(InputValueError):
        Grpo(**options)


def test_a_mistyped_option_names_the_right_one() -> None:
    with pytest.raises(InputValueError, match="did you mean 'tokens'"):
        Grpo(normalisation="token")  # type: ignore[arg-type]


def test_inputs_that_do_not_fit_are_refused() -> None:
    now, old, reference = draw()
    good = {"log_probs": now, "old_log_probs": old, "weights": ADVANTAGES, "mask": MASK, "reference": reference}
    for broken in (
        {"log_probs": now[:, :-1]},
        {"old_log_probs": old[:1]},
        {"weights": ADVANTAGES[:3]},
        {"weights": ADVANTAGES[:, None]},
        {"mask": MASK[:, :-1]},
        {"mask": MASK.double()},
        {"reference": reference[:, :1]},
        {"mask": MASK[0]},
    ):
        with pytest.raises(InputTypeError):
            Grpo(beta=0.1)(**(good | broken))
    with pytest.raises(InputValueError, match="counts no token"):
        Grpo()(**(good | {"mask": torch.zeros_like(MASK)}))
    with pytest.raises(InputValueError, match="pass reference="):
        Grpo(beta=0.1)(**(good | {"reference": None}))
    assert replace(Grpo(), beta=0.1).beta == 0.1
