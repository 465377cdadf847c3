"""SSD: importances by hand, the bound on its threshold, both forms."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.unlearning.guard import accuracy
from antigrad.unlearning.loop import unlearn
from antigrad.unlearning.methods.ssd import Ssd
from helpers.unlearning import context, same, state


def test_importance_is_the_sum_of_each_samples_squared_gradient() -> None:
    given = context(count=60)
    model = given.original.copy()
    found = Ssd().sums(model, given, given.forget)
    model.module.eval()
    expected = {name: torch.zeros_like(value) for name, value in model.module.named_parameters()}
    for image, label in zip(given.forget.images, given.forget.labels, strict=True):
        loss = cross_entropy(model(image[None]), label[None])
        for name, slope in zip(expected, torch.autograd.grad(loss, list(model.module.parameters())), strict=True):
            expected[name] += slope.square()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6 * float(value.max()) + 1e-12)


def test_the_batch_form_squares_the_mean_gradient() -> None:
    """So it depends on the batches, which the other form does not."""
    given = context(count=120)
    model = given.original.copy()
    each = [Ssd(per_sample=False, batch_size=size).sums(model, given, given.retain) for size in (20, 60)]
    plain = [Ssd(batch_size=size).sums(model, given, given.retain) for size in (20, 60)]
    name = "head.weight"
    assert not torch.allclose(each[0][name], each[1][name], rtol=0.05)
    torch.testing.assert_close(plain[0][name], plain[1][name])


def test_what_is_dampened_and_by_how_much() -> None:
    given, method = context(), Ssd(alpha=2.0, dampening=0.5)
    old = state(given.original)
    model = given.original.copy()
    forget, retain = (method.sums(model, given, some) for some in (given.forget, given.retain))
    n_f, n_r = len(given.forget), len(given.retain)
    new = state(unlearn(method, given).model)
    for name, value in model.module.named_parameters():
        most, whole = forget[name] / n_f, (forget[name] + retain[name]) / (n_f + n_r)
        chosen = most > 2 * whole
        factor = torch.where(chosen, (0.5 * whole / most).clamp(max=1), torch.ones_like(value))
        torch.testing.assert_close(new[name], old[name] * factor)
    assert accuracy(unlearn(method, given).model, given) < 0.5


def test_a_threshold_above_the_share_selects_nothing() -> None:
    """The forget set is part of all data: it is at most N / N_f times as important."""
    given = context()
    bound = len(given.deletion.train) / len(given.forget)
    assert bound < 10
    assert same(state(unlearn(Ssd(alpha=10.0), given).model), state(given.original))
    assert not same(state(unlearn(Ssd(alpha=3.0), given).model), state(given.original))
