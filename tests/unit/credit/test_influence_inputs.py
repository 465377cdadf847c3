"""The influence kernel: what must not matter, what is refused, and how exact low precision is."""

import math
from dataclasses import replace

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.credit import Head, Influence
from antigrad.credit.head import add_head_gradient, tangent_scores
from helpers.cases import Case, random_case
from helpers.oracles import truth

CASE = random_case(7)


def assert_same(a: Influence, b: Influence, tolerance: float = 1e-11) -> None:
    for name in ("scores", "anchor_inclusive", "anchor_others", "gwhes", "error_bound"):
        torch.testing.assert_close(
            getattr(a, name).double(), getattr(b, name).double(), atol=tolerance, rtol=0, equal_nan=True
        )


@pytest.mark.parametrize("vocabulary", ["full", "responses", "top_k"])
@pytest.mark.parametrize("chunk_bytes", [1, 500, 53 * 8 * 5, 53 * 8 * 11])
def test_chunks_change_nothing(chunk_bytes: int, vocabulary: str) -> None:
    """Chunks of one token, of five (longer responses take their own matrix), of all; vocabulary in pieces."""
    small = CASE.influence(chunk_bytes=chunk_bytes, vocabulary=vocabulary, top_k=3)
    assert_same(small, CASE.influence(vocabulary=vocabulary, top_k=3))


def test_chunk_sizes_reach_every_branch() -> None:
    lengths = CASE.mask.sum(-1)
    assert Head(CASE.weight, chunk_bytes=1).tokens_per_chunk() == 1
    five = Head(CASE.weight, chunk_bytes=53 * 8 * 5)
    assert five.tokens_per_chunk() == 5
    good = lengths[CASE.correct]
    assert int(good.min()) <= 5 < int(good.max())
    assert len(list(five.vocabulary_chunks(5))) > 1
    covered = [row for part in five.vocabulary_chunks(5) for row in range(53)[part]]
    assert covered == list(range(53))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("chunk_bytes", [2**20, 53 * 4 * 3])
def test_half_precision_is_summed_in_single(dtype: torch.dtype, chunk_bytes: int) -> None:
    rounded = CASE.to(dtype)
    found, exact = rounded.influence(chunk_bytes=chunk_bytes), rounded.to(torch.float64).influence()
    assert found.scores.dtype == torch.float32
    assert found.gwhes.dtype == torch.float64
    size = float(exact.scores.abs().max())
    assert_same(found, exact, 3e-6 * size)


def test_long_responses_in_single_precision() -> None:
    case = random_case(8, (True, False, True), longest=1500, vocabulary=40)
    found, exact = case.to(torch.float32).influence(chunk_bytes=64 * 40 * 4), case.influence()
    for name in ("scores", "anchor_inclusive", "anchor_others", "gwhes"):
        a, b = getattr(found, name), getattr(exact, name)
        there = ~b.isnan()
        assert float((a[there].double() - b[there]).abs().max()) < 2e-5 * float(b[there].abs().max())


def test_mixed_dtypes_follow_the_head() -> None:
    case = replace(CASE, hidden=CASE.hidden.float())
    assert case.influence().scores.dtype == torch.float64
    assert_same(case.influence(), case.to(torch.float64).influence())


def padded(case: Case, extra: int) -> Case:
    rows, _, width = case.hidden.shape
    return replace(
        case,
        hidden=torch.cat([case.hidden, torch.full((rows, extra, width), math.nan, dtype=case.hidden.dtype)], 1),
        tokens=torch.cat([case.tokens, torch.full((rows, extra), -100)], 1),
        mask=torch.cat([case.mask, torch.zeros(rows, extra).bool()], 1),
    )


@pytest.mark.parametrize("vocabulary", ["full", "responses", "top_k"])
def test_padding_changes_nothing_even_if_nan(vocabulary: str) -> None:
    wide, found = padded(CASE, 4).influence(vocabulary=vocabulary), CASE.influence(vocabulary=vocabulary)
    assert bool((wide.scores[:, 11:] == 0).all() & (wide.error_bound[:, 11:] == 0).all())
    assert_same(replace(wide, scores=wide.scores[:, :11], error_bound=wide.error_bound[:, :11]), found)


def test_nan_inside_masked_positions_is_harmless() -> None:
    hidden = CASE.hidden.clone()
    hidden[~CASE.mask] = math.nan
    assert_same(replace(CASE, hidden=hidden).influence(), CASE.influence())


@pytest.mark.parametrize("vocabulary", ["full", "responses"])
def test_order_of_rows_does_not_matter(vocabulary: str) -> None:
    order = torch.tensor([3, 0, 4, 2, 1])
    moved = Case(CASE.hidden[order], CASE.tokens[order], CASE.mask[order], CASE.correct[order], CASE.weight)
    a, b = moved.influence(vocabulary=vocabulary), CASE.influence(vocabulary=vocabulary)
    shuffled = {
        name: getattr(b, name)[order]
        for name in ("scores", "anchor_inclusive", "anchor_others", "gwhes", "error_bound")
    }
    assert_same(a, replace(b, **shuffled))


