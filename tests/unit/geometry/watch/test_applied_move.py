"""What is certified is the move that was applied over the outermost step, and nothing that happens around it."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputTypeError
from antigrad.geometry import Watch
from helpers.watching import Truth, batch, flat


def plain(seed: int = 0) -> nn.Module:
    """A model without dropout and running means."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5))


def loss_of(model: nn.Module, seed: int) -> Tensor:
    inputs, labels = batch(seed)
    return cross_entropy(model(inputs), labels)


def slope_of(model: nn.Module, seed: int) -> Tensor:
    return -flat(list(torch.autograd.grad(loss_of(model, seed), list(model.parameters()))))


class Negating(torch.optim.SGD):
    """Goes up by flipping its gradients in place, as several optimizers do for `maximize=True`."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad.neg_()
        return super().step(closure)


class Around(torch.optim.Optimizer):
    """A rule around an optimizer, with torch's hooks: undoes nine tenths of each of its moves, and turns one."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.optimizer = inner
        super().__init__(inner.param_groups, {})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        old = [p.detach().clone() for group in self.param_groups for p in group["params"]]
        loss = self.optimizer.step(closure)
        every = [p for group in self.param_groups for p in group["params"]]
        for place, (parameter, before) in enumerate(zip(every, old, strict=True)):
            parameter.copy_(before + (parameter - before) * (-0.1 if place == 0 else 0.1))
        return loss


class Hookless:
    """The same without torch's class, whose hooks would fire for the optimizer inside alone."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self._around, self.optimizer = Around(inner), inner
        self.param_groups = inner.param_groups

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return Around.step.__wrapped__(self._around, closure)  # type: ignore[attr-defined]


class Sam(torch.optim.Optimizer):
    """Sharpness-aware minimisation (Foret et al. 2021, arXiv 2010.01412), whose two halves are called by hand."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.base_optimizer = inner
        super().__init__(inner.param_groups, {})

    @torch.no_grad()
    def first_step(self) -> None:
        for parameter in self.param_groups[0]["params"]:
            self.state[parameter]["old"] = parameter.detach().clone()
            parameter.add_(0.5 * parameter.grad)
            parameter.grad = None

    @torch.no_grad()
    def second_step(self) -> None:
        for parameter in self.param_groups[0]["params"]:
            parameter.copy_(self.state[parameter]["old"])
        self.base_optimizer.step()


def train(
    model: nn.Module,
    optimizer: Any,
    *,
    target: Any = None,
    steps: int = 4,
    between: Callable[[int], None] | None = None,
) -> tuple[list[dict[str, Any]], list[Truth]]:
    """A watched training, and what each of its steps was."""
    truths: list[Truth] = []
    with Watch(target or optimizer, model=None if target is model else model, every=1) as watch:
        for seed in range(steps):
            model.zero_grad()
            loss_of(model, seed).backward()
            old, slope = flat(list(model.parameters())), -flat([p.grad for p in model.parameters()])  # type: ignore[misc]
            optimizer.step()
            truths.append(Truth(flat(list(model.parameters())) - old, slope))
            if between is not None:
                between(seed)
    return watch.rows, truths


def test_a_gradient_that_is_flipped_in_place_does_not_make_ascent_descent() -> None:
    model = plain()
    rows, truths = train(model, Negating(model.parameters(), lr=0.1, momentum=0.9))
    assert [row["in_batch"]["cos"] for row in rows] == pytest.approx([truth.cos for truth in truths], abs=1e-5)
    assert all(row["in_batch"]["cos"] < -0.3 for row in rows)


