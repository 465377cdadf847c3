"""Loss and gradient of a part against dense float64 oracles, and the files they are kept in."""

import random
from pathlib import Path

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError, progress
from antigrad.language.policy import Policy
from antigrad.posttraining.certify.data import Tokens
from antigrad.posttraining.certify.gradients import SIGNS, Halves, gradient_of, part_loss, save_gradient, streamed
from helpers.models import in_float64, make_policy

KINDS = ("llama", "llama_tied", "gpt2", "gemma2")


def rows_of(seed: int = 0, count: int = 7) -> list[Tokens]:
    draw = random.Random(seed)
    return [
        Tokens([draw.randrange(3, 45) for _ in range(length)], draw.randrange(1, length))
        for length in (draw.randrange(2, 14) for _ in range(count))
    ]


def oracle(policy: Policy, rows: list[Tokens]) -> float:
    """Mean −log π, one row and one token at a time."""
    terms: list[float] = []
    for row in rows:
        with torch.no_grad():
            logits = policy.model(torch.tensor([row.ids])).logits[0].double()
        terms += [float(-logits[place - 1].log_softmax(-1)[row.ids[place]]) for place in range(row.start, len(row.ids))]
    return sum(terms) / len(terms)


def gradient(policy: Policy, rows: list[Tokens], sign: float, at_once: int = 3) -> tuple[float, dict[str, Tensor]]:
    with progress("passes", 1) as bar:
        return gradient_of(policy.model, rows, sign, rows_at_once=at_once, bar=bar)


def loss(policy: Policy, rows: list[Tokens], sign: float) -> float:
    with progress("passes", 1) as bar:
        return part_loss(policy.model, rows, sign, rows_at_once=2, bar=bar)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_mean_over_tokens_with_the_sign_of_the_part(kind: str) -> None:
    policy, rows = make_policy(kind), rows_of()
    expected = oracle(policy, rows)
    assert expected > 0
    for part, sign in (("up", 1), ("down", -1), ("anchor", 1)):
        assert SIGNS[part] == sign
        assert loss(policy, rows, SIGNS[part]) == pytest.approx(sign * expected, rel=1e-5)
        assert gradient(policy, rows, SIGNS[part])[0] == pytest.approx(sign * expected, rel=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_gradient_is_that_of_finite_differences(sign: float) -> None:
    policy, rows = in_float64(make_policy("llama_tied")), rows_of(1)
    _, slopes = gradient(policy, rows, sign)
    assert set(slopes) == {name for name, _ in policy.model.named_parameters()}
    assert all(slope.dtype == torch.float64 for slope in slopes.values())
    draw = torch.Generator().manual_seed(0)
    for name, parameter in policy.model.named_parameters():
        way = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
        ends = []
        for size in (1e-6, -2e-6, 1e-6):
            parameter.data += size * way
            ends.append(sign * oracle(policy, rows))
        slope = (ends[0] - ends[1]) / 2e-6
        assert slope == pytest.approx(float((slopes[name] * way).sum()), rel=1e-4, abs=1e-7), name


def test_rows_at_once_and_their_order_change_nothing() -> None:
    policy, rows = in_float64(make_policy()), rows_of(2)
    _, one = gradient(policy, rows, 1.0, at_once=1)
    _, all_at_once = gradient(policy, rows[::-1], 1.0, at_once=99)
    for name, slope in one.items():
        assert torch.allclose(slope, all_at_once[name], rtol=1e-9, atol=1e-12)


def test_half_precision_weights_give_single_precision_gradients_and_none_is_left_in_the_model() -> None:
    policy = make_policy()
    policy.model.bfloat16()
    _, slopes = gradient(policy, rows_of(3), 1.0, at_once=1)
    assert {slope.dtype for slope in slopes.values()} == {torch.float32}
    assert all(parameter.grad is None for parameter in policy.model.parameters())


def test_nan_weights_are_an_error() -> None:
    policy = make_policy()
    policy.model.get_output_embeddings().weight.data[5] = torch.nan
    with pytest.raises(InputValueError, match="a loss of nan"):
        gradient(policy, rows_of(), 1.0)


def test_two_halves_are_the_whole(tmp_path: Path) -> None:
    policy, rows = in_float64(make_policy()), rows_of(4)
    files, counts = [], []
    for half in (0, 1):
        part = rows[half::2]
        save_gradient(tmp_path / f"{half}.safetensors", gradient(policy, part, -1.0)[1])
        files.append(tmp_path / f"{half}.safetensors")
        counts.append(sum(len(row.ids) - row.start for row in part))
    halves = Halves((files[0], files[1]), (counts[0], counts[1]))
    _, whole = gradient(policy, rows, -1.0)
    names = list(whole)[1:4]
    read = dict(streamed({"down": halves}, names))
    assert list(read) == names
    for name in names:
        assert torch.allclose(halves.whole(*read[name]["down"]), whole[name], rtol=1e-9, atol=1e-12)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    save_gradient(tmp_path / "a", {"w": torch.ones(3)})
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[:-2])
    with pytest.raises(InputValueError, match="damaged gradients"):
        list(streamed({"up": Halves((tmp_path / "a", tmp_path / "b"), (1, 1))}, ["w"]))
