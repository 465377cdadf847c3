"""What a step did to each part, and the weights of the down part at which all of them gain."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.geometry import SafeWeight, Watch, interaction, safe_window
from helpers.watching import batch, parts_of


def quadratic(seed: int = 0) -> tuple[nn.Parameter, Tensor, Tensor]:
    """A point, and where the up and the down part want it (float64)."""
    generator = torch.Generator().manual_seed(seed)
    at, up, down = (torch.randn(6, generator=generator, dtype=torch.float64) for _ in range(3))
    return nn.Parameter(at), up, down


def losses(at: Tensor, up: Tensor, down: Tensor) -> Parts:
    """Towards one point, away from another, and held near the origin."""
    return Parts(up=(at - up).square().sum(), down=-0.3 * (at - down).square().sum(), anchor=0.05 * at.square().sum())


def step(weight: float | SafeWeight = 1.0, *, lr: float = 1e-4, kind: Any = torch.optim.SGD, **options: Any) -> Any:
    """One watched step; returns the row, the parts' gradients before it, and the losses before and after."""
    at, up, down = quadratic()
    optimizer = kind([at], lr=lr, **options)
    gradients = {name: torch.autograd.grad(loss, at)[0] for name, loss in losses(at, up, down).items()}
    before = losses(at, up, down)
    with Watch(optimizer, every=1, weight=weight) as watch:
        watch.backward(losses(at, up, down))
        optimizer.step()
    return watch.rows[0], gradients, before, losses(at, up, down)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_effect_is_the_fall_of_the_loss_of_the_part(kind: Any) -> None:
    row, _, before, after = step(lr=1e-6, kind=kind)
    falls = {name: (loss - dict(after.items())[name]).item() for name, loss in before.items()}
    assert row["effect"] == pytest.approx(falls, rel=1e-4)
    assert any(fall < 0 for fall in falls.values())
    assert any(fall > 0 for fall in falls.values())


def test_effects_add_up_to_the_predicted_drop() -> None:
    row, *_ = step(0.4)
    effect = row["effect"]
    assert effect["up"] + 0.4 * effect["down"] + effect["anchor"] == pytest.approx(row["in_batch"]["drop_predicted"])


def test_down_weight_is_the_weight_of_the_sum() -> None:
    row, gradients, *_ = step(0.4)
    assert row["down_weight"] == 0.4
    total = gradients["up"] + 0.4 * gradients["down"] + gradients["anchor"]
    assert row["effect"]["down"] == pytest.approx(1e-4 * float(gradients["down"] @ total))


def test_interaction_of_adam_is_that_of_its_own_diagonal() -> None:
    row, gradients, *_ = step(kind=torch.optim.Adam)
    total = sum(gradients.values())
    rest = gradients["up"] + gradients["anchor"]
    scale = 1e-4 / (total.abs() + 1e-8)  # The first step of Adam, corrected for its start.
    assert row["window_from"] == "optimizer"
    up_down = float((rest * scale) @ gradients["down"])
    ratio = row["interaction"]["up_down"] / up_down
    assert ratio > 0  # Weights do not depend on the scale of the preconditioner, only on its shape.
    assert row["interaction"]["down_down"] / float((gradients["down"] ** 2) @ scale) == pytest.approx(ratio, rel=1e-3)
    assert row["interaction"]["up_up"] / float((rest**2) @ scale) == pytest.approx(ratio, rel=1e-3)


def test_window_is_where_every_part_gains() -> None:
    row, gradients, *_ = step()
    low, high = row["lambda_lo"], row["lambda_hi"]
    assert 0 <= low < high

    def gains(weight: float) -> bool:
        total = gradients["up"] + weight * gradients["down"] + gradients["anchor"]
        return all(float(total @ gradient) > 0 for gradient in gradients.values())

    inside = [low + share * (high - low) for share in (1e-3, 0.5, 1 - 1e-3)] if high < math.inf else [low * 1.01]
    assert all(gains(weight) for weight in inside)
    assert not gains(low * (1 - 1e-3))
    assert not gains(high * (1 + 1e-3))


def test_safe_weight_follows_the_window_of_its_estimates() -> None:
    row, gradients, *_ = step(SafeWeight(bounds=(0.0, 10.0)))
    rest = gradients["up"] + gradients["anchor"]
    k = interaction({"rest": rest, "down": gradients["down"]})
    expected = math.sqrt(float(k[0, 0] / k[1, 1]))
    window = safe_window(float(k[0, 0]), float(k[0, 1]), float(k[1, 1]))
    assert float(k[0, 1]) < 0
    assert window.contains(expected)
    assert row["safe_weight"] == pytest.approx(expected, rel=1e-6)


