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
        ("blanket", 0.5, -0.5),  # two of four rows are correct and count
        ("blanket(eta=p)", 0.5, -1.0),
        ("w_reinforce", 0.1, -1.0),
        ("w_reinforce(positive_weight=0)", 0.0, -1.0),
        ("w_reinforce(positive_weight=2)", 2.0, -1.0),
        ("grpo_n", 0.0, -1.5),
        ("grpo_n(denominator=kept)", 0.0, -5.25),  # two of seven tokens are kept
        ("llds", 0.5, -1.5),
        ("asym_re(delta_v=-0.25)", 7 / 12, -5 / 12),
    ],
)
def test_weights(spec: str, right: float, wrong: float) -> None:
    expected = torch.tensor([[right] * 3, [wrong, wrong, 0], [right, 0, right], [0, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(CREDIT.make(spec)(GROUP), expected, atol=1e-15, rtol=0)


def test_success_rate_leaves_out_rows_without_tokens() -> None:
    assert GROUP.success_rate == 2 / 3
    assert GROUP.mixed
    assert GROUP.counted.tolist() == [True, True, True, False]
    assert not replace(GROUP, mask=MASK & torch.tensor([True, False, True, True])[:, None]).mixed


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [("nsr", 0.0, -1.0), ("psr", 1.0, 0.0), ("w_reinforce", 0.1, -1.0), ("asym_re", 0.1, 0.0), ("grpo_n", 0.0, 0.0)],
)
def test_groups_that_are_not_mixed(spec: str, right: float, wrong: float) -> None:
    """PSR and its kin weigh them by the verdict; an empty row has nothing, and does not count in p."""
    silent = replace(GROUP, advantages=torch.zeros_like(ADVANTAGES))
    for verdict, weight in ((True, right), (False, wrong)):
        group = replace(silent, correct=torch.full_like(GROUP.correct, verdict))
        expected = torch.where(MASK, torch.tensor(weight, dtype=torch.float64), 0.0)
        torch.testing.assert_close(CREDIT.make(spec)(group), expected, atol=1e-15, rtol=0)
    empty = replace(silent, mask=torch.zeros_like(MASK))
    assert bool((CREDIT.make(spec)(empty) == 0).all())


def test_wrong_tokens_and_spread() -> None:
    assert GROUP.wrong_tokens().int().tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert GROUP.spread().tolist() == [[0.5] * 3, [-1.5, -1.5, 0], [0.5, 0, 0.5], [0, 0, 0]]


def test_nan_weights_behind_the_mask_do_not_leak() -> None:
    advantages = ADVANTAGES.clone()
    advantages[3] = math.nan
    for name, kind in CREDIT.classes.items():
        if not kind.needs_influence and not kind.needs_hidden:
            assert bool(CREDIT.make(name)(replace(GROUP, advantages=advantages)).isfinite().all())


@pytest.mark.parametrize(
    "broken",
    [
        {"mask": MASK[:, :2]},
        {"correct": torch.tensor([True])},
        {"advantages": ADVANTAGES[:, None]},
        {"mask": MASK.long()},
        {"correct": torch.ones(4)},
        {"hidden": torch.zeros(4, 3)},
        {"hidden": torch.zeros(4, 2, 5)},
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


GRADED = Group(
    torch.zeros(3, 2).long(), torch.ones(3, 2).bool(), torch.ones(3).bool(), torch.tensor([1.5, -0.5, -1.0]).double()
)
"""A reward of more than two values, all above the threshold: no contrast of verdicts, and one of advantages."""


@pytest.mark.parametrize(
    ("spec", "all_correct", "all_wrong"),
    [
        ("none", (1.5, -0.5, -1.0), (1.5, -0.5, -1.0)),
        ("positives_only", (1.5, 0.0, 0.0), (1.5, 0.0, 0.0)),
        ("negatives_only", (0.0, -0.5, -1.0), (0.0, -0.5, -1.0)),
        ("grpo_n", (0.0, -0.5, -1.0), (0.0, -0.5, -1.0)),
        ("grpo_n(denominator=kept)", (0.0, -0.75, -1.5), (0.0, -0.75, -1.5)),
        ("blanket(eta=0.5)", (1.5, -0.25, -0.5), (1.5, -0.25, -0.5)),
        ("blanket(eta=p)", (1.5, -0.5 / 3, -1.0 / 3), (1.5, -0.5 / 3, -1.0 / 3)),
        ("resrl", (0.15, -0.05, -0.1), (1.5, -0.5, -1.0)),  # the authors' code weakens every correct response
        ("psr", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
        ("nsr", (0.0, 0.0, 0.0), (-1.0, -1.0, -1.0)),
    ],
)
def test_a_graded_reward_without_contrast_of_verdicts(
    spec: str, all_correct: tuple[float, ...], all_wrong: tuple[float, ...]
) -> None:
    for verdict, wanted in ((True, all_correct), (False, all_wrong)):
        group = replace(GRADED, correct=torch.full((3,), verdict))
        expected = torch.tensor(wanted, dtype=torch.float64)[:, None].expand(3, 2)
        torch.testing.assert_close(CREDIT.make(spec)(group), expected, atol=1e-15, rtol=0)


@pytest.mark.parametrize(("spec", "right", "wrong"), [("psr", 7 / 5, 0.0), ("nsr", 0.0, -7 / 2)])
def test_kept_divides_by_the_rows_that_are_kept(spec: str, right: float, wrong: float) -> None:
    """Seven tokens count, five of them in correct rows: a mean over all of c w is one over the kept of w."""
    weights = CREDIT.make(f"{spec}(denominator=kept)")(GROUP)
    expected = torch.tensor([[right] * 3, [wrong, wrong, 0], [right, 0, right], [0, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(weights, expected)
    assert float(weights.sum() / MASK.sum()) == pytest.approx(1.0 if spec == "psr" else -1.0)
    with pytest.raises(InputValueError, match="group or kept"):
        CREDIT.make(f"{spec}(denominator=batch)")
