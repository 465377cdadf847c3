"""What every rule for pairs keeps to; a rule dropped into the folder is tested without an edit here."""

import copy
import re
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.credit.pairs import PAIR_CREDIT, PairFacts, PairRule
from helpers.preferences import random_facts

SPECS = [
    *PAIR_CREDIT.names(),
    "vpo(reading=continuous)",
    "vpo(temperature=3)",
    "fixed(factor=0.3)",
    "ches(of=vpo)",
    "ches(low=0.5)",
    "low_confidence(of=vpo(reading=continuous))",
    "inner_product(of=gap)",
    "shuffled(of=ches)",
    "reversed(of=low_confidence)",
    "safe(slack=0.2)",
    "schedule(start=1,end=0.2)",
]


@pytest.fixture(params=SPECS)
def rule(request: pytest.FixtureRequest) -> PairRule:
    return PAIR_CREDIT.make(request.param)


def moved(facts: PairFacts, order: torch.Tensor) -> PairFacts:
    kernel = facts.require_kernel()
    turned = replace(kernel, chosen=kernel.chosen[order], cross=kernel.cross[order], rejected=kernel.rejected[order])
    more = {name: facts.require(name)[order] for name in ("pvi", "ln_ches", "confidence", "reward_gap")}
    return replace(facts, kernel=turned, **more)


def test_pure_and_in_range(rule: PairRule) -> None:
    facts = random_facts(9)
    before = copy.deepcopy(facts)
    factors = rule(facts)
    assert torch.equal(factors, rule(facts))
    assert factors.shape == (9,) and factors.dtype == torch.float64
    assert float(factors.min()) >= 0 and float(factors.max()) <= 1
    for name in ("pvi", "ln_ches", "confidence", "reward_gap"):
        assert torch.equal(facts.require(name), before.require(name))


def test_order_of_the_pairs(rule: PairRule) -> None:
    facts, order = random_facts(9), torch.tensor([4, 2, 8, 0, 1, 7, 3, 6, 5])
    factors, again = rule(facts), rule(moved(facts, order))
    if PAIR_CREDIT.name_of(rule) == "shuffled":
        factors, again, order = factors.sort().values, again.sort().values, torch.arange(9)
    torch.testing.assert_close(again, factors[order], atol=1e-15, rtol=0)


def test_says_what_it_needs(rule: PairRule) -> None:
    """Exactly these facts: without one of them it refuses, with them alone it gives the same factors."""
    facts = random_facts(6)
    known = ("pvi", "ln_ches", "confidence", "reward_gap", "kernel")
    assert set(rule.needs) <= set(known)
    bare = PairFacts(6, seed=facts.seed, progress=facts.progress)
    enough = replace(bare, **{name: getattr(facts, name) for name in rule.needs})
    assert torch.equal(rule(enough), rule(facts))
    for name in set(rule.needs):
        with pytest.raises(InputValueError, match=f"without {name}"):
            rule(replace(enough, **{name: None}))


def test_only_schedules_change_in_the_course_of_a_training(rule: PairRule) -> None:
    facts = random_facts(5)
    early, late = rule(replace(facts, progress=0.0)), rule(replace(facts, progress=1.0))
    assert torch.equal(early, late) != rule.per_step


def test_score_orders_as_the_factors_do(rule: PairRule) -> None:
    if PAIR_CREDIT.name_of(rule) in ("shuffled", "reversed"):
        return
    facts = random_facts(9)
    by_score = rule(facts)[rule.score(facts).argsort(stable=True)]
    assert bool((by_score.diff() >= -1e-15).all())


def test_one_pair(rule: PairRule) -> None:
    assert 0 <= rule(random_facts(1)).item() <= 1


@pytest.mark.parametrize("name", PAIR_CREDIT.names())
def test_documented_frozen_and_made_by_name(name: str) -> None:
    kind = PAIR_CREDIT.classes[name]
    assert is_dataclass(kind)
    text = kind.__doc__ or ""
    for section in ("Sign:", "Source:", "Deviations:", "Example:"):
        assert re.search(rf"^\s*{section}", text, re.MULTILINE), section
    assert bool(fields(kind)) == ("Args:" in text)
    for field in fields(kind):
        assert f"{field.name}:" in text
    made = PAIR_CREDIT.make(name)
    assert made == PAIR_CREDIT.make(f"{name}()")
    assert PAIR_CREDIT.name_of(made) == name
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(kind)[0].name if fields(kind) else "anything", 1)
