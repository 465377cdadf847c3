"""Tokens of a prompt: completeness, sign, and that taking the best token away hurts most."""

import pytest
import torch

pytest.importorskip("transformers", reason="the extra posttraining is not installed")

from antigrad.attribution.explain_text.language import answer_log_prob, attribute_tokens
from antigrad.core.errors import InputValueError
from helpers.models import make_model

PROMPT = torch.tensor([4, 9, 7, 12, 5, 8])
ANSWER, OTHER = torch.tensor([6, 10]), torch.tensor([11])


def log_prob(model: torch.nn.Module, prompt: torch.Tensor, answer: torch.Tensor) -> float:
    with torch.no_grad():
        logits = model(input_ids=torch.cat([prompt, answer])[None]).logits[0].log_softmax(-1)
    return sum(float(logits[len(prompt) - 1 + place, token]) for place, token in enumerate(answer))


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return make_model("llama").double()


def test_scores_add_up_to_the_change_of_the_log_probability(model: torch.nn.Module) -> None:
    found = attribute_tokens(model, PROMPT, ANSWER, method="integrated_gradients", n_steps=200)
    assert found.log_prob == pytest.approx(log_prob(model, PROMPT, ANSWER), abs=1e-9)
    assert found.baseline_log_prob == pytest.approx(log_prob(model, torch.zeros_like(PROMPT), ANSWER), abs=1e-9)
    assert abs(found.gap or 1) < 1e-3 and abs(float(found.scores.sum())) > 1e-2
    coarse = attribute_tokens(model, PROMPT, ANSWER, method="integrated_gradients", n_steps=2)
    assert abs(coarse.gap or 0) > abs(found.gap or 1)


def test_two_answers_are_a_difference(model: torch.nn.Module) -> None:
    both = attribute_tokens(model, PROMPT, ANSWER, other=OTHER, method="integrated_gradients")
    one, two = (attribute_tokens(model, PROMPT, text, method="integrated_gradients") for text in (ANSWER, OTHER))
    torch.testing.assert_close(both.scores, one.scores - two.scores)
    assert both.log_prob == pytest.approx(one.log_prob - two.log_prob)
    assert both.gap == pytest.approx((one.gap or 0) - (two.gap or 0), abs=1e-9)


@pytest.mark.parametrize("rows", [1, 4])
def test_ablation_is_what_replacing_a_token_costs(model: torch.nn.Module, rows: int) -> None:
    found = attribute_tokens(model, PROMPT, ANSWER, baseline=3, rows_at_once=rows)
    for place in range(len(PROMPT)):
        without = PROMPT.clone()
        without[place] = 3
        cost = log_prob(model, PROMPT, ANSWER) - log_prob(model, without, ANSWER)
        assert float(found.scores[place]) == pytest.approx(cost, abs=1e-5)
    assert found.scores.min() < 0 < found.scores.max() and found.gap is None


def test_gradient_times_input_is_the_slope_along_the_embeddings(model: torch.nn.Module) -> None:
    found = attribute_tokens(model, PROMPT, ANSWER, method="gradient_x_input")
    embedded = model.get_input_embeddings()(torch.cat([PROMPT, ANSWER])[None]).detach()
    for place in range(len(PROMPT)):
        ends = []
        for scale in (1 + 1e-3, 1 - 1e-3):
            moved = embedded.clone()
            moved[0, place] *= scale
            with torch.no_grad():
                ends.append(float(answer_log_prob(model(inputs_embeds=moved).logits, ANSWER)))
        assert float(found.scores[place]) == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=5e-3, abs=1e-4)
    assert found.gap is None


def test_magnitudes_do_not_depend_on_the_rows_of_a_pass(model: torch.nn.Module) -> None:
    found = [
        attribute_tokens(
            model, PROMPT, ANSWER, method="guided_absolute_grad", rows_at_once=rows,
            generator=torch.Generator().manual_seed(3),
        ).scores
        for rows in (1, 7)
    ]  # fmt: skip
    torch.testing.assert_close(*found)
    assert (found[0] >= 0).all() and float(found[0].max()) > 0


def test_what_is_refused(model: torch.nn.Module) -> None:
    with pytest.raises(InputValueError, match="did you mean"):
        attribute_tokens(model, PROMPT, ANSWER, method="integrated_gradient")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputValueError, match="empty"):
        attribute_tokens(model, PROMPT, ANSWER[:0])
    with pytest.raises(InputValueError, match="sign"):
        attribute_tokens(model, PROMPT, ANSWER, other=OTHER, method="guided_absolute_grad")
