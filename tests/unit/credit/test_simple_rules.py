"""Rules without scores: the numbers they give, and what a `Group` refuses."""

import math
from dataclasses import replace

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.credit import CREDIT, CreditRule, Group
from antigrad.credit.w_reinforce import WReinforce

ADVANTAGES = torch.tensor([0.5, -1.5, 0.5, 0.5], dtype=torch.float64)
MASK = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 0, 0]]).bool()
GROUP = Group(torch.zeros(4, 3).long(), MASK, torch.tensor([True, False, True, True]), ADVANTAGES)


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        ("none", 0.5, -1.5),
        ("positives_only", 0.5, 0.0),
        ("negatives_only", 0.0, -1.5),
        ("blanket(eta=0.25)", 0.5, -0.375),
        ("blanket", 0.5, 0.0),  # two of four rows are correct and count
        ("blanket(eta=p)", 0.5, -0.75),
        ("w_reinforce", 0.1, -1.0),
        ("w_reinforce(positive_weight=0)", 0.0, -1.0),
        ("w_reinforce(positive_weight=2)", 2.0, -1.0),
    ],
)
def test_weights(spec: str, right: float, wrong: float) -> None:
    assert CREDIT.make(spec)(GROUP).tolist() == [[right] * 3, [wrong, wrong, 0], [right, 0, right], [0, 0, 0]]


def test_success_rate_counts_rows_with_tokens_over_all_rows() -> None:
    assert GROUP.success_rate == 0.5
    assert GROUP.mixed
    assert GROUP.counted.tolist() == [True, True, True, False]
    assert not replace(GROUP, mask=MASK & torch.tensor([True, False, True, True])[:, None]).mixed


def test_wrong_tokens_and_spread() -> None:
    assert GROUP.wrong_tokens().int().tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert GROUP.spread().tolist() == [[0.5] * 3, [-1.5, -1.5, 0], [0.5, 0, 0.5], [0, 0, 0]]


def test_nan_weights_behind_the_mask_do_not_leak() -> None:
    advantages = ADVANTAGES.clone()
    advantages[3] = math.nan
    for name, kind in CREDIT.classes.items():
        if not kind.needs_influence:
            assert bool(CREDIT.make(name)(replace(GROUP, advantages=advantages)).isfinite().all())


@pytest.mark.parametrize(
    "broken",
    [
        {"mask": MASK[:, :2]},
        {"correct": torch.tensor([True])},
        {"advantages": ADVANTAGES[:, None]},
        {"mask": MASK.long()},
        {"correct": torch.ones(4)},
    ],
)
def test_groups_that_do_not_fit_are_refused(broken: dict[str, torch.Tensor]) -> None:
    with pytest.raises(InputTypeError):
        replace(GROUP, **broken)  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [-0.1, math.nan])
def test_negative_positive_weight_is_refused(weight: float) -> None:
    with pytest.raises(InputValueError, match="positive_weight"):
        WReinforce(weight)


def test_the_base_class_is_abstract() -> None:
    with pytest.raises(TypeError):
        CreditRule()  # type: ignore[abstract]
