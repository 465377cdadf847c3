"""Number formats, weight decay, groups, tied and frozen weights, adapters, wrappers, several optimizers, hooks."""

from typing import Any

import pytest
import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputTypeError, InputValueError, ManyInputsError
from antigrad.geometry import Watch
from helpers.watching import batch, flat


def plain(seed: int = 0) -> nn.Module:
    """A model without dropout and running means."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5))


def train(model: nn.Module, optimizer: Any, *, steps: int = 3, target: Any = None, **options: Any) -> Watch:
    """A short watched training."""
    with Watch(target or optimizer, model=model, every=1, **options) as watch:
        for seed in range(steps):
            optimizer.zero_grad()
            inputs, labels = batch(seed)
            kind = next(model.parameters()).dtype
            cross_entropy(model(inputs.to(kind)).float(), labels).backward()
            optimizer.step()
    return watch


def test_what_bfloat16_rounds_away_did_not_move() -> None:
    coarse = plain().bfloat16()
    row = train(coarse, torch.optim.Adam(coarse.parameters(), lr=1e-5)).rows[0]
    fine = plain()
    whole = train(fine, torch.optim.Adam(fine.parameters(), lr=1e-5)).rows[0]
    assert whole["moved_fraction"] > 0.97
    assert 0 < row["moved_fraction"] < 0.2
    assert any("finer than their number format" in alarm for alarm in row["alarms"])


def test_the_applied_change_is_measured_and_not_the_intended_one() -> None:
    model = plain().bfloat16()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Watch(optimizer, model=model, every=1) as watch:
        inputs, labels = batch(0)
        cross_entropy(model(inputs.bfloat16()).float(), labels).backward()
        old = flat(list(model.parameters()))
        descent = -flat([p.grad for p in model.parameters()])  # type: ignore[misc]
        optimizer.step()
        step = flat(list(model.parameters())) - old
    found = watch.rows[0]["in_batch"]
    assert found["cos"] == pytest.approx(float(step @ descent / step.norm() / descent.norm()), abs=1e-5)
    assert found["cos"] < 0.9999
    assert found["drop_predicted"] == pytest.approx(float(step @ descent), rel=1e-4)


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.Muon])
def test_decoupled_decay_is_told_apart(kind: Any) -> None:
    def model() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(12, 16, bias=False), nn.Tanh(), nn.Linear(16, 5, bias=False))

    without, decayed = model(), model()
    bare = train(without, kind(without.parameters(), lr=1e-3, weight_decay=0.0), steps=1).rows[0]
    row = train(decayed, kind(decayed.parameters(), lr=1e-3, weight_decay=5.0), steps=1).rows[0]
    assert bare["wd_share"] is None
    assert 0 < row["wd_share"] < 1.2
    assert row["in_batch"]["cos"] < bare["in_batch"]["cos"]
    assert row["in_batch"]["cos_without_decay"] == pytest.approx(bare["in_batch"]["cos"], abs=1e-4)
    decay = 1e-3 * 5.0 * flat(list(model().parameters()))
    step = flat(list(decayed.parameters())) - flat(list(model().parameters()))
    assert row["wd_share"] == pytest.approx(float(decay @ decay / (step @ step)), rel=1e-3)


def test_decay_that_is_a_part_of_the_gradient_is_not() -> None:
    model = plain()
    row = train(model, torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1), steps=1).rows[0]
    assert row["wd_share"] is None
    assert row["in_batch"]["cos_without_decay"] == row["in_batch"]["cos"] < 1 - 1e-4


def test_groups_have_their_own_decay() -> None:
    model = plain()
    groups = [
        {"params": [model[0].weight], "weight_decay": 4.0},  # type: ignore[index]
        {"params": [model[2].weight, model[0].bias, model[2].bias], "weight_decay": 0.0},  # type: ignore[index]
    ]
    old = model[0].weight.detach().clone().double()  # type: ignore[index,union-attr]
    before = flat(list(model.parameters()))
    row = train(model, torch.optim.AdamW(groups, lr=1e-3), steps=1).rows[0]
    step = flat(list(model.parameters())) - before
    assert row["wd_share"] == pytest.approx(float((4e-3 * old).square().sum() / (step @ step)), rel=1e-3)


def test_tied_weights_are_one_block() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 12))
    model[2].weight = model[0].weight
    row = train(model, torch.optim.SGD(model.parameters(), lr=0.1), steps=1).rows[0]
    assert set(row["in_batch"]["block_cos"]) == {"0.weight", "0.bias", "2.bias"}
    assert row["in_batch"]["cos"] == pytest.approx(1, abs=1e-6)


def test_frozen_parameters_take_no_part_and_a_frozen_model_is_refused() -> None:
    model = plain()
    model[0].requires_grad_(False)  # type: ignore[index]
    watch = train(model, torch.optim.Adam(model.parameters(), lr=1e-3), steps=1)
    assert set(watch.rows[0]["in_batch"]["block_cos"]) == {"2.weight", "2.bias"}
    assert watch.rows[0]["share"] == 1
    model.requires_grad_(False)
    with pytest.raises(InputValueError, match=r"4 parameters, none with requires_grad.*unfreeze"):
        Watch(torch.optim.Adam(model.parameters()))
    with pytest.raises(InputValueError, match=r"Sequential without a parameter that requires a gradient"):
        Watch(model)


def test_lora_is_watched_in_its_adapters() -> None:
    adapted = get_peft_model(plain(), LoraConfig(r=2, target_modules=["0", "2"]))  # type: ignore[arg-type]
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    watch = train(adapted, torch.optim.AdamW(trained, lr=1e-2))
    names = set(watch.rows[-1]["block_cos"] or watch.rows[-1]["in_batch"]["block_cos"])
    assert len(names) == 4
    assert all("lora_" in name for name in names)
    assert watch.rows[0]["in_batch"]["effective"] == "yes"


def test_the_optimizer_inside_a_wrapper_is_found() -> None:
    model = plain()
    accelerator = Accelerator(cpu=True)
    wrapped_model, wrapped = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
    watch = train(wrapped_model, wrapped, target=wrapped)
    assert [row["optimizer"] for row in watch.rows] == ["SGD"] * 3
    assert watch.rows[0]["in_batch"]["cos"] == pytest.approx(1, abs=1e-6)


def test_an_optimizer_without_hooks_is_refused() -> None:
    class Own:
        param_groups: list[dict[str, Any]] = []  # noqa: RUF012

        def step(self) -> None:
            """Do nothing."""

    with pytest.raises(InputTypeError, match=r"a Own to watch.*step hooks.*subclass of torch.optim.Optimizer"):
        Watch(Own())  # type: ignore[arg-type]


def test_every_wrong_option_is_said_at_once() -> None:
    model = plain()
    with pytest.raises(ManyInputsError) as caught:
        Watch(model, every=0, rotate=0, independent="next", weight=-1.0)  # type: ignore[arg-type]
    assert all(name in str(caught.value) for name in ("every=0", "rotate=0", "independent='next'", "weight=-1.0"))
    with pytest.raises(ManyInputsError, match=r"granularity 'layers'.*did you mean 'layer'"):
        Watch(model, granularity="layers")  # type: ignore[arg-type]


def test_a_model_is_watched_through_all_its_optimizers() -> None:
    model = plain()
    first = torch.optim.SGD(model[0].parameters(), lr=0.1)  # type: ignore[index]
    second = torch.optim.Adam(model[2].parameters(), lr=1e-3)  # type: ignore[index]
    stranger = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)
    with Watch(model, every=1) as watch:
        for seed in range(3):
            inputs, labels = batch(seed)
            model.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            stranger.step()
            first.step()
            second.step()
    kinds = [(row["optimizer"], row["step"]) for row in watch.rows]
    assert sorted(kinds) == sorted((kind, step) for kind in ("SGD", "Adam") for step in range(3))
    assert {tuple(row["in_batch"]["block_cos"]) for row in watch.rows} == {
        ("0.weight", "0.bias"),
        ("2.weight", "2.bias"),
    }


def _hooks(optimizer: torch.optim.Optimizer) -> int:
    return len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)  # pyright: ignore


def test_hooks_are_gone_after_the_block_and_after_an_exception() -> None:
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch = train(model, optimizer)
    assert _hooks(optimizer) == 0
    with pytest.raises(ZeroDivisionError), Watch(optimizer, model=model, every=1) as broken:
        inputs, labels = batch(0)
        cross_entropy(model(inputs), labels).backward()
        optimizer.step()
        raise ZeroDivisionError
    assert _hooks(optimizer) == 0
    assert [row["step"] for row in broken.rows] == [0]
    whole = Watch(model)
    whole.close()
    optimizer.step()
    assert whole.rows == []
    assert len(watch.rows) == 3
