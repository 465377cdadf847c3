"""One update: its gradient, its sign, its size, and the way back."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from antigrad.language.measure import measure
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts
from antigrad.objectives import Grpo, group_advantages
from antigrad.posttraining.diagnose.update import OPTIMIZERS, Snapshot, Stepper, accumulate, check_optimizer
from helpers.models import in_float64, make_policy

LENGTHS = torch.tensor([[5], [2], [4], [1], [3]])
MASK = torch.arange(5) < LENGTHS
CORRECT = torch.tensor([True, False, False, True, False])
GROUP = Rollouts(
    prompt=torch.tensor([5, 9, 12]),
    tokens=torch.where(MASK, torch.randint(3, 49, (5, 5), generator=torch.Generator().manual_seed(4)), 0),
    mask=MASK,
    texts=[],
    correct=CORRECT,
    truncated=~CORRECT,
)
ADVANTAGES = group_advantages(CORRECT.float())
WEIGHTS = torch.where(MASK, ADVANTAGES[:, None], torch.zeros(()))
UNEVEN = WEIGHTS * torch.linspace(0.2, 1.7, 5)
OPTIONS: dict[str, Any] = {"temperature": 1.0, "rows_at_once": 8}


def gradients(policy: Policy) -> dict[str, Tensor]:
    named = dict(policy.model.named_parameters())
    return {name: value.grad.clone() for name, value in named.items() if value.grad is not None}


def left_by(policy: Policy, weights: Tensor, **options: Any) -> dict[str, Tensor]:
    accumulate(policy, GROUP, weights, Grpo(), **(OPTIONS | options))
    return gradients(policy)


def written_out(policy: Policy, weights: Tensor, temperature: float) -> Tensor:
    """The sum of w log pi over the tokens of the group, a response at a time, over the number of tokens."""
    total: Any = 0.0
    for tokens, mask, weight in zip(GROUP.tokens, GROUP.mask, weights, strict=True):
        response = tokens[mask]
        ids = torch.cat([GROUP.prompt, response])[None]
        logits = policy.model(input_ids=ids, use_cache=False).logits[0, len(GROUP.prompt) - 1 : -1] / temperature
        total = total + (weight[mask] * logits.log_softmax(-1).gather(-1, response[:, None])[:, 0]).sum()
    return total / MASK.sum()


def objective(policy: Policy, weights: Tensor) -> float:
    got = measure(policy, GROUP, temperature=1.0, rows_at_once=8).log_probs.double()
    return float((weights * got).sum() / MASK.sum())


def test_a_snapshot_takes_every_weight_and_buffer_back_bit_for_bit() -> None:
    model = make_policy().model
    model.register_buffer("seen", torch.tensor([1.0, float("inf")]))
    before, start = copy.deepcopy(model.state_dict()), Snapshot(model)
    frequencies = model.model.rotary_emb.inv_freq.clone()
    assert start.unchanged()
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.mul_(1.5).add_(0.1)
    assert not start.unchanged()
    start.restore()
    assert start.unchanged()
    assert torch.equal(model.model.rotary_emb.inv_freq, frequencies)
    for name, value in model.state_dict().items():
        assert value.numpy().tobytes() == before[name].numpy().tobytes(), name


@pytest.mark.parametrize("which", ["parameters", "buffers"])
def test_a_snapshot_notices_one_changed_bit(which: str) -> None:
    model = make_policy().model
    start, tensor = Snapshot(model), list(getattr(model, which)())[-1]
    flat = tensor.data.view(-1)
    flat[0] = torch.nextafter(flat[0], torch.tensor(10.0))
    assert not start.unchanged()


def test_a_snapshot_is_a_copy_and_restores_after_nan() -> None:
    model = make_policy().model
    start = Snapshot(model)
    for parameter in model.parameters():
        parameter.data.fill_(float("nan"))
    start.restore()
    assert all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())


@pytest.mark.parametrize("kind", ["llama", "llama_tied"])
@pytest.mark.parametrize("rows_at_once", [1, 2, 3])
def test_micro_batches_add_up_to_the_gradient_of_one_batch(kind: str, rows_at_once: int) -> None:
    policy = make_policy(kind)
    whole, parts = left_by(policy, UNEVEN), left_by(policy, UNEVEN, rows_at_once=rows_at_once)
    scale = max(float(value.abs().max()) for value in whole.values())
    assert scale > 0.01
    for name, value in whole.items():
        assert torch.allclose(parts[name], value, atol=1e-6 * scale, rtol=1e-4), name


def test_micro_batches_add_up_to_the_parts_of_one_batch() -> None:
    policy = make_policy()
    whole = accumulate(policy, GROUP, UNEVEN, Grpo(), temperature=1.0, rows_at_once=8)
    split = accumulate(policy, GROUP, UNEVEN, Grpo(), temperature=1.0, rows_at_once=2)
    # At the starting weights every ratio is 1: each part is minus its share of the weights.
    counted = int(MASK.sum())
    assert float(whole.up) == pytest.approx(-float(UNEVEN.clamp(min=0).sum()) / counted, rel=1e-5)
    assert float(whole.down) == pytest.approx(-float(UNEVEN.clamp(max=0).sum()) / counted, rel=1e-5)
    assert float(whole.up) < 0 < float(whole.down)
    assert float(whole.anchor) == 0
    assert (float(split.up), float(split.down)) == pytest.approx((float(whole.up), float(whole.down)), rel=1e-5)
    assert not whole.up.requires_grad


@pytest.mark.parametrize("kind", ["llama", "llama_tied", "qwen2"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_gradient_is_that_of_the_objective_written_out(kind: str, temperature: float) -> None:
    ours, theirs = make_policy(kind), in_float64(make_policy(kind))
    got = left_by(ours, UNEVEN, temperature=temperature, rows_at_once=2)
    (-written_out(theirs, UNEVEN.double(), temperature)).backward()
    expected = gradients(theirs)
    scale = max(float(value.abs().max()) for value in expected.values())
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(got[name].double(), value, atol=1e-5 * scale, rtol=1e-3), name


def test_the_gradient_is_the_slope_of_the_objective() -> None:
    policy, exact = make_policy(), in_float64(make_policy())
    slope = {name: -value for name, value in left_by(policy, UNEVEN).items()}
    direction = {name: torch.randn_like(value).double() for name, value in slope.items()}

    def at(step: float) -> float:
        moved = in_float64(make_policy())
        for name, parameter in moved.model.named_parameters():
            parameter.data += step * direction[name]
        return float(written_out(moved, UNEVEN.double(), 1.0).detach())

    expected = sum(float((slope[name].double() * direction[name]).sum()) for name in slope)
    assert (at(1e-5) - at(-1e-5)) / 2e-5 == pytest.approx(expected, rel=1e-4)
    assert float(written_out(exact, UNEVEN.double(), 1.0).detach()) == pytest.approx(
        objective(policy, UNEVEN), abs=1e-6
    )


@pytest.mark.parametrize("weights", [WEIGHTS, UNEVEN, WEIGHTS.clamp(min=0), WEIGHTS.clamp(max=0)])
def test_a_small_step_raises_what_has_positive_weight_by_the_first_order_amount(weights: Tensor) -> None:
    policy, size = make_policy(), 1e-3
    before = objective(policy, weights)
    squared = sum(float(value.double().square().sum()) for value in left_by(policy, weights).values())
    Stepper(policy, "sgd").step(size)
    rise = objective(policy, weights) - before
    assert rise > 0
    assert rise == pytest.approx(size * squared, rel=0.05)


def test_adamw_s_first_step_raises_it_too() -> None:
    policy = make_policy()
    before = objective(policy, WEIGHTS)
    left_by(policy, WEIGHTS)
    Stepper(policy, "adamw").step(1e-4)
    assert objective(policy, WEIGHTS) > before


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_weights_that_are_all_zero_make_no_update(optimizer: str) -> None:
    policy = make_policy()
    start, stepper = Snapshot(policy.model), Stepper(policy, optimizer)
    for _ in range(2):  # without any gradient at first, and with one left from before
        parts = accumulate(policy, GROUP, torch.zeros(5, 5), Grpo(), **OPTIONS)
        stepper.step(0.1)
        assert start.unchanged()
        assert [float(part) for part in (parts.up, parts.down, parts.anchor)] == [0, 0, 0]
        left_by(policy, WEIGHTS)


def test_the_gradient_of_an_earlier_call_does_not_stay() -> None:
    policy = make_policy()
    expected = left_by(make_policy(), UNEVEN)
    left_by(policy, WEIGHTS)
    again = left_by(policy, UNEVEN)
    assert all(torch.equal(again[name], value) for name, value in expected.items())


def test_a_response_without_weight_is_left_out_but_its_tokens_are_counted() -> None:
    policy, weights = make_policy(), WEIGHTS.clone()
    weights[1] = 0
    seen: list[int] = []
    hidden = type(policy).hidden

    class Counting(Policy):
        def hidden(self, prompt: Tensor, responses: Tensor) -> Tensor:
            seen.append(len(responses))
            return hidden(self, prompt, responses)

    got = left_by(Counting(policy.model, policy.tokenizer, "counting"), weights)
    theirs = in_float64(make_policy())
    (-written_out(theirs, weights.double(), 1.0)).backward()
    assert seen == [4]
    for name, value in gradients(theirs).items():
        assert torch.allclose(got[name].double(), value, atol=1e-5, rtol=1e-3), name


def test_what_has_weight_behind_the_end_of_a_response_does_not_count() -> None:
    policy = make_policy()
    clean, dirty = left_by(policy, WEIGHTS), left_by(policy, torch.where(MASK, WEIGHTS, torch.ones(())))
    assert all(torch.equal(dirty[name], value) for name, value in clean.items())


@pytest.mark.parametrize("normalisation", ["responses", "constant"])
def test_other_normalisations_are_refused(normalisation: Any) -> None:
    loss = Grpo(normalisation=normalisation, max_length=5)
    with pytest.raises(InputValueError, match=f"normalisation='{normalisation}'"):
        accumulate(make_policy(), GROUP, WEIGHTS, loss, **OPTIONS)


def fresh(policy: Policy, optimizer: str, size: float) -> torch.optim.Optimizer:
    parameters = policy.model.parameters()
    if optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=size)
    return torch.optim.AdamW(parameters, lr=size, weight_decay=0.0, fused=True)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("earlier", [0, 1, 7])
def test_each_step_is_a_fresh_optimizer_s_first_bit_for_bit(optimizer: str, earlier: int) -> None:
    policy = make_policy()
    start, stepper = Snapshot(policy.model), Stepper(policy, optimizer)
    for number in range(earlier):
        left_by(policy, torch.randn(5, 5))
        stepper.step(10.0**-number)
        start.restore()
    left_by(policy, UNEVEN)
    stepper.step(0.003)
    other = make_policy()
    left_by(other, UNEVEN)
    fresh(other, optimizer, 0.003).step()
    assert not start.unchanged()
    for (name, ours), theirs in zip(policy.model.named_parameters(), other.model.parameters(), strict=True):
        assert ours.detach().numpy().tobytes() == theirs.detach().numpy().tobytes(), name


def test_a_step_leaves_the_gradient_for_the_next_size() -> None:
    policy = make_policy()
    start, stepper, left = Snapshot(policy.model), Stepper(policy, "adamw"), left_by(policy, WEIGHTS)
    stepper.step(0.5)
    start.restore()
    assert all(torch.equal(value, left[name]) for name, value in gradients(policy).items())


def test_adamw_moves_every_weight_by_the_step_size_against_its_gradient() -> None:
    policy = make_policy()
    before, left = copy.deepcopy(policy.model.state_dict()), left_by(policy, WEIGHTS)
    Stepper(policy, "adamw").step(1e-2)
    moved = policy.model.state_dict()["lm_head.weight"] - before["lm_head.weight"]
    gradient = left["lm_head.weight"]
    large = gradient.abs() > 1e-5
    assert large.sum() > 1000
    assert torch.allclose(moved[large], -1e-2 * gradient[large].sign(), rtol=1e-2)


def test_an_unknown_optimizer_is_refused_with_a_suggestion() -> None:
    with pytest.raises(InputValueError, match=r"optimizer 'adam'.*did you mean 'adamw'\?"):
        check_optimizer("adam")
