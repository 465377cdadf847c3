"""The influence kernel against published fixtures, and against double sums over token pairs."""

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from antigrad.credit import Head
from antigrad.credit.head import add_head_gradient, tangent_scores
from helpers.cases import Case, decimal_case, exact_case, random_case
from helpers.oracles import errors, head_gradient, pairs

# Two wrong responses' scores and the anchors of the two correct ones, by temperature.
SCORES = {
    1.0: [[-1.6607419623, -0.1110068734, -0.1029079070, -1.3976834731], [0.4124689513, 1.2650003802]],
    0.7: [[-1.7025083156, -0.1090839100, -0.0701450314, -1.3231651295], [0.4987093346, 1.3053286102]],
}
CUT_SCORES = {
    1.0: [[-1.6370537297, -0.1513723676, -0.1211073110, -1.4506838106], [0.4334085054, 1.1667497209]],
    0.7: [[-1.6801663375, -0.1578632514, -0.1032578110, -1.4038254316], [0.4772518009, 1.1756589916]],
}
INCLUSIVE = {1.0: [1.2588121073, 0.6856771244], 0.7: [1.3919642555, 0.6899292201]}
OTHERS = {1.0: [-0.2791116097, -0.4186674146], 0.7: [-0.2401412404, -0.3602118606]}
FLOATS = [(torch.float64, 1e-9), (torch.float32, 1e-5)]
CASES = [random_case(seed, temperature=t) for seed, t in ((1, 1.0), (2, 0.7), (3, 1.6))]


def near(given: Tensor, wanted: list[float] | Tensor, tolerance: float) -> bool:
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    return given.shape == wanted.shape and float((given.double() - wanted).abs().max()) < tolerance


def against_truth(case: Case, tolerance: float, keep: Tensor | None = None, **options: object) -> None:
    found, wanted = case.influence(**options), case.truth(keep)
    for row, scores in enumerate(wanted.scores):
        assert near(found.scores[row][case.mask[row]], scores, tolerance)
    for values, oracle in (
        (found.anchor_inclusive, wanted.inclusive),
        (found.anchor_others, wanted.others),
        (found.gwhes, wanted.gwhes),
    ):
        for value, true in zip(values.tolist(), oracle, strict=True):
            assert math.isnan(value) if true is None else abs(value - true) < tolerance
    assert bool((found.scores[~case.mask] == 0).all())


def test_exact_fixture() -> None:
    found = exact_case().influence()
    assert near(found.scores[2], [4 / 3, -2.0, 1 / 3], 1e-15)
    assert near(found.anchor_inclusive[:2], [5 / 6, 5 / 3], 1e-15)
    assert near(found.anchor_others[:2], [1 / 6, 1 / 3], 1e-15)
    assert near(found.gwhes[:2], [-math.sqrt(2) / 2, -1.5 * math.sqrt(2)], 1e-14)


def test_exact_fixture_in_fractions() -> None:
    """The same numbers from rational arithmetic, so that the fixture does not rest on the code it tests."""
    third = Fraction(1, 3)
    correct, wrong = [[(0, (1, 0)), (1, (0, 1))], [(0, (1, 1))]], [(0, (1, 0)), (2, (2, 1)), (1, (0, 1))]

    def kernel(a: tuple[int, tuple[int, int]], b: tuple[int, tuple[int, int]]) -> Fraction:
        alpha = sum(((v == a[0]) - third) * ((v == b[0]) - third) for v in range(3))
        return alpha * (a[1][0] * b[1][0] + a[1][1] * b[1][1])

    def score(token: tuple[int, tuple[int, int]], sources: list[list[tuple[int, tuple[int, int]]]]) -> Fraction:
        return sum((kernel(token, other) for source in sources for other in source), Fraction(0))

    scores = [score(token, correct) for token in wrong]
    inclusive = [sum(score(token, correct) for token in response) / len(response) for response in correct]
    found = exact_case().influence()
    assert near(found.scores[2], [float(value) for value in scores], 1e-15)
    assert near(found.anchor_inclusive[:2], [float(value) for value in inclusive], 1e-15)


