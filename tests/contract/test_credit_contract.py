"""What every credit rule keeps to; a rule dropped into the folder is tested without an edit here."""

import copy
import re
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest
import torch

from antigrad.credit import CREDIT, CreditRule, Group
from helpers.cases import Case, random_case

SPECS = [
    *CREDIT.names(),
    "nthr(beta=0,anchor=others)",
    "nthr(beta=0.1,eta=0)",
    "nthr(beta=-.inf,eta=1-p)",
    "nthr(anchor=others,tau_floor=0)",
    "random(beta=0,anchor=others,eta=p)",
    "blanket(eta=0.25)",
    "w_reinforce(positive_weight=0)",
    "grpo_n(denominator=kept)",
    "psr(denominator=kept)",
    "nsr(denominator=kept)",
    "asym_re(delta_v=-0.5)",
    "resrl(rank=2)",
    "resrl(rank=1,floor=0,positive_weight=1,low=0,high=1)",
]
MIXED = [random_case(31), random_case(32, (False, True, False, False)), random_case(33, (True, True, True, False))]


def group_of(case: Case, rule: CreditRule, seed: int = 4) -> Group:
    return case.group_for(rule, seed)


@pytest.fixture(params=SPECS)
def rule(request: pytest.FixtureRequest) -> CreditRule:
    return CREDIT.make(request.param)


@pytest.fixture(params=MIXED, ids=["3of5", "1of4", "3of4"])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def is_random(rule: CreditRule) -> bool:
    return CREDIT.name_of(rule) == "random"


def test_pure(rule: CreditRule, case: Case) -> None:
    group = group_of(case, rule)
    before = copy.deepcopy(group)
    first, second = rule(group), rule(group)
    assert torch.equal(first, second)
    for field in ("tokens", "mask", "correct", "advantages"):
        assert torch.equal(getattr(group, field), getattr(before, field))
    if group.hidden is not None and before.hidden is not None:
        assert torch.equal(group.hidden, before.hidden)
    if group.influence is not None and before.influence is not None:
        assert torch.equal(group.influence.scores, before.influence.scores)


def test_shape_dtype_and_zeros_where_masked(rule: CreditRule, case: Case) -> None:
    weights = rule(group_of(case, rule))
    assert weights.shape == case.mask.shape
    assert weights.dtype == torch.float64
    assert bool((weights[~case.mask] == 0).all() & weights.isfinite().all())


def test_signs(rule: CreditRule, case: Case) -> None:
    """Correct rows are never pushed down, wrong rows never up; something is left of at least one of them."""
    weights = rule(group_of(case, rule))
    assert float(weights[case.correct].min()) >= 0
    assert float(weights[~case.correct].max()) <= 0
    assert float(weights.abs().max()) > 0


def test_never_stronger_than_the_advantage_or_one(rule: CreditRule, case: Case) -> None:
    """A rule that divides by the tokens it keeps is held to what it is after division by all of them."""
    group = group_of(case, rule)
    weights = rule(group)
    if getattr(rule, "denominator", "group") == "kept":
        weights = weights * (int((weights != 0).sum()) / int(group.mask.sum()))
    assert bool((weights.abs() <= group.spread().abs().clamp(min=1) * (1 + 1e-15)).all())


def test_order_of_rows(rule: CreditRule, case: Case) -> None:
    order = torch.arange(len(case.correct)).flip(0)
    moved = replace(
        case, hidden=case.hidden[order], tokens=case.tokens[order], mask=case.mask[order], correct=case.correct[order]
    )
    weights, again = rule(group_of(case, rule))[order], rule(group_of(moved, rule))
    if is_random(rule):  # draws other tokens, but as many
        weights, again = weights.sort(-1).values, again.sort(-1).values
    torch.testing.assert_close(again, weights, atol=1e-12, rtol=0)


