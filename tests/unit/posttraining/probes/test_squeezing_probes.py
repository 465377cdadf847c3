"""Argmax path and outside mass against dense sums; the mass receipt; one step taken apart against autograd."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.core import InputTypeError, InputValueError
from antigrad.language.policy import Policy
from antigrad.posttraining.probes.decomposition import kernel_block, one_step
from antigrad.posttraining.probes.displacement import displacement, receipt
from antigrad.posttraining.probes.likelihood import distributions
from antigrad.posttraining.probes.squeezing import path_of, paths, probe_responses
from helpers.models import in_float64, make_policy

PROMPT = torch.tensor([4, 9, 17])
CHOSEN, REJECTED, OTHER = [5, 6, 7, 8], [5, 11, 12], [20, 21]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return in_float64(make_policy())


def dense(policy: Policy, response: list[int]) -> Tensor:
    ids = torch.cat([PROMPT, torch.tensor(response)])[None]
    logits = policy.model(input_ids=ids).logits[0, len(PROMPT) - 1 : -1]
    return torch.softmax(logits.double(), -1).detach()


def test_paths_against_a_dense_computation(policy: Policy) -> None:
    for response, found in zip([CHOSEN, REJECTED], paths(policy, PROMPT, [CHOSEN, REJECTED]), strict=True):
        p = dense(policy, response)
        size = p.shape[1]
        label = torch.stack([row[token] for row, token in zip(p, response, strict=True)])
        top = p.max(-1)
        assert found.log_prob == pytest.approx(label.log().sum().item(), abs=1e-9)
        assert found.argmax_path == pytest.approx(top.values.log().sum().item(), abs=1e-9)
        assert found.outside == pytest.approx((1 - top.values).log().sum().item(), abs=1e-9)
        assert found.argmax.tolist() == top.indices.tolist()
        adjustments = [torch.linalg.matrix_norm(torch.eye(size).double() - row.expand(size, -1)).item() for row in p]
        assert found.adjustment == pytest.approx(sum(adjustments) / len(adjustments), abs=1e-9)
        one_hot = torch.eye(size).double()[response]
        assert found.residual == pytest.approx((p - one_hot).norm(dim=-1).mean().item(), abs=1e-9)
        assert found.missing == pytest.approx((1 - label).mean().item(), abs=1e-9)


def test_outside_mass_of_a_certain_token_keeps_its_digits() -> None:
    log_probs = torch.tensor([[0.0, -40.0, -41.0]], dtype=torch.float64)
    found = path_of(log_probs - log_probs.logsumexp(-1, keepdim=True), torch.tensor([0]))
    assert found.outside == pytest.approx(math.log(math.exp(-40) + math.exp(-41)), rel=1e-12)


def test_shapes() -> None:
    with pytest.raises(InputTypeError):
        path_of(torch.zeros(2, 3), torch.zeros(3).long())
    with pytest.raises(InputTypeError):
        receipt(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2).long())


def test_twelve_responses() -> None:
    given = {
        name: name
        for name in ("initial", "chosen_paraphrase", "chosen_rewrite", "rejected_paraphrase", "rejected_rewrite")
    }
    found = probe_responses(
        "2 + 2", "it is 4", "it is 5", **given, other_train="7", other_test="8", vocabulary=["a", "b"]
    )
    assert len(found) == 12
    assert sorted(found["shuffled_chosen"].split()) == ["4", "is", "it"] and found["shuffled_chosen"] != "it is 4"
    assert set(found["random_tokens"]) <= {"a", "b"} and len(found["random_tokens"]) == 3
    again = probe_responses("2 + 2", "it is 4", "it is 5")
    assert again["shuffled_chosen"] == found["shuffled_chosen"]
    assert "shuffled_chosen" not in probe_responses("2 + 2", "4", "5")
    assert "shuffled_chosen" not in probe_responses("2 + 2", "4 4 4", "5")


def test_receipt_balances(policy: Policy) -> None:
    before = distributions(policy, PROMPT, torch.tensor([REJECTED]), 1.0)[0].detach()
    after = torch.log_softmax(before + torch.randn(before.shape, generator=torch.Generator().manual_seed(1)), -1)
    rows = receipt(before, after, torch.tensor(REJECTED), named=3)
    p, q = before.exp(), after.exp()
    assert sum(row.change for row in rows) == pytest.approx(
        sum(float(after[m, y] - before[m, y]) for m, y in enumerate(REJECTED)), abs=1e-9
    )
    for place, (row, token) in enumerate(zip(rows, REJECTED, strict=True)):
        assert row.token == token
        assert row.moved == pytest.approx(float(q[place, token] - p[place, token]), abs=1e-12)
        assert row.moved + sum(gain for _, gain in row.gains) + row.others == pytest.approx(0, abs=1e-15)
        for other, gain in row.gains:
            assert other != token
            assert gain == pytest.approx(float(q[place, other] - p[place, other]), abs=1e-12)
        assert list(row.gains) == sorted(row.gains, key=lambda pair: -pair[1])
        others = [v for v in range(p.shape[1]) if v != token]
        assert row.argmax == max(others, key=lambda v: float(p[place, v]))


def test_all_that_is_freed_goes_to_the_argmax_of_a_peaked_distribution() -> None:
    """Claim 2 of the squeezing effect, for softmax logits: a push on a rare token feeds the peak."""
    logits = torch.zeros(1, 20, dtype=torch.float64)
    logits[0, 3] = 6.0
    before = torch.log_softmax(logits, -1)
    push = torch.nn.functional.one_hot(torch.tensor([7]), 20).double() - before.exp()
    after = torch.log_softmax(logits - 0.5 * push, -1)
    row = receipt(before, after, torch.tensor([7]))[0]
    assert row.argmax == 3 and row.moved < 0
    assert row.to_argmax is not None and row.to_argmax > 1  # the peak takes from all others too
    assert float(after[0, 0]) < float(before[0, 0])


def test_displacement_sums_up() -> None:
    before = torch.log_softmax(torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]]), -1)
    after = torch.log_softmax(torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 3.0]]), -1)
    rows = receipt(before, after, torch.tensor([0, 2]))
    found = displacement((-5.0, -5.5), (-3.0, -4.0), rows)
    assert (found.chosen, found.rejected, found.displaced, found.margin) == (-0.5, -1.0, True, 0.5)
    assert found.argmax_gain == pytest.approx(rows[0].to_argmax)  # the second place gained
    assert displacement((0, 1), (0, 1), []).argmax_gain is None


def test_one_step_is_what_the_step_does_to_first_order(policy: Policy) -> None:
    start = [one.detach().clone() for one in policy.model.parameters()]
    weights = {"chosen_weight": 0.05, "rejected_weight": 0.02}
    errors: list[float] = []
    for size in (1e-2, 1e-3):
        step = one_step(policy, PROMPT, CHOSEN, REJECTED, (PROMPT, CHOSEN), step_size=size, **weights)
        assert step.pulled.shape == (4, 4) and step.pushed.shape == (4, 3)
        torch.testing.assert_close(step.predicted, step.pulled.sum(-1) + step.pushed.sum(-1), atol=1e-15, rtol=0)
        errors.append(float((step.measured - step.predicted).abs().max()) / size)
    assert errors[1] < errors[0] / 5  # what is left is of second order
    assert float(step.pulled.sum()) > 0  # its own pull raises the chosen response
    assert all(torch.equal(one, saved) for one, saved in zip(policy.model.parameters(), start, strict=True))


def test_a_push_lowers_the_rejected_response(policy: Policy) -> None:
    step = one_step(
        policy, PROMPT, CHOSEN, REJECTED, (PROMPT, REJECTED), chosen_weight=0.0, rejected_weight=1.0, step_size=1e-4
    )
    assert float(step.pulled.abs().max()) == 0
    assert float(step.predicted.sum()) < 0 and float(step.measured.sum()) < 0


def test_a_k_g_written_out_is_the_contribution(policy: Policy) -> None:
    """A (V, V), K (V, V) and G (V,) as matrices, entry of the token itself."""
    step = one_step(
        policy, PROMPT, CHOSEN, REJECTED, (PROMPT, OTHER), chosen_weight=0.5, rejected_weight=0.25, step_size=1.0
    )
    seen, up, down = dense(policy, OTHER), dense(policy, CHOSEN), dense(policy, REJECTED)
    size = seen.shape[1]
    for m, k in ((0, 1), (1, 2)):
        A = torch.eye(size).double() - seen[m].expand(size, -1)
        for side, response, p, found, weight in (
            (1, CHOSEN, up, step.pulled, 0.5),
            (-1, REJECTED, down, step.pushed, 0.25),
        ):
            K = kernel_block(policy, (PROMPT, OTHER, m), (PROMPT, response, k))
            G = side * weight * (p[k] - torch.eye(size).double()[response[k]])
            assert found[m, k].item() == pytest.approx(-(A @ K @ G)[OTHER[m]].item(), abs=1e-10)
        assert step.adjustment[m].item() == pytest.approx(torch.linalg.matrix_norm(A).item(), abs=1e-9)
    residual = (up[1] - torch.eye(size).double()[CHOSEN[1]]).norm().item()
    assert step.residual_chosen[1].item() == pytest.approx(residual, abs=1e-9)


def test_models_too_large_and_empty_responses(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"chosen_weight": 1.0, "rejected_weight": 1.0, "step_size": 1.0}
    with pytest.raises(InputValueError, match="at least one token"):
        one_step(policy, PROMPT, [], REJECTED, (PROMPT, CHOSEN), **options)
    monkeypatch.setattr("antigrad.posttraining.probes.decomposition.LIMIT", 1000)
    with pytest.raises(InputValueError, match="smaller model"):
        one_step(policy, PROMPT, CHOSEN, REJECTED, (PROMPT, CHOSEN), **options)
    with pytest.raises(InputValueError, match="smaller model"):
        kernel_block(policy, (PROMPT, CHOSEN, 0), (PROMPT, CHOSEN, 0))
