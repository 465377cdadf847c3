"""The vehicle as prefix sums: against the step-by-step loop, finite differences and fixtures worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.scenarios.dynamics import MAX_ACCELERATION, MAX_CURVATURE, States, roll_out
from helpers.traffic import oracle

F64 = {"dtype": torch.float64}
ZERO = torch.zeros(1, **F64)


def loop(start: States, actions: Tensor, mask: Tensor) -> States:
    """Step by step, through automatic differentiation: the stop passes the gradient at equality, as `clamp` does."""
    x, y, yaw, v = start
    out = [start]
    for t in range(actions.shape[-1]):
        a = actions[0, ..., t].clamp(-MAX_ACCELERATION, MAX_ACCELERATION) * mask[..., t]
        k = actions[1, ..., t].clamp(-MAX_CURVATURE, MAX_CURVATURE)
        after = (v + 0.1 * a).clamp(min=0)
        s = 0.05 * (v + after) * mask[..., t]
        x, y, yaw, v = x + s * yaw.cos(), y + s * yaw.sin(), yaw + k * s, after
        out.append(States(x, y, yaw, v))
    return States(*(torch.stack(list(column), -1) for column in zip(*out, strict=True)))


def case(kind: str) -> tuple[list[Tensor], Tensor, Tensor]:
    """Starts, actions and mask: moving, or stopping and clipping, or with validity gaps."""
    torch.manual_seed(1)
    shape, steps = (4, 32), 80
    start = [30 * torch.randn(*shape, **F64), 30 * torch.randn(*shape, **F64), 6.28 * torch.rand(*shape, **F64)]
    hard = kind != "moving"
    start.append(torch.rand(*shape, **F64) if hard else 5 + 5 * torch.rand(*shape, **F64))
    size = (4.0, 0.25) if hard else (0.3, 0.02)
    actions = torch.stack([scale * torch.randn(*shape, steps, **F64) for scale in size])
    mask = torch.rand(*shape, steps) > 0.2 if kind == "gaps" else torch.ones(*shape, steps, dtype=torch.bool)
    return start, actions, mask


def run(
    drive: object, start: list[Tensor], actions: Tensor, mask: Tensor, weight: Tensor
) -> tuple[Tensor, list[Tensor]]:
    leaves = [value.clone().requires_grad_() for value in (*start, actions)]
    states = torch.stack(tuple(drive(States(*leaves[:4]), leaves[4], mask)))  # type: ignore[operator]
    return states.detach(), list(torch.autograd.grad((states * weight).sum(), leaves))


@pytest.mark.parametrize("kind", ["moving", "stops", "gaps"])
def test_equals_the_loop_and_its_gradient(kind: str) -> None:
    start, actions, mask = case(kind)
    weight = torch.randn(4, 4, 32, 81, **F64)
    one, two = (run(drive, start, actions, mask, weight) for drive in (roll_out, loop))
    assert float((one[0] - two[0]).abs().max()) < 1e-10
    if kind == "moving":
        for mine, theirs in zip(one[1], two[1], strict=True):
            assert float((mine - theirs).norm() / theirs.norm()) < 1e-11
    else:
        assert float((two[0][3] == 0).double().mean()) > 0.05  # the case is about standing still
        # At a stop the loop's clamp splits at the same place, but a start at rest is a tie of its own.
        for mine, theirs in zip(one[1], two[1], strict=True):
            assert float((mine - theirs).norm() / theirs.norm()) < 1e-11


def test_equals_the_reference_bit_for_bit_almost() -> None:
    reference = oracle("rollout_adjoint")
    start, actions, mask = case("gaps")
    weight = torch.randn(4, 4, 32, 81, **F64)

    def theirs(first: States, both: Tensor, held: Tensor) -> list[Tensor]:
        states = reference.rollout(*first, both[0], both[1], held.double())
        return [torch.cat([one[..., None], later], -1) for one, later in zip(first, states, strict=True)]

    one, two = run(roll_out, start, actions, mask, weight), run(theirs, start, actions, mask, weight)
    assert float((one[0] - two[0]).abs().max()) < 1e-10
    for mine, other in zip(one[1], two[1], strict=True):
        assert float((mine - other).norm() / other.norm()) < 1e-11


@pytest.mark.parametrize("channel", [0, 1])
def test_central_differences_at_stops_clips_and_gaps(channel: int) -> None:
    start, actions, mask = case("gaps")
    weight = torch.randn(4, 4, 32, 81, **F64)
    _, grads = run(roll_out, start, actions, mask, weight)
    chosen = torch.randint(actions[0].numel(), (60,))
    for index in chosen.tolist():
        ends = []
        for step in (1e-6, -1e-6):
            moved = actions.clone()
            moved[channel].view(-1)[index] += step
            ends.append(float((torch.stack(tuple(roll_out(States(*start), moved, mask))) * weight).sum()))
        exact = float(grads[4][channel].reshape(-1)[index])
        assert abs((ends[0] - ends[1]) / 2e-6 - exact) / max(1.0, abs(exact)) < 1e-5


def test_a_parked_car_can_start() -> None:
    """Automatic differentiation of the running minimum gives it gradient zero."""
    actions = torch.zeros(2, 1, 10, **F64, requires_grad=True)
    (grad,) = torch.autograd.grad(roll_out(States(ZERO, ZERO, ZERO, ZERO), actions).x[0, -1], actions)
    assert float(grad[0, 0, 3]) == pytest.approx(0.065, abs=1e-15)
    pushed = torch.zeros(2, 1, 10, **F64)
    pushed[0, 0, 3] = 1e-6
    assert float(roll_out(States(ZERO, ZERO, ZERO, ZERO), pushed).x[0, -1]) / 1e-6 == pytest.approx(0.065)


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_one_sided_difference_at_a_clip(channel: int, sign: float) -> None:
    """At the bound the gradient is that of leading back inside."""
    bound = (MAX_ACCELERATION, MAX_CURVATURE)[channel]
    actions = torch.zeros(2, 1, 5, **F64)
    actions[channel] = sign * bound
    leaf = actions.clone().requires_grad_()
    start = States(ZERO, ZERO, ZERO + 0.3, ZERO + 20)
    (grad,) = torch.autograd.grad(roll_out(start, leaf).y[0, -1], leaf)
    inside = actions.clone()
    inside[channel, 0, 1] -= sign * 1e-6
    drop = float(roll_out(start, actions).y[0, -1] - roll_out(start, inside).y[0, -1]) / (sign * 1e-6)
    assert float(grad[channel, 0, 1]) == pytest.approx(drop, rel=1e-4)
    beyond = actions * 1.01
    leaf = beyond.clone().requires_grad_()
    (grad,) = torch.autograd.grad(roll_out(start, leaf).y[0, -1], leaf)
    assert float(grad[channel].abs().max()) == 0


def test_gradcheck() -> None:
    torch.manual_seed(0)
    start = [torch.randn(2, **F64), torch.randn(2, **F64), torch.randn(2, **F64), torch.rand(2, **F64) + 1]
    actions = torch.stack([torch.randn(2, 6, **F64), 0.1 * torch.randn(2, 6, **F64)])
    leaves = [value.requires_grad_() for value in (*start, actions)]
    assert torch.autograd.gradcheck(lambda x, y, p, v, u: tuple(roll_out(States(x, y, p, v), u)), leaves, atol=1e-8)


def test_fixture_with_clips() -> None:
    one = [torch.tensor([value], **F64) for value in (1.0, 2.0, 0.3, 5.0)]
    actions = torch.tensor([[[1.0, -2.0, 7.0, 0.0, -6.0]], [[0.05, -0.4, 0.1, 0.02, 0.0]]], **F64, requires_grad=True)
    states = roll_out(States(*one), actions)
    expected = [
        [1.482444927, 1.9562303618, 2.468265512, 3.0041248199, 3.5094361027],
        [2.1492377044, 2.3090105486, 2.3996747918, 2.5235892871, 2.6463105464],
        [0.32525, 0.17525, 0.22725, 0.23825, 0.23825],
        [5.1, 4.9, 5.5, 5.5, 4.9],
    ]
    for value, right in zip(states, expected, strict=True):
        assert value[0, 1:].tolist() == pytest.approx(right, abs=1e-9)
    (grad,) = torch.autograd.grad(sum(value[..., 1:].sum() for value in states), actions)
    assert grad[0, 0].tolist() == pytest.approx([0.6402494033, 0.4911598827, 0, 0.2243116952, 0.1060387744], abs=1e-9)
    assert grad[1, 0].tolist() == pytest.approx([4.4069545796, 0, 2.1873694173, 1.3104245129, 0.52], abs=1e-9)


def test_fixture_with_a_stop() -> None:
    actions = torch.tensor([[[-6.0, -6.0, 0.0, 2.0, 2.0]], [[0.0] * 5]], **F64, requires_grad=True)
    states = roll_out(States(ZERO, ZERO, ZERO, ZERO + 0.5), actions)
    assert states.speed[0].tolist() == pytest.approx([0.5, 0, 0, 0, 0.2, 0.4])
    assert states.x[0, 1:].tolist() == pytest.approx([0.025, 0.025, 0.025, 0.035, 0.065])
    (grad,) = torch.autograd.grad(states.x[0, -1], actions)
    assert grad[0, 0].tolist() == pytest.approx([0, 0, 0.025, 0.015, 0.005])


def test_masked_steps_stand_still_and_have_no_gradient() -> None:
    start, actions, mask = case("gaps")
    weight = torch.randn(4, 4, 32, 81, **F64)
    states, grads = run(roll_out, start, actions, mask, weight)
    still = ~mask
    assert bool((states[:3].diff(dim=-1)[:, still] == 0).all())
    assert bool((grads[4][:, still] == 0).all())


def test_float32_holds_within_a_hundred_metres() -> None:
    torch.manual_seed(2)
    start = [
        100 * torch.randn(64, **F64),
        100 * torch.randn(64, **F64),
        6.28 * torch.rand(64, **F64),
        20 * torch.ones(64, **F64),
    ]
    actions = torch.stack([0.5 * torch.randn(64, 90, **F64), 0.02 * torch.randn(64, 90, **F64)])
    low, high = (
        roll_out(States(*(value.float() for value in start)), actions.float()),
        roll_out(States(*start), actions),
    )
    near = (high.x.abs() < 100) & (high.y.abs() < 100)
    assert float((low.x.double() - high.x)[near].abs().max()) < 5e-4
    assert float((low.yaw.double() - high.yaw).abs().max()) < 1e-4


def test_what_comes_after_the_last_cotangent_is_exactly_zero() -> None:
    """Adam would blow rounding noise up to whole steps."""
    torch.manual_seed(3)
    actions = torch.stack([torch.randn(8, 90), 0.02 * torch.randn(8, 90)]).requires_grad_()
    start = States(*(torch.rand(8) * 10 for _ in range(4)))
    states = roll_out(start, actions)
    (grad,) = torch.autograd.grad((states.x[:, 30] + math.pi * states.y[:, 30]).sum(), actions)
    assert bool((grad[..., 30:] == 0).all())
    assert bool((grad[0, :, :29] != 0).any())
