"""The weight of a selected token as a function of the group's success rate."""

import math

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.credit import CREDIT
from antigrad.credit.eta import eta_of


@pytest.mark.parametrize(
    ("p", "eta"), [(0.5, 0.0), (0.25, 0.5), (0.75, 0.5), (0.125, 0.75), (0.875, 0.75), (0.0, 1.0), (1.0, 1.0)]
)
def test_balance_is_exact(p: float, eta: float) -> None:
    assert eta_of("balance", p) == eta


def test_the_other_rules() -> None:
    assert (eta_of("p", 0.25), eta_of("1-p", 0.25), eta_of(0.3, 0.25), eta_of(1, 0.9)) == (0.25, 0.75, 0.3, 1.0)


@pytest.mark.parametrize("name", ["nthr", "random", "blanket"])
@pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan, math.inf])
def test_numbers_outside_the_unit_interval_are_refused(name: str, eta: float) -> None:
    with pytest.raises(InputValueError, match="a number from 0 to 1"):
        CREDIT.classes[name](eta=eta)


@pytest.mark.parametrize("name", ["nthr", "random", "blanket"])
def test_unknown_rules_are_refused_with_a_suggestion(name: str) -> None:
    with pytest.raises(InputValueError, match="did you mean 'balance'"):
        CREDIT.classes[name](eta="balanced")


def test_many_groups_at_once() -> None:
    rates = torch.tensor([[0.0, 0.25], [0.5, 1.0]], dtype=torch.float64)
    for rule in ("balance", "p", "1-p"):
        one_by_one = [[eta_of(rule, float(p)) for p in row] for row in rates]
        assert torch.equal(eta_of(rule, rates), torch.tensor(one_by_one, dtype=torch.float64))  # type: ignore[arg-type]
    assert eta_of(0.3, rates) == 0.3
