"""NTHR and its control: thresholds, selection and weights on fixtures with known numbers."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.credit import Group, Influence
from antigrad.credit.blanket import Blanket
from antigrad.credit.nthr import Nthr
from antigrad.credit.random import RandomTokens
from helpers.cases import decimal_case, exact_case, random_case


def influence_with(scores: list[list[float]], inclusive: list[float], others: list[float]) -> Influence:
    zeros = torch.zeros(len(scores), len(scores[0]), dtype=torch.float64)
    values = [torch.tensor(x, dtype=torch.float64) for x in (scores, inclusive, others)]
    return Influence(values[0], values[1], values[2], values[1], "full", 9, 0.0, zeros)


def small_group() -> Group:
    """One correct pair of rows (anchors 2 and 3, others -1 and 1), two wrong rows, the second shorter."""
    scores = [[9.0, 9.0, 9.0], [9.0, 9.0, 9.0], [2.0, 2.0001, -5.0], [-0.5, 0.5, 7.0]]
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 1, 0]]).bool()
    correct = torch.tensor([True, True, False, False])
    influence = influence_with(scores, [2.0, 3.0, math.nan, math.nan], [-1.0, 1.0, math.nan, math.nan])
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    return Group(torch.zeros(4, 3).long(), mask, correct, advantages, influence)


@pytest.mark.parametrize(
    ("rule", "weights"),
    [
        (Nthr(), [Fraction(1, 3), 1, 1]),
        (Nthr(anchor="others"), [Fraction(1, 3), 1, Fraction(1, 3)]),
        (Nthr(beta=0), [Fraction(1, 3), 1, Fraction(1, 3)]),
        (Nthr(beta=-math.inf), [Fraction(1, 3)] * 3),
        (Nthr(beta=math.inf), [1, 1, 1]),
        (Nthr(beta=2), [1, 1, 1]),
        (Nthr(eta="p"), [Fraction(2, 3), 1, 1]),
        (Nthr(eta=0), [0, 1, 1]),
    ],
)
def test_exact_fixture(rule: Nthr, weights: list[Fraction]) -> None:
    case = exact_case()
    advantages = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    found = rule(replace(case.group(case.influence()), advantages=advantages))
    assert found.dtype == torch.float64
    assert found[:2].tolist() == [[1, 1, 0], [1, 0, 0]]
    assert found[2].tolist() == pytest.approx([-float(w) for w in weights], abs=1e-15)


def test_thresholds_of_the_exact_fixture() -> None:
    influence = exact_case().influence()
    assert Nthr().threshold(influence) == pytest.approx(5 / 6, abs=1e-15)
    assert Nthr(anchor="others").threshold(influence) == pytest.approx(1 / 6, abs=1e-15)
    assert Nthr(beta=0).threshold(influence) == 0
    assert Nthr(beta=-math.inf).threshold(influence) == -math.inf


@pytest.mark.parametrize(
    ("rule", "selected"),
    [
        (Nthr(), [[0, 1, 0], [0, 0, 0]]),  # tau = 2; a score equal to it stays
        (Nthr(beta=0), [[1, 1, 0], [0, 1, 0]]),
        (Nthr(beta=0.1), [[1, 1, 0], [0, 1, 0]]),
        (Nthr(anchor="others"), [[1, 1, 0], [1, 1, 0]]),  # tau = -1
        (Nthr(beta=-1, anchor="others"), [[1, 1, 0], [0, 0, 0]]),  # tau = +1
        (Nthr(anchor="others", tau_floor=0), [[1, 1, 0], [0, 1, 0]]),
        (Nthr(tau_floor=0), [[0, 1, 0], [0, 0, 0]]),  # a floor below the threshold does nothing
        (Nthr(beta=-math.inf), [[1, 1, 1], [1, 1, 0]]),  # every negative token that counts
    ],
)
def test_selection_is_above_the_threshold_on_counted_wrong_tokens(rule: Nthr, selected: list[list[int]]) -> None:
    found = rule.select(small_group())
    assert found[:2].any().item() is False
    assert found[2:].int().tolist() == selected


def test_minimum_over_correct_responses_not_maximum() -> None:
    assert Nthr().threshold(small_group().require_influence()) == 2.0
    assert Nthr(anchor="others").threshold(small_group().require_influence()) == -1.0


@pytest.mark.parametrize(("right", "eta"), [([1, 1, 0, 0], 0.0), ([1, 0, 0, 0], 0.5), ([1, 1, 1, 0], 0.5)])
def test_eta_follows_the_group(right: list[int], eta: float) -> None:
    case = random_case(11, tuple(bool(r) for r in right))
    found, plain = case.weigh(Nthr(beta=-math.inf)), case.group().spread()
    wrong = case.group().wrong_tokens()
    assert torch.equal(found[wrong], eta * plain[wrong])
    assert torch.equal(found[~wrong], plain[~wrong])


@pytest.mark.parametrize("right", [True, False])
def test_groups_that_are_not_mixed_keep_their_advantages_without_scores(right: bool) -> None:
    group = replace(small_group(), correct=torch.full((4,), right), influence=None)
    assert torch.equal(Nthr(eta=0)(group), group.spread())


def test_beta_of_minus_infinity_is_blanket() -> None:
    case = random_case(12)
    assert torch.equal(case.weigh(Nthr(beta=-math.inf)), case.weigh(Blanket()))


def test_decimal_fixture_selects_what_the_scores_say() -> None:
    """Anchors 1.2588 and 0.6857: only the token that scores 1.2650 is above the smaller one."""
    case = decimal_case()
    selected = Nthr().select(case.group(case.influence()))
    assert selected.nonzero().tolist() == [[3, 1]]


def test_weights_keep_the_precision_of_the_advantages() -> None:
    case = random_case(13, (True, False, True))
    group = replace(case.group(case.influence()), advantages=torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))
    for rule in (Nthr(beta=-math.inf), Blanket(), RandomTokens(beta=-math.inf)):
        assert rule(group)[1, 0].item() == -2 * abs(0.5 - 2 / 3)
    half = replace(group, advantages=group.advantages.bfloat16())
    assert Nthr(beta=0)(half).dtype == torch.bfloat16


def test_scores_are_required() -> None:
    with pytest.raises(InputValueError, match="call group_influence"):
        Nthr()(replace(small_group(), influence=None))


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(InputValueError, match="anchor 'other'"):
        Nthr(anchor="other")  # type: ignore[arg-type]
    with pytest.raises(InputValueError, match="beta nan"):
        Nthr(beta=math.nan)
    with pytest.raises(InputValueError, match="beta nan"):
        RandomTokens(beta=math.nan)


def test_thresholds_of_many_groups() -> None:
    nan = float("nan")
    anchors = torch.tensor([[0.5, nan, 0.2], [nan, -1.0, 3.0]])
    torch.testing.assert_close(Nthr(beta=2.0).thresholds(anchors), torch.tensor([0.4, -2.0]))
    torch.testing.assert_close(Nthr(tau_floor=0.0).thresholds(anchors), torch.tensor([0.2, 0.0]))
    assert Nthr(beta=-float("inf")).thresholds(anchors).tolist() == [-float("inf")] * 2


@pytest.mark.parametrize("rule", [Nthr(beta=-math.inf, eta=0), RandomTokens(beta=-math.inf, eta=0), Blanket(eta=0)])
def test_what_pulls_up_is_not_weakened(rule: Nthr | RandomTokens | Blanket) -> None:
    """With a second reward a wrong response may be above its group's mean; these rules weaken the down part only."""
    group = small_group()
    wrong = ~group.correct
    group = replace(group, advantages=torch.where(wrong, 0.5, -0.25).to(group.advantages))
    torch.testing.assert_close(rule(group), group.spread())
