"""Accuracy, its standard error, mixed groups and lengths, of a model whose responses are known."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from antigrad.language.policy import Policy
from antigrad.language.tasks.arithmetic import Problem
from antigrad.language.tiny.accuracy import GROUP, measure_accuracy
from antigrad.language.tiny.tokenizer import make_tokenizer


def scripted(responses: list[str]) -> Policy:
    """A policy that gives these responses, `GROUP` a question, after whatever prompt."""
    tokenizer = make_tokenizer()
    rows = tokenizer(responses, padding=True, padding_side="right", return_tensors="pt").input_ids

    def generate(input_ids: torch.Tensor, **options: Any) -> torch.Tensor:
        assert options["do_sample"] and options["temperature"] == 1.0 and options["num_return_sequences"] == GROUP
        return torch.cat([input_ids.repeat_interleave(GROUP, 0), rows], 1)

    return Policy(SimpleNamespace(generate=generate, parameters=lambda: iter([torch.zeros(1)])), tokenizer, "scripted")


def test_figures_of_known_responses() -> None:
    problems = [Problem("1+1+1+1=", "2+1+1=2+2=4", 4), Problem("5+5+5+5=", "", 20), Problem("9+1+1+1=", "", 12)]
    first = ["4[EOS]"] * 2 + ["2+2=5[EOS]"] * 6  # the last number counts
    second = ["5+15=20[EOS]"] * 8
    third = ["12=11[EOS]"] * 7 + ["12"]  # the last one never ends, and is right
    figures = measure_accuracy(scripted(first + second + third), problems, seed=0)
    shares = [2 / 8, 1.0, 1 / 8]
    mean = sum(shares) / 3
    spread = (sum((share - mean) ** 2 for share in shares) / 2) ** 0.5
    assert figures.accuracy == pytest.approx(mean)
    assert figures.accuracy_se == pytest.approx(spread / 3**0.5)
    assert figures.mixed == pytest.approx(2 / 3)
    assert figures.length == pytest.approx((2 * 2 + 6 * 6 + 8 * 8 + 7 * 6 + 2) / 24)


def test_the_global_random_stream_is_left_alone() -> None:
    before = torch.get_rng_state()
    policy = scripted(["4[EOS]"] * 16)
    measure_accuracy(policy, [Problem("1+1+1+1=", "", 4)] * 2, seed=3)
    assert torch.equal(cast(torch.Tensor, before), torch.get_rng_state())
