"""Likelihood and entropy of responses against a plain pass over each alone."""

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.posttraining.probes.likelihood import likelihoods
from helpers.models import make_policy

PROMPT = torch.tensor([5, 9, 12, 3])
RESPONSES = [[4], [7, 8, 1], [9] * 25, [30, 2, 1]]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "granite"])
@pytest.mark.parametrize(("temperature", "rows_at_once"), [(1.0, 16), (0.5, 1)])
def test_sums_equal_a_plain_pass(kind: str, temperature: float, rows_at_once: int) -> None:
    policy = make_policy(kind)
    found = likelihoods(policy, PROMPT, RESPONSES, temperature=temperature, rows_at_once=rows_at_once)
    for place, row in enumerate(RESPONSES):
        with torch.no_grad():
            logits = policy.model(input_ids=torch.cat([PROMPT, torch.tensor(row)])[None]).logits[0]
        law = torch.distributions.Categorical(logits=logits[len(PROMPT) - 1 : -1] / temperature)
        assert found.log_probs[place] == pytest.approx(float(law.log_prob(torch.tensor(row)).sum()), abs=2e-4)
        assert found.entropies[place] == pytest.approx(float(law.entropy().sum()), abs=2e-4)
        assert found.log_probs[place] < 0 < found.entropies[place]


def test_nothing_to_measure_gives_nothing() -> None:
    assert likelihoods(make_policy(), PROMPT, [], temperature=1.0, rows_at_once=4).log_probs == []


def test_tokens_beyond_the_model_and_broken_weights_are_refused() -> None:
    policy = make_policy()
    with pytest.raises(InputValueError, match="beyond"):
        likelihoods(policy, PROMPT, [[10_000]], temperature=1.0, rows_at_once=4)
    policy.model.lm_head.weight.data.fill_(torch.nan)
    with pytest.raises(InputValueError, match="NaN"):
        likelihoods(policy, PROMPT, [[4]], temperature=1.0, rows_at_once=4)
