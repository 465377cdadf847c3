"""Student's t on the scale of a normal variable: against scipy, under the null, and of rows of different lengths."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from antigrad.core.errors import InputValueError
from antigrad.geometry.evidence import THRESHOLD, critical, evidence, normal_score
from antigrad.geometry.forward_mode import directional_derivatives, of_rows


def test_t_is_that_of_scipy_on_the_scale_of_a_normal_variable() -> None:
    draw = torch.Generator().manual_seed(0)
    for count in (4, 7, 30, 400):
        values = torch.randn(count, generator=draw, dtype=torch.float64) + 0.7
        found = evidence(values)
        theirs = stats.ttest_1samp(values.numpy(), 0.0)
        assert found.mean == pytest.approx(float(values.mean()))
        assert found.error == pytest.approx(float(stats.sem(values.numpy())))
        assert found.t == pytest.approx(float(stats.norm.isf(theirs.pvalue / 2)), rel=1e-6)
        opposite = evidence(-values)
        assert found.t is not None
        assert opposite.t == pytest.approx(-found.t)
        assert (found.falls, found.rises) == (found.t > THRESHOLD, False)
        assert opposite.rises is found.falls


@pytest.mark.parametrize("count", [4, 6, 20])
def test_under_the_null_it_passes_three_as_rarely_whatever_the_number_of_values(count: int) -> None:
    draw = torch.Generator().manual_seed(count)
    values = torch.randn(20_000, count, generator=draw, dtype=torch.float64)
    student = values.mean(1) / (values.std(1) / math.sqrt(count))
    beyond = [abs(normal_score(t, count - 1)) > THRESHOLD for t in student.tolist()]
    assert 0.0012 < sum(beyond) / len(beyond) < 0.0045  # .0027 in the mean; plain t passes 3 in 5.8 % at n = 4.
    if count == 4:
        assert float((student.abs() > THRESHOLD).double().mean()) > 0.04


def test_critical_values_bound_the_chance_that_any_of_many_passes() -> None:
    freedom, layers = torch.tensor([3.0, 7.0, 19.0]), 40
    found = critical(freedom, layers)
    for value, dof in zip(found.tolist(), freedom.tolist(), strict=True):
        assert stats.t.sf(value, dof) == pytest.approx(stats.norm.sf(THRESHOLD) / layers, rel=1e-6)
    assert critical(torch.tensor([1.0]), 1).tolist() == [math.inf]


def test_few_values_equal_values_and_wrong_ones() -> None:
    assert evidence([1.0, 2.0, 3.0]).t is None
    assert math.isnan(evidence([1.0]).error)
    assert evidence([2.0] * 4).t == 38.0
    assert evidence([-2.0] * 4).t == -38.0
    assert evidence([0.0] * 4).t == 0.0
    with pytest.raises(InputValueError, match="finite values"):
        evidence([1.0, math.nan, 2.0, 3.0])
    with pytest.raises(InputValueError, match="a weight for each"):
        evidence([1.0, 2.0, 3.0, 4.0], [1.0])


def test_rows_of_different_lengths_weigh_as_a_ratio_of_sums() -> None:
    draw = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, 30, (50,), generator=draw)
    sums = tokens * (0.1 + 0.05 * torch.randn(50, generator=draw, dtype=torch.float64))
    found = of_rows(sums, tokens)
    assert found.mean == pytest.approx(float(sums.sum() / tokens.sum()))
    jackknife = torch.stack([(sums.sum() - sums[i]) / (tokens.sum() - tokens[i]) for i in range(50)])
    error = math.sqrt(49 / 50 * float((jackknife - jackknife.mean()).square().sum()))
    assert found.error == pytest.approx(error, rel=0.1)


def test_directional_derivatives_are_those_of_each_sample_s_gradient() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3)).double()
    inputs = torch.randn(6, 5, dtype=torch.float64)
    at = {name: p.detach() + 0.1 for name, p in model.named_parameters() if name != "0.bias"}
    along = {name: torch.randn_like(value) for name, value in at.items()}
    found = directional_derivatives(lambda: model(inputs).square().sum(1), model, at, along)
    assert found is not None
    expected = []
    kept = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        for name, value in at.items():
            model.get_parameter(name).copy_(value)
    for row in model(inputs).square().sum(1):
        slopes = torch.autograd.grad(row, [model.get_parameter(name) for name in at], retain_graph=True)
        expected.append(sum(float((slope * along[name]).sum()) for name, slope in zip(at, slopes, strict=True)))
    assert found.tolist() == pytest.approx(expected, rel=1e-9)
    with torch.no_grad():
        for name, value in kept.items():
            model.get_parameter(name).copy_(value)


def test_an_operation_without_forward_derivatives_is_no_crash() -> None:
    class Opaque(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x: torch.Tensor) -> torch.Tensor:  # type: ignore[no-untyped-def,override]
            return x.clone()

        @staticmethod
        def backward(ctx, slope: torch.Tensor) -> torch.Tensor:  # type: ignore[no-untyped-def,override]
            return slope

    line = nn.Linear(2, 1, bias=False)
    at, along = {"weight": line.weight.detach()}, {"weight": torch.ones(1, 2)}
    assert directional_derivatives(lambda: Opaque.apply(line(torch.ones(3, 2)))[:, 0], line, at, along) is None
    untouched = {"weight": torch.ones(1, 2)}
    assert directional_derivatives(lambda: torch.ones(3), line, at, untouched) is None