@pytest.mark.parametrize("empty", [0, 1])
def test_empty_rows_are_left_out(empty: int) -> None:
    mask = CASE.mask.clone()
    mask[empty] = False
    case = replace(CASE, mask=mask)
    rest = [row for row in range(5) if row != empty]
    right = [bool(CASE.correct[row]) for row in rest]
    wanted = truth([case.responses()[row] for row in rest], right, case.weight, success_rate=sum(right) / 4)
    found = case.influence()
    assert bool((found.scores[empty] == 0).all() & found.gwhes[empty].isnan() & found.anchor_inclusive[empty].isnan())
    assert case.group().success_rate == sum(right) / 4
    for row, scores, inclusive, gwhes in zip(rest, wanted.scores, wanted.inclusive, wanted.gwhes, strict=True):
        torch.testing.assert_close(found.scores[row][mask[row]], scores, atol=1e-11, rtol=0)
        if gwhes is not None:
            assert float(found.anchor_inclusive[row]) == pytest.approx(inclusive, abs=1e-11)
            assert float(found.gwhes[row]) == pytest.approx(gwhes, abs=1e-10)


@pytest.mark.parametrize("correct", [(True,) * 5, (False,) * 5])
def test_groups_that_are_not_mixed_are_refused(correct: tuple[bool, ...]) -> None:
    with pytest.raises(InputValueError, match="at least one of each"):
        replace(CASE, correct=torch.tensor(correct)).influence()


def test_a_group_whose_only_wrong_row_is_empty_is_refused() -> None:
    case = random_case(9, (True, False))
    mask = case.mask.clone()
    mask[1] = False
    with pytest.raises(InputValueError, match="1 correct and 0 wrong"):
        replace(case, mask=mask).influence()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["hidden", "weight"])
@pytest.mark.parametrize("vocabulary", ["full", "responses", "top_k"])
def test_logits_that_are_not_finite_are_refused(bad: float, where: str, vocabulary: str) -> None:
    broken = getattr(CASE, where).clone()
    broken[0] = bad
    with pytest.raises(InputValueError, match="NaN or infinite logits"):
        replace(CASE, **{where: broken}).influence(vocabulary=vocabulary)


def test_log_probs_that_are_not_finite_are_refused() -> None:
    log_probs = CASE.log_probs()
    log_probs[2, 0] = math.nan
    with pytest.raises(InputValueError, match="NaN or infinite"):
        CASE.influence(vocabulary="responses", log_probs=log_probs)


def test_shapes_that_do_not_fit_are_refused() -> None:
    for broken, named in (
        (replace(CASE, hidden=CASE.hidden[:, :-1]), "hidden"),
        (replace(CASE, hidden=CASE.hidden[..., :-1]), "hidden"),
        (replace(CASE, mask=CASE.mask[:, :-1]), "mask"),
        (replace(CASE, correct=CASE.correct[:-1]), "correct"),
        (replace(CASE, tokens=CASE.tokens[0]), "tokens"),
        (replace(CASE, mask=CASE.mask.long()), "mask torch.int64"),
        (replace(CASE, correct=CASE.correct.double()), "correct torch.float64"),
    ):
        with pytest.raises(InputTypeError, match=named):
            broken.influence()
    with pytest.raises(InputTypeError, match="log_probs"):
        CASE.influence(vocabulary="responses", log_probs=CASE.log_probs()[:, :-1])


@pytest.mark.parametrize("token", [-100, -1, 53])
def test_counted_tokens_outside_the_vocabulary_are_refused(token: int) -> None:
    tokens = CASE.tokens.clone()
    tokens[1, 0] = token
    with pytest.raises(InputValueError, match="ids from 0 to 52"):
        replace(CASE, tokens=tokens).influence()


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(InputValueError, match="did you mean 'responses'"):
        CASE.influence(vocabulary="response")
    with pytest.raises(InputValueError, match="top_k=0"):
        CASE.influence(vocabulary="top_k", top_k=0)
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(InputValueError, match="temperature"):
            Head(CASE.weight, temperature)
    for weight in (CASE.weight[0], CASE.weight.long()):
        with pytest.raises(InputTypeError, match="head of shape"):
            Head(weight)


def test_a_head_that_is_a_parameter_needs_no_graph() -> None:
    weight = torch.nn.Parameter(CASE.weight.clone())
    hidden, tokens = CASE.responses()[0]
    into = torch.zeros_like(CASE.weight)
    add_head_gradient(Head(weight), hidden.clone().requires_grad_(True), tokens, into)
    scores, _ = tangent_scores(Head(weight), hidden, tokens, into)
    assert not scores.requires_grad
    assert not into.requires_grad
    assert float(scores.sum()) == pytest.approx(float(into.pow(2).sum()))


def test_inputs_are_left_alone() -> None:
    before = [value.clone() for value in (CASE.hidden, CASE.tokens, CASE.mask, CASE.correct, CASE.weight)]
    for vocabulary in ("full", "responses", "top_k"):
        CASE.influence(vocabulary=vocabulary, chunk_bytes=500)
    for old, new in zip(before, (CASE.hidden, CASE.tokens, CASE.mask, CASE.correct, CASE.weight), strict=True):
        assert torch.equal(old, new)