@pytest.mark.parametrize(("dtype", "tolerance"), FLOATS)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize(("vocabulary", "golden"), [("full", SCORES), ("responses", CUT_SCORES)])
def test_decimal_fixture_scores(
    dtype: torch.dtype, tolerance: float, temperature: float, vocabulary: str, golden: dict[float, list[list[float]]]
) -> None:
    found = decimal_case(temperature).to(dtype).influence(vocabulary=vocabulary)
    assert found.scores.dtype == dtype
    assert found.kept == {"full": 6, "responses": 4}[vocabulary]
    assert near(found.scores[2], golden[temperature][0], tolerance)
    assert near(found.scores[3, :2], golden[temperature][1], tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), FLOATS)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_decimal_fixture_anchors(dtype: torch.dtype, tolerance: float, temperature: float) -> None:
    found = decimal_case(temperature).to(dtype).influence()
    assert near(found.anchor_inclusive[:2], INCLUSIVE[temperature], tolerance)
    assert near(found.anchor_others[:2], OTHERS[temperature], tolerance)
    assert bool(found.anchor_inclusive[2:].isnan().all() & found.anchor_others[2:].isnan().all())


@pytest.mark.parametrize("case", CASES)
def test_equals_double_sums_over_token_pairs(case: Case) -> None:
    against_truth(case, 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_restricted_equals_restricted_double_sums(case: Case) -> None:
    against_truth(case, 1e-10, case.tokens[case.mask].unique(), vocabulary="responses")


@pytest.mark.parametrize("case", CASES)
def test_head_gradient_is_autograd_of_log_likelihood(case: Case) -> None:
    for response, right in zip(case.responses(), case.correct, strict=True):
        if right:
            weight = case.weight.clone().requires_grad_(True)
            logits = response[0] @ weight.T / case.temperature
            logits.log_softmax(-1).gather(-1, response[1][:, None]).sum().backward()
            found = torch.zeros_like(case.weight)
            head, size = Head(case.weight, case.temperature), [len(response[1])]
            _, squared = add_head_gradient(head, *response, found, lengths=size)
            assert near(found / case.temperature, weight.grad, 1e-12)  # type: ignore[arg-type]
            assert squared.tolist() == [pytest.approx(float(found.pow(2).sum()), abs=1e-10)]


@pytest.mark.parametrize("chunk_bytes", [1, 53 * 8 * 5, 53 * 8 * 9, 2**20])
def test_weight_and_accumulation_of_the_head_gradient(chunk_bytes: int) -> None:
    """Several responses at once, in chunks that hold none, one, some or all of them whole."""
    case = random_case(1, longest=7)
    start, head = torch.ones_like(case.weight), Head(case.weight, chunk_bytes=chunk_bytes)
    found, responses = start.clone(), case.responses()
    first, *others = responses
    add_head_gradient(head, *first, found, weight=-0.5)
    hidden, tokens = (torch.cat(pieces) for pieces in zip(*others, strict=True))
    normalisers, squared = add_head_gradient(
        head, hidden, tokens, found, weight=2.0, lengths=[len(y) for _, y in others]
    )
    gradients = [head_gradient(response, case.weight) for response in responses]
    assert near(found, start - 0.5 * gradients[0] + 2 * sum(gradients[1:]), 1e-12)
    assert near(squared, torch.stack([gradient.pow(2).sum() for gradient in gradients[1:]]), 1e-11)
    assert near(normalisers, (hidden @ case.weight.T).logsumexp(-1), 1e-13)


@pytest.mark.parametrize("case", CASES)
def test_score_is_the_central_difference_of_log_prob(case: Case) -> None:
    good = [response for response, right in zip(case.responses(), case.correct, strict=True) if right]
    gradient = sum((head_gradient(r, case.weight, case.temperature) for r in good), torch.zeros_like(case.weight))
    step = 1e-6 / float(gradient.abs().max())
    for hidden, tokens in case.responses():

        def log_prob(weight: Tensor, h: Tensor = hidden, y: Tensor = tokens) -> Tensor:
            return (h @ weight.T / case.temperature).log_softmax(-1).gather(-1, y[:, None])[:, 0]

        slope = (log_prob(case.weight + step * gradient) - log_prob(case.weight - step * gradient)) / (2 * step)
        found, _ = tangent_scores(Head(case.weight, case.temperature), hidden, tokens, gradient)
        assert float((found / case.temperature - slope).abs().max()) < 1e-7 * float(gradient.abs().max())


@pytest.mark.parametrize("case", CASES)
def test_anchors_differ_by_the_self_term(case: Case) -> None:
    found = case.influence()
    for row in torch.nonzero(case.correct)[:, 0].tolist():
        response = case.responses()[row]
        own = head_gradient(response, case.weight, case.temperature).pow(2).sum() / len(response[1])
        assert abs(float(found.anchor_inclusive[row] - found.anchor_others[row] - own)) < 1e-11
        assert float(own) > 0


def test_one_correct_response_has_no_others() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        found = random_case(4, (False, True, False)).to(dtype).influence()
        assert float(found.anchor_others[1]) == 0.0
        assert float(found.anchor_inclusive[1]) > 0.1


def test_gwhes_weighs_by_the_population_advantages() -> None:
    case = random_case(5, (True, False, False, False))
    advantage = case.group().advantages
    right, wrong = case.responses()[0], case.responses()[1:]
    pull = -float(advantage[0]) * float(pairs(right, right, case.weight).sum())
    pull -= sum(float(advantage[j + 1]) * float(pairs(right, r, case.weight).sum()) for j, r in enumerate(wrong))
    assert abs(float(case.influence().gwhes[0]) - pull) < 1e-10


@pytest.mark.parametrize("case", CASES)
def test_truncation_leaves_out_the_product_of_what_is_dropped(case: Case) -> None:
    keep = case.tokens[case.mask].unique()
    dropped = torch.tensor([v for v in range(len(case.weight)) if v not in keep.tolist()])
    assert len(dropped)
    good = [response for response, right in zip(case.responses(), case.correct, strict=True) if right]
    full, cut = case.influence(), case.influence(vocabulary="responses")
    for row, target in enumerate(case.responses()):
        outside = torch.zeros(len(target[1]), dtype=torch.float64)
        for source in good:
            a, b = errors(source, case.weight, case.temperature), errors(target, case.weight, case.temperature)
            product = a[:, dropped] @ b[:, dropped].T
            assert float(product.min()) >= 0  # both are minus a probability there
            difference = a @ b.T - a[:, keep] @ b[:, keep].T
            assert near(difference, product, 1e-14)
            outside += (product * (source[0] @ target[0].T)).sum(0)
        moved = (full.scores - cut.scores)[row][case.mask[row]]
        assert near(moved, outside, 1e-11)
        assert bool((moved.abs() <= cut.error_bound[row][case.mask[row]]).all())


@pytest.mark.parametrize("case", CASES)
def test_log_probs_replace_the_pass_over_the_vocabulary(case: Case) -> None:
    log_probs = case.log_probs()
    log_probs[~case.mask] = math.nan
    scanned, given = case.influence(vocabulary="responses"), case.influence(vocabulary="responses", log_probs=log_probs)
    assert near(given.scores, scanned.scores, 1e-11)
    assert near(given.error_bound, scanned.error_bound, 1e-11)
    assert abs(given.missing_mass - scanned.missing_mass) < 1e-14


def test_missing_mass_is_measured() -> None:
    case = CASES[0]
    keep = case.tokens[case.mask].unique()
    mass = torch.cat([(h @ case.weight.T).softmax(-1)[:, keep].sum(-1) for h, _ in case.responses()])
    found = case.influence(vocabulary="responses")
    assert abs(found.missing_mass - float((1 - mass).mean())) < 1e-14
    assert found.kept == len(keep)
    assert (case.influence().missing_mass, case.influence().kept) == (0.0, 53)


def test_top_k_of_everything_is_exact() -> None:
    case = CASES[1]
    full, all_of_it = case.influence(), case.influence(vocabulary="top_k", top_k=1000)
    assert near(all_of_it.scores, full.scores, 1e-11)
    assert float(all_of_it.error_bound.max()) < 1e-11
    assert bool((full.error_bound == 0).all())


def test_top_k_keeps_the_likeliest_tokens() -> None:
    case = CASES[0]
    likely = [(h @ case.weight.T).topk(2).indices.flatten() for h, _ in case.responses()]
    keep = torch.cat([*likely, case.tokens[case.mask]]).unique()
    against_truth(case, 1e-10, keep, vocabulary="top_k", top_k=2)
    assert case.influence(vocabulary="top_k", top_k=2).kept == len(keep)