def test_padding(rule: CreditRule, case: Case) -> None:
    rows, _, width = case.hidden.shape
    wide = replace(
        case,
        hidden=torch.cat([case.hidden, torch.full((rows, 3, width), torch.nan, dtype=torch.float64)], 1),
        tokens=torch.cat([case.tokens, torch.full((rows, 3), 2)], 1),
        mask=torch.cat([case.mask, torch.zeros(rows, 3).bool()], 1),
    )
    weights, again = rule(group_of(case, rule)), rule(group_of(wide, rule))
    assert bool((again[:, -3:] == 0).all())
    weights, again = (x.sort(-1).values if is_random(rule) else x for x in (weights, again[:, :-3]))
    torch.testing.assert_close(again, weights, atol=1e-12, rtol=0)


@pytest.mark.parametrize("right", [True, False])
def test_groups_that_are_not_mixed_keep_their_advantages(rule: CreditRule, case: Case, right: bool) -> None:
    """Unless the rule says `unmixed`: then the verdict alone counts, with the sign it has in mixed groups.

    Or it has weights of its own for them: then nothing changes its side, and without advantages nothing moves.
    """
    group = replace(case.group(), correct=torch.full_like(case.correct, right))
    if type(rule).weigh_unmixed is not CreditRule.weigh_unmixed:
        weights = rule(group)
        assert bool((weights * group.spread() >= 0).all()) and bool((weights != 0).any())
        assert not rule(replace(group, advantages=torch.zeros_like(group.advantages))).any()
        return
    if not rule.unmixed:
        assert torch.equal(rule(group), group.spread())
        return
    weights = rule(replace(group, advantages=torch.zeros_like(group.advantages)))
    assert torch.equal(weights, rule(group))
    assert bool((weights[~case.mask] == 0).all() & (weights * (1 if right else -1) >= 0).all())
    assert float(weights.abs().max()) <= 1


def test_empty_rows(rule: CreditRule) -> None:
    """A row without a counted token gets zeros and leaves the others finite."""
    case = MIXED[0]
    mask = case.mask.clone()
    mask[0] = mask[1] = False
    weights = rule(group_of(replace(case, mask=mask), rule))
    assert bool((weights[:2] == 0).all() & weights.isfinite().all())


def test_penalties(rule: CreditRule, case: Case) -> None:
    """Only an auxiliary rule has one; it is 0 under the policy that sampled, and pushes nothing down."""
    old = case.log_probs()
    weights = rule(group_of(case, rule))
    now = (old - 0.5).requires_grad_()
    assert rule.penalty(old, old, weights, case.mask).item() == 0
    loss = rule.penalty(now, old, weights, case.mask)
    assert loss.ndim == 0
    assert (loss.item() > 0) == rule.auxiliary
    if rule.auxiliary:
        loss.backward()
        assert now.grad is not None
        assert bool((now.grad <= 0).all() & (now.grad[~case.mask] == 0).all() & (now.grad[~case.correct] == 0).all())


@pytest.mark.parametrize("name", CREDIT.names())
def test_documented_frozen_and_made_by_name(name: str) -> None:
    kind = CREDIT.classes[name]
    assert is_dataclass(kind)
    text = kind.__doc__ or ""
    for section in ("Sign:", "Source:", "Deviations:", "Example:"):
        assert re.search(rf"^\s*{section}", text, re.MULTILINE), section
    assert bool(fields(kind)) == ("Args:" in text)
    for field in fields(kind):
        assert f"{field.name}:" in text
    made = CREDIT.make(name)
    assert type(made) is kind
    assert made == CREDIT.make(f"{name}()")
    assert CREDIT.name_of(made) == name
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(kind)[0].name if fields(kind) else "anything", 1)


@pytest.mark.parametrize("name", CREDIT.names())
def test_scores_and_states_are_asked_for_where_they_are_needed(name: str) -> None:
    group = MIXED[0].group()
    kind = CREDIT.classes[name]
    if kind.needs_influence or kind.needs_hidden:
        with pytest.raises(ValueError, match="influence" if kind.needs_influence else "hidden states"):
            CREDIT.make(name)(group)
    else:
        assert bool(CREDIT.make(name)(group).isfinite().all())
