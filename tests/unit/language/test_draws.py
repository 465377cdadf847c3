"""Sampling by given numbers: exactly the softmax, row by row."""

import math

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.language.draws import by_numbers, chosen_tokens, uniforms
from antigrad.language.rollouts import sample
from antigrad.language.tasks import Question, Task
from helpers.models import make_policy

TASK = Task("t", (), "last_number", "raw", (), "{question}\n{answer}", "\n", None)
QUESTION = Question(id="1", question="1 + 1 = ?", answer="2")


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_fine_grid_of_numbers_gives_the_softmax_exactly(temperature: float) -> None:
    logits = torch.randn(1, 7)
    numbers = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    tokens = chosen_tokens(logits.expand(100_000, -1), temperature, numbers)
    shares = torch.bincount(tokens, minlength=7) / 100_000
    torch.testing.assert_close(shares, torch.softmax(logits[0] / temperature, -1), atol=2e-5, rtol=0)
    assert bool((tokens.diff() >= 0).all())


def test_a_token_without_probability_is_never_taken() -> None:
    logits = torch.tensor([[-math.inf, 0.0, -math.inf, 0.0, -math.inf]])
    numbers = torch.tensor([0.0, 0.25, 0.5, 0.75, 1 - 2**-53], dtype=torch.float64)
    assert chosen_tokens(logits.expand(5, -1), 1.0, numbers).tolist() == [1, 1, 3, 3, 3]


def test_broken_logits_are_refused() -> None:
    with pytest.raises(InputValueError, match="NaN or infinite logits"):
        chosen_tokens(torch.tensor([[0.0, math.nan]]), 1.0, torch.tensor([0.5]))


def test_each_step_takes_its_own_number() -> None:
    numbers = torch.tensor([[0.1, 0.9], [0.9, 0.1]], dtype=torch.float64)
    process, scores = by_numbers(numbers, 3, 1.0), torch.zeros(2, 2)
    for length, expected in ((3, [0, 1]), (4, [1, 0])):
        left = process(torch.zeros(2, length).long(), scores)
        assert left.argmax(-1).tolist() == expected
        assert int(torch.isfinite(left).sum()) == 2


def test_a_response_depends_on_its_own_numbers_alone() -> None:
    policy, numbers = make_policy(), uniforms(7, 9, 6)
    common = {"max_new_tokens": 6, "temperature": 1.0}
    whole = sample(policy, TASK, QUESTION, count=9, numbers=numbers, **common).answers()  # type: ignore[arg-type]
    assert len(set(whole)) > 4
    pieces = [
        answer
        for piece in numbers.split(4)
        for answer in sample(policy, TASK, QUESTION, count=len(piece), numbers=piece, **common).answers()  # type: ignore[arg-type]
    ]
    assert pieces == whole
    turned = sample(policy, TASK, QUESTION, count=9, numbers=numbers.flip(0), **common).answers()  # type: ignore[arg-type]
    assert turned == whole[::-1]


def test_drawn_responses_follow_the_model_s_distribution() -> None:
    policy = make_policy()
    count = 4000
    drawn = sample(
        policy, TASK, QUESTION, count=count, max_new_tokens=1, temperature=0.7, numbers=uniforms(3, count, 1)
    )
    shares = torch.bincount(drawn.tokens[:, 0], minlength=len(policy.tokenizer)) / count
    with torch.no_grad():
        logits = policy.model(input_ids=drawn.prompt[None]).logits[0, -1]
    expected = torch.softmax(logits / 0.7, -1)
    assert float((shares - expected).abs().max()) < 4 * math.sqrt(0.25 / count)
    assert float(0.5 * (shares - expected).abs().sum()) < 0.06
