"""Rules for pairs by hand: VPO's readings, controls that keep the multiset, the safe factor, refusals."""

import math
from dataclasses import replace

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.credit.pairs import PAIR_CREDIT, PairFacts, PairKernel
from helpers.preferences import float64, random_facts


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("vpo", [1 - 0.9525741268, 1 - 0.7310585786, 1 - 0.5249791875, 1, 1]),
        ("vpo(reading=continuous)", [1 - 0.9051482536, 1 - 0.4621171573, 1 - 0.0499583750, 1, 1]),
        (
            "vpo(temperature=2)",
            [1 - 1 / (1 + math.exp(-1.5)), 1 - 1 / (1 + math.exp(-0.5)), 1 - 1 / (1 + math.exp(-0.05))],
        ),
        ("reversed", [1, 1, 1 - 0.5249791875, 1 - 0.7310585786, 1 - 0.9525741268]),
    ],
)
def test_vpo(spec: str, expected: list[float]) -> None:
    factors = PAIR_CREDIT.make(spec)(PairFacts(5, pvi=float64(-3, -1, -0.1, 0, 2))).tolist()
    assert factors[: len(expected)] == pytest.approx(expected, abs=5.1e-11)


@pytest.mark.parametrize("control", ["shuffled", "reversed", "ches", "low_confidence", "inner_product"])
@pytest.mark.parametrize("of", ["vpo", "vpo(reading=continuous)", "gap", "safe"])
def test_controls_keep_the_multiset(control: str, of: str) -> None:
    facts = random_facts(40)
    factors, control_factors = PAIR_CREDIT.make(of)(facts), PAIR_CREDIT.make(f"{control}(of={of})")(facts)
    assert sorted(factors.tolist()) == sorted(control_factors.tolist())
    assert factors.tolist() != control_factors.tolist()


def test_shuffled_depends_on_the_seed_alone() -> None:
    facts = random_facts(40)
    rule = PAIR_CREDIT.make("shuffled")
    assert torch.equal(rule(facts), rule(replace(facts, ln_ches=None)))
    assert not torch.equal(rule(facts), rule(replace(facts, seed=facts.seed + 1)))


def test_reversed_turns_the_order_round() -> None:
    facts = random_facts(40)
    pvi = facts.require("pvi")
    factors = PAIR_CREDIT.make("reversed")(facts)
    assert bool((factors[pvi.argsort()].diff() <= 0).all())
    assert float(factors[pvi.argmin()]) == 1.0


def test_similar_pairs_are_pushed_less_by_ches_and_by_inner_products() -> None:
    facts = PairFacts(3, ln_ches=float64(-3, 2, 0), confidence=float64(-1, -2, -3))
    assert PAIR_CREDIT.make("ches")(facts).tolist() == [1.0, 0.0, 0.5]
    assert PAIR_CREDIT.make("low_confidence(low=0.2)")(facts).tolist() == pytest.approx([1.0, 0.6, 0.2])


def test_safe_is_the_last_factor_at_which_the_chosen_response_does_not_lose() -> None:
    facts = random_facts(50, seed=5)
    kernel = facts.require_kernel()
    factors = PAIR_CREDIT.make("safe")(facts)
    change = kernel.chosen - factors * kernel.cross
    assert float(change.min()) > -1e-12
    held = factors < 1
    assert 0 < int(held.sum()) < 50
    torch.testing.assert_close(change[held], torch.zeros(int(held.sum())).double(), atol=1e-12, rtol=0)
    assert float((kernel.chosen - (factors + 1e-3) * kernel.cross)[held].max()) < 0
    slack = PAIR_CREDIT.make("safe(slack=0.25)")(facts)
    left = (kernel.chosen - slack * kernel.cross) / kernel.chosen
    assert float(left[slack < 1].min()) == pytest.approx(0.25)


def test_safe_without_a_conflict_is_dpo() -> None:
    kernel = PairKernel(float64(1, 0, 1), float64(-0.5, 0, 0), float64(1, 1, 0))
    assert PAIR_CREDIT.make("safe")(PairFacts(3, kernel=kernel)).tolist() == [1.0, 1.0, 1.0]


def test_schedule() -> None:
    rule = PAIR_CREDIT.make("schedule(start=0.75,end=1)")
    ends = [rule(PairFacts(2, progress=t)).tolist() for t in (0.0, 0.4, 1.0)]
    assert ends == [[0.75] * 2, [0.85] * 2, [1.0] * 2]


@pytest.mark.parametrize("spec", ["fixed(factor=1.05)", "schedule(end=1.05)", "fixed(factor=-0.1)", "safe(slack=2)"])
def test_options_out_of_range(spec: str) -> None:
    with pytest.raises(InputValueError):
        PAIR_CREDIT.make(spec)


def test_more_than_dpo_for_those_who_ask() -> None:
    assert PAIR_CREDIT.make("fixed(factor=1.05,above_one=true)")(PairFacts(1)).tolist() == [1.05]
    facts = PairFacts(2, reward_gap=float64(0.5, 1.5))
    with pytest.raises(InputValueError, match="at most 1"):
        PAIR_CREDIT.make("gap")(facts)


@pytest.mark.parametrize(
    "spec", ["shuffled(of=nothing)", "reversed(of=schedule)", "ches(of=schedule)", "ches(low=1.5)"]
)
def test_rules_of_rules_that_cannot_be(spec: str) -> None:
    with pytest.raises(InputValueError):
        PAIR_CREDIT.make(spec)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InputValueError, match="did you mean 'vpo'"):
        PAIR_CREDIT.make("vpoo")


def test_facts_that_do_not_fit() -> None:
    with pytest.raises(InputTypeError, match="pvi"):
        PairFacts(2, pvi=torch.zeros(3))
    with pytest.raises(InputValueError, match=r"pairs \[1\]"):
        PAIR_CREDIT.make("vpo")(PairFacts(2, pvi=float64(0, math.nan)))
