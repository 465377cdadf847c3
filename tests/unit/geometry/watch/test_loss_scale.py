"""Factors of the loss: those of micro-batches stay in the gradients of the parts, those against underflow do not."""

import pytest
import torch
from torch import nn

from antigrad.core.parts import Parts
from antigrad.geometry.watch.measure import measure
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.watched import Block


def test_the_factor_of_a_micro_batch_stays_and_the_one_against_underflow_is_divided_out() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    parts = Parts(up=weight.square().sum(), down=-3 * weight.sum(), anchor=torch.zeros(()))
    taken = PartGradients()
    taken.take(parts, [weight], scale=0.5, loss_scale=1024.0)
    found = {name: taken.of(name, weight) for name in taken.names}
    assert {name: gradient.tolist() for name, gradient in found.items() if gradient is not None} == {
        "up": [1.0, -2.0],
        "down": [-1.5, -1.5],
    }


def test_sums_of_a_scaled_gradient_are_those_of_the_gradient() -> None:
    draw = torch.Generator().manual_seed(0)
    parameter = nn.Parameter(torch.zeros(5, 3, dtype=torch.float64))
    new, old, slope = (torch.randn(5, 3, generator=draw, dtype=torch.float64) for _ in range(3))

    def table(gradient: torch.Tensor):
        sources = {parameter: new - old}, {parameter: gradient}, {parameter: new}
        return measure([Block("w", "w", parameter)], *sources, counts=True, rows=True, coordinates=True)

    plain, scaled = table(slope), table(256 * slope).unscaled(256.0)
    assert scaled.values.tolist()[0] == pytest.approx(plain.values.tolist()[0], rel=1e-9)
    assert plain.rows is not None
    assert scaled.rows is not None
    assert torch.allclose(scaled.rows, plain.rows, rtol=1e-9)
    assert plain.ratios is not None
    assert scaled.ratios is not None
    assert torch.allclose(scaled.ratios, plain.ratios, rtol=1e-9)
