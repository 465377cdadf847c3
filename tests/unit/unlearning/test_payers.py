"""Who pays: shares of the parts add up to the step, and to the change of losses; what is foreseen is the slope."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.unlearning.loop import unlearn
from antigrad.unlearning.methods import METHODS
from antigrad.unlearning.methods.method import Batch
from antigrad.unlearning.outputs import outputs
from antigrad.unlearning.payers import PARTS, Payers, preflight
from antigrad.vision.split import SplitModel
from helpers.unlearning import context


def losses(model: SplitModel, given: Any, places: torch.Tensor) -> torch.Tensor:
    found = outputs(model, given.retain)[1]
    return cross_entropy(found, given.retain.labels, reduction="none").double()[places]


@pytest.mark.parametrize("spec", ["duck", "npo(learning_rate=0.01)", "salun", "bad_teacher", "amnesiac", "unsir"])
def test_shares_add_up_to_each_step(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SGD and Adam, with momentum, masks, weights and several phases."""
    given, checked = context(network="digits-vit", count=200), []
    shares = Payers._shares

    def check(self: Payers, optimizer: torch.optim.Optimizer) -> Any:
        found = shares(self, optimizer)
        # Where the gradient is rounding alone, as of an attention's bias on keys, Adam makes a step of the rounding.
        summed = {name: sum((one[name] for one in self._gradients.values() if name in one), torch.zeros(()))
                  for name, _ in self.model.module.named_parameters()}  # fmt: skip
        noise = 1e-6 * max(float(value.abs().max()) for value in summed.values())
        for name, value in self.model.module.named_parameters():
            real = summed[name].abs() > noise
            total = sum((found[part][name] for part in PARTS if name in found.get(part, {})), torch.zeros(()))
            step = value.detach() - self._old[name]
            # The step is a difference of parameters, rounded to float32.
            allowed = 1e-3 * float(step.abs().max()) + 2.5e-7 * float(value.detach().abs().max())
            checked.append(float(((total - step).abs() * real).max()) / max(allowed, 1e-30))
        return found

    monkeypatch.setattr(Payers, "_shares", check)
    method = METHODS.make(spec)
    unlearn(method, given, weight=0.5, payers=16)
    assert checked and max(checked) < 1


def test_what_is_owed_adds_up_to_the_change_of_each_loss() -> None:
    given = context(network="digits-vit")
    done = unlearn(METHODS.make("duck(learning_rate=0.0002,epochs=4,stop=false)"), given, payers=120)
    assert done.paid is not None
    real = losses(done.model, given, done.paid.places) - losses(given.original, given, done.paid.places)
    owed = sum(done.paid.sums.values(), torch.zeros(()))
    assert float((owed - real).norm() / real.norm()) < 0.05
    assert float(done.paid.sums["down"].sum()) > 0 > float(done.paid.sums["up"].sum())


def test_following_changes_nothing() -> None:
    given = context(count=300)
    one, two = (unlearn(METHODS.make("duck"), given, payers=payers) for payers in (0, 30))
    assert all(torch.equal(a, b) for a, b in zip(one.model.module.state_dict().values(), two.model.module.state_dict().values(), strict=True))  # fmt: skip  # noqa: E501


def test_what_is_foreseen_is_the_slope_by_finite_differences() -> None:
    given, method = context(network="digits-vit", count=300), METHODS.make("npo")
    model = given.original.copy()
    memory = method.prepare(model, given)
    draw = next(method.draws(given, "main", 0, torch.Generator().manual_seed(0)))
    fetched = (given.batch(given.forget, draw.forget), given.batch(given.retain, draw.retain))
    batch = Batch(*fetched, "", torch.Generator())
    parts = method.parts(batch, model, memory)
    found = preflight(model, given, [parts], 40)
    slope = torch.autograd.grad(parts.down, list(model.module.parameters()))
    size = 1e-3 / float(sum(one.square().sum() for one in slope)) ** 0.5
    ends = []
    for sign in (1, -1):
        moved = given.original.copy()
        with torch.no_grad():
            for value, one in zip(moved.module.parameters(), slope, strict=True):
                value -= sign * size * one
        ends.append(losses(moved, given, found.places))
    by_hand = (ends[0] - ends[1]) / (2 * size)
    torch.testing.assert_close(found.along["down"], by_hand, rtol=0.02, atol=1e-2 * float(by_hand.abs().max()))
    assert found.safe is not None and 0 < found.safe <= 1
    torch.testing.assert_close(found.rise(0.0), found.along["up"])
