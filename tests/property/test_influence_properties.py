"""Invariants of the influence kernel over random groups."""

import math
from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from antigrad.credit.nthr import Nthr
from helpers.cases import Case, random_case

SEEDS = st.integers(0, 10_000)
SIZES = st.lists(st.booleans(), min_size=2, max_size=6).filter(lambda rows: any(rows) and not all(rows)).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Small vocabularies to large, flat to sharp policies, one token to many."""
    return random_case(
        draw(SEEDS),
        draw(SIZES),
        vocabulary=draw(st.sampled_from([3, 17, 120])),
        width=draw(st.sampled_from([1, 2, 8])),
        longest=draw(st.sampled_from([2, 5, 12])),
        temperature=draw(st.sampled_from([0.3, 1.0, 2.5])),
        scale=draw(st.sampled_from([0.0, 0.3, 1.0, 6.0])),
    )


@given(cases(), st.sampled_from(["responses", "top_k"]), st.integers(1, 4))
def test_truncation_stays_within_its_bound(case: Case, vocabulary: str, top_k: int) -> None:
    full, cut = case.influence(), case.influence(vocabulary=vocabulary, top_k=top_k)
    rounding = 1e-12 * (1 + float(full.scores.abs().max()))
    assert bool(((full.scores - cut.scores).abs() <= cut.error_bound + rounding).all())
    assert 0 <= cut.missing_mass <= 1


@given(cases(), st.sampled_from(["responses", "top_k"]))
def test_truncation_is_biased_low_where_states_agree(case: Case, vocabulary: str) -> None:
    """alpha - alpha_K is a sum of products of probabilities: with positive inner products every score sinks."""
    positive = replace(case, hidden=case.hidden.clamp(-3, 3).abs() + 0.1)
    full, cut = positive.influence(), positive.influence(vocabulary=vocabulary, top_k=1)
    rounding = 1e-12 * (1 + float(full.scores.abs().max()))
    assert float((full.scores - cut.scores).min()) >= -rounding


@given(cases(), st.integers(1, 4000), st.sampled_from(["full", "responses", "top_k"]))
def test_work_area_changes_nothing(case: Case, chunk_bytes: int, vocabulary: str) -> None:
    whole = case.influence(vocabulary=vocabulary, top_k=2)
    small = case.influence(vocabulary=vocabulary, top_k=2, chunk_bytes=chunk_bytes)
    size = 1 + float(whole.scores.abs().max())
    assert float((whole.scores - small.scores).abs().max()) < 1e-11 * size
    assert float((whole.gwhes - small.gwhes).nan_to_num().abs().max()) < 1e-10 * size
    assert float((whole.anchor_others - small.anchor_others).nan_to_num().abs().max()) < 1e-10 * size


@given(cases())
def test_sum_of_correct_scores_is_a_square(case: Case) -> None:
    """The scores of the correct tokens sum to the squared norm of G: penalising its own tokens always hurts."""
    found = case.influence()
    total = float(found.scores[case.correct].sum())
    lengths = case.mask.sum(-1)
    by_anchor = float((found.anchor_inclusive * lengths)[case.correct].sum())
    assert total >= -1e-9
    assert math.isclose(total, by_anchor, rel_tol=1e-9, abs_tol=1e-9)
    gap = (found.anchor_inclusive - found.anchor_others)[case.correct]
    assert float(gap.min()) >= -1e-12


@given(cases(), st.floats(-2, 2), st.floats(-2, 2), st.sampled_from(["inclusive", "others"]))
def test_a_higher_threshold_selects_fewer(case: Case, low: float, high: float, anchor: str) -> None:
    group = case.group(case.influence())
    taus = [Nthr(beta, anchor=anchor).threshold(group.require_influence()) for beta in (low, high)]  # type: ignore
    selections = [Nthr(beta, anchor=anchor).select(group) for beta in (low, high)]  # type: ignore
    more, fewer = selections if taus[0] <= taus[1] else selections[::-1]
    assert bool((more | ~fewer).all())


@given(cases())
def test_certain_policies_have_no_influence(case: Case) -> None:
    """When every sampled token has probability one, no error is left to push against."""
    sure = torch.zeros_like(case.weight)
    sure[0], token = 1.0, torch.zeros_like(case.tokens)
    hidden = torch.full_like(case.hidden, 800.0)
    found = replace(case, weight=sure, tokens=token, hidden=hidden).influence()
    assert float(found.scores.abs().max()) == 0.0
    assert float(found.gwhes.nan_to_num().abs().max()) == 0.0