def test_safe_weight_is_used_and_written() -> None:
    torch.manual_seed(0)
    model = nn.Linear(12, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Watch(optimizer, model=model, every=1, weight="safe") as watch:
        for seed in range(8):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            parts = parts_of(model, inputs, labels)
            watch.backward(Parts(up=parts.up, down=20 * parts.down, anchor=parts.anchor))
            optimizer.step()
    weights = [row["down_weight"] for row in watch.rows]
    assert weights[0] == 1.0
    assert weights[1:] == [row["safe_weight"] for row in watch.rows[:-1]]
    assert all(weight < 0.5 for weight in weights[1:])
    assert all(row["effect"]["up"] > 0 and row["effect"]["down"] > 0 for row in watch.rows[1:])


def test_safe_weight_without_a_wanted_part_is_refused_before_the_step() -> None:
    torch.manual_seed(0)
    model = nn.Linear(12, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    before = [value.detach().clone() for value in model.parameters()]
    zero = torch.zeros(())
    with Watch(optimizer, model=model, every=1, weight="safe") as watch:
        watch.backward(Parts(up=zero, down=parts_of(model, *batch(0)).down, anchor=zero))
        with pytest.raises(InputValueError, match="no wanted part"):
            optimizer.step()
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_safe_weight_refuses_an_anchor_that_has_no_gradient_yet() -> None:
    """A distance from the model as it is: its gradient is 0 at the start, and with a weight of 0 it stays so."""
    model = nn.Linear(12, 5)
    start = [value.detach().clone() for value in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Watch(optimizer, model=model, every=1, weight="safe") as watch:
        anchor = sum((a - b).square().sum() for a, b in zip(model.parameters(), start, strict=True))
        watch.backward(Parts(up=torch.zeros(()), down=parts_of(model, *batch(0)).down, anchor=torch.as_tensor(anchor)))
        with pytest.raises(InputValueError, match="no gradient at its start"):
            optimizer.step()


def test_parts_of_micro_batches_are_those_of_the_batch() -> None:
    found = []
    for cuts in ([slice(0, 24)], [slice(0, 12), slice(12, 24)]):
        torch.manual_seed(0)
        model = nn.Linear(12, 5).double()
        inputs, labels = batch(3)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        with Watch(optimizer, model=model, every=1) as watch:
            for cut in cuts:
                watch.backward(parts_of(model, inputs[cut].double(), labels[cut]), scale=1 / len(cuts))
            optimizer.step()
        found.append(watch.rows[0])
    assert found[0]["effect"] == pytest.approx(found[1]["effect"], rel=1e-9)
    assert found[0]["interaction"] == pytest.approx(found[1]["interaction"], rel=1e-9)


def test_parts_that_are_not_the_loss_are_refused() -> None:
    at, up, down = quadratic()
    optimizer = torch.optim.SGD([at], lr=1e-4)
    with Watch(optimizer, every=1) as watch, pytest.raises(InputValueError, match=r"parts whose sum has cosine"):
        parts = losses(at, up, down)
        watch.take(parts)
        (parts.up + 7 * (at * torch.arange(6.0)).sum()).backward()
        optimizer.step()


def test_clipping_by_norm_is_no_disagreement() -> None:
    at, up, down = quadratic()
    optimizer = torch.optim.SGD([at], lr=1e-4)
    with Watch(optimizer, every=1) as watch:
        watch.backward(losses(at, up, down))
        nn.utils.clip_grad_norm_([at], 1e-3)
        optimizer.step()
    assert watch.rows[0]["in_batch"]["cos"] == pytest.approx(1)


def test_a_part_of_another_model_is_refused() -> None:
    at, up, down = quadratic()
    other = nn.Parameter(torch.ones(6, dtype=torch.float64))
    optimizer = torch.optim.SGD([at], lr=1e-4)
    parts = losses(at, up, down)
    with Watch(optimizer, every=1) as watch, pytest.raises(InputValueError, match=r"part 'down', whose graph reaches"):
        watch.take(Parts(up=parts.up, down=other.square().sum(), anchor=parts.anchor))


def test_parts_of_a_skipped_step_are_forgotten() -> None:
    at, up, down = quadratic()
    optimizer = torch.optim.SGD([at], lr=1e-4)
    with Watch(optimizer, every=1) as watch:
        watch.backward(losses(at, up + 5, down))  # A gradient scaler finds an overflow: no step.
        optimizer.zero_grad()
        watch.backward(losses(at, up, down))
        optimizer.step()
    expected, *_ = step()
    assert watch.rows[0]["effect"] == pytest.approx(expected["effect"])