@pytest.mark.parametrize("wrapper", [Around, Hookless])
@pytest.mark.parametrize("by_model", [False, True])
def test_the_rule_around_an_optimizer_is_certified_once_a_step(wrapper: Any, by_model: bool) -> None:
    if by_model and wrapper is Hookless:
        pytest.skip("only its inner step has hooks: it is watched when it is given itself")
    model = plain()
    optimizer = wrapper(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    rows, truths = train(model, optimizer, target=model if by_model else None)
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    assert {row["optimizer"] for row in rows} == {wrapper.__name__}
    assert [row["in_batch"]["cos"] for row in rows] == pytest.approx([truth.cos for truth in truths], abs=1e-5)
    assert [row["in_batch"]["rho"] for row in rows] == pytest.approx(
        [float(truth.step.norm() / truth.descent.norm()) for truth in truths], rel=1e-4
    )
    optimizer.step()  # Wrapped no longer.
    assert "step" not in vars(optimizer)
    assert len(rows) == 4


def test_the_two_halves_of_a_step_called_by_hand_are_one_row() -> None:
    model = plain()
    optimizer = Sam(torch.optim.SGD(model.parameters(), lr=0.1))
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(3):
            model.zero_grad()
            loss_of(model, seed).backward()
            old, slope = flat(list(model.parameters())), slope_of(model, seed)
            optimizer.first_step()
            loss_of(model, seed).backward()
            optimizer.second_step()
            truth = Truth(flat(list(model.parameters())) - old, slope)
            assert 0.5 < truth.cos < 0.9999
            assert watch._following._trackers[optimizer]._pending.row["in_batch"]["cos"] == pytest.approx(  # type: ignore[union-attr]  # pyright: ignore
                truth.cos, abs=1e-5
            )
    assert [row["step"] for row in watch.rows] == [0, 1, 2]
    assert not {"first_step", "second_step"} & set(vars(optimizer))


def test_a_step_that_was_given_up_after_its_first_half_is_no_row() -> None:
    model = plain()
    optimizer = Sam(torch.optim.SGD(model.parameters(), lr=0.1))
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(3):
            model.zero_grad()
            loss_of(model, seed).backward()
            optimizer.first_step()
            if seed != 1:
                loss_of(model, seed).backward()
                optimizer.second_step()
    assert [row["step"] for row in watch.rows] == [0, 1]
    assert [row["independent"] for row in watch.rows] == ["lagged", None]


def test_an_exception_inside_a_step_does_not_end_the_watching() -> None:
    model = plain()

    class Failing(torch.optim.SGD):
        fail = False

        def step(self, closure: Any = None) -> Any:  # type: ignore[override]
            if self.fail:
                raise ZeroDivisionError
            return super().step(closure)

    optimizer = Failing(model.parameters(), lr=0.1)
    with Watch(model, every=1) as watch:
        for seed in range(4):
            model.zero_grad()
            loss_of(model, seed).backward()
            optimizer.fail = seed == 1
            try:
                optimizer.step()
            except ZeroDivisionError:
                assert seed == 1
    assert [row["step"] for row in watch.rows] == [0, 1, 2]
    assert all(row["in_batch"]["cos"] == pytest.approx(1, abs=1e-6) for row in watch.rows)


def test_what_happens_between_steps_is_not_charged_to_the_optimizer() -> None:
    model = plain()
    kept = [p.detach().clone() for p in model.parameters()]

    def clamp(_: int) -> None:
        with torch.no_grad():  # Weights are clamped, and the last layer is rolled back.
            for place, (parameter, old) in enumerate(zip(model.parameters(), kept, strict=True)):
                parameter.copy_(parameter.clamp(-0.05, 0.05) if place < 2 else old)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    moves: list[Tensor] = []
    expected: list[float] = []
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(5):
            if moves:
                slope = slope_of(model, seed)
                expected.append(float(moves[-1] @ slope / moves[-1].norm() / slope.norm()))
            model.zero_grad()
            loss_of(model, seed).backward()
            old = flat(list(model.parameters()))
            optimizer.step()
            moves.append(flat(list(model.parameters())) - old)
            clamp(seed)
    assert [row["cos"] for row in watch.rows[:-1]] == pytest.approx(expected, abs=1e-5)


def test_parameters_that_are_added_or_unfrozen_later_appear() -> None:
    model = plain()
    model[2].requires_grad_(False)  # type: ignore[index]
    model.add_module("3", nn.Linear(5, 5))
    first = [p for name, p in model.named_parameters() if not name.startswith("3")]
    optimizer = torch.optim.SGD(first, lr=0.1)
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(4):
            if seed == 2:
                model[2].requires_grad_(True)  # type: ignore[index]
            if seed == 3:
                optimizer.add_param_group({"params": list(model[3].parameters())})  # type: ignore[index]
            model.zero_grad()
            loss_of(model, seed).backward()
            optimizer.step()
    seen = [set(row["in_batch"]["block_cos"]) for row in watch.rows]
    assert seen[1] == {"0.weight", "0.bias"}
    assert seen[2] == seen[1] | {"2.weight", "2.bias"}
    assert seen[3] == seen[2] | {"3.weight", "3.bias"}
    assert [row["share"] for row in watch.rows] == [1.0] * 4


def test_share_counts_what_has_no_gradient() -> None:
    model = plain()
    head = nn.Linear(5, 100)
    optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
    with Watch(optimizer, model=model, every=1) as watch:
        for seed in range(2):
            model.zero_grad()
            loss_of(model, seed).backward()
            optimizer.step()
    own, rest = (sum(p.numel() for p in module.parameters()) for module in (model, head))
    assert watch.rows[0]["share"] == pytest.approx(own / (own + rest))


def test_an_optimizer_that_takes_its_gradients_away_is_watched() -> None:
    class Taking(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:  # type: ignore[override]
            super().step(closure)
            for parameter in self.param_groups[0]["params"]:
                parameter.grad = None

    model = plain()
    rows, truths = train(model, Taking(model.parameters(), lr=0.1, momentum=0.9))
    assert [row["in_batch"]["cos"] for row in rows] == pytest.approx([truth.cos for truth in truths], abs=1e-5)
    assert [row["independent"] for row in rows] == ["lagged"] * 3 + [None]


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({"wd": 5.0, "decoupled": True}, 5e-3),
        ({"weight_decay_rate": 5.0}, 5e-3),
        ({"weight_decay": 5.0, "weight_decouple": True}, 5e-3),
        ({"weight_decay": 5e-3, "weight_decouple": True, "fixed_decay": True}, 5e-3),
        ({"weight_decay": 5.0, "weight_decouple": False}, 0.0),
        ({"weight_decay": 5.0}, 0.0),
    ],
)
def test_weight_decay_is_found_under_any_key(options: dict[str, Any], rate: float) -> None:
    class Decaying(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for parameter in self.param_groups[0]["params"]:
                parameter.sub_(5e-3 * parameter + 1e-3 * parameter.grad)

    model = plain()
    old = flat(list(model.parameters()))
    rows, truths = train(model, Decaying(model.parameters(), {"lr": 1e-3, **options}), steps=1)
    if not rate:
        assert rows[0]["wd_share"] is None
        return
    assert rows[0]["wd_share"] == pytest.approx(float((rate * old).norm() / truths[0].step.norm()) ** 2, rel=1e-3)
    assert rows[0]["in_batch"]["cos_without_decay"] == pytest.approx(1, abs=1e-3)
    assert rows[0]["in_batch"]["cos"] < 0.9


def test_an_optimizer_without_any_step_is_refused_or_named(caplog: pytest.LogCaptureFixture) -> None:
    model = plain()

    class Fused(torch.optim.SGD):
        def fused_backward(self, loss: Tensor) -> None:
            """Step while gradients are made."""

    with pytest.raises(InputTypeError, match="steps while its backward pass runs"):
        Watch(Fused(model.parameters(), lr=0.1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with caplog.at_level(logging.WARNING, "antigrad.watch"), Watch(optimizer, model=model):
        pass
    assert "no step of SGD was seen" in caplog.text


@pytest.fixture(autouse=True)
def no_hooks_left() -> Iterator[None]:
    """Every test takes its global hooks away."""
    from torch.optim import optimizer as module

    yield
    assert not module._global_optimizer_pre_hooks  # pyright: ignore
    assert not module._global_optimizer_post_hooks  # pyright: ignore
