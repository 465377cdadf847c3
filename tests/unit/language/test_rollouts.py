"""Sampling and measuring: where a response ends, what was drawn, and what the policy says of it."""

from dataclasses import replace

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.core.streams import seeded, stream_seed
from antigrad.language.measure import batches, log_probs_of, measure
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts, _cut, joined, sample
from antigrad.language.tasks import Question, Task
from helpers.models import make_policy, make_tokenizer

TOKENIZER = make_tokenizer()
EOS, PAD = TOKENIZER.eos_token_id, TOKENIZER.pad_token_id
QUESTION = Question(id="7", question="1 + 1 =", answer="2")
TASK = Task("t", (QUESTION,), "last_number", "raw", (), "{question} {answer}", "\n", None)


def ids(text: str) -> list[int]:
    return TOKENIZER(text, add_special_tokens=False).input_ids


def draw(
    policy: Policy, task: Task = TASK, *, count: int = 8, most: int = 12, heat: float = 1.0, **more: bool
) -> Rollouts:
    return sample(policy, task, QUESTION, count=count, max_new_tokens=most, temperature=heat, **more)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return make_policy()


@pytest.fixture(scope="module")
def group(policy: Policy) -> Rollouts:
    with seeded("group"):
        return draw(policy)


def oracle(policy: Policy, prompt: torch.Tensor, response: torch.Tensor, temperature: float) -> torch.Tensor:
    """(T, V) log-probabilities by one plain pass over one response, without padding or cache."""
    logits = policy.model(input_ids=torch.cat([prompt, response])[None], use_cache=False).logits[0]
    return torch.log_softmax(logits[len(prompt) - 1 : -1].float() / temperature, -1)


def test_an_end_token_ends_a_response_and_counts() -> None:
    body = ids("12")
    assert _cut(TOKENIZER, [*body, EOS, PAD, PAD], None, [EOS]) == ([*body, EOS], "12", False)


def test_any_of_several_end_tokens_ends_it_the_first_one_counts() -> None:
    full = ids("1=2=")
    assert _cut(TOKENIZER, [*full, EOS], None, [EOS, ids("=")[0]]) == (full[:2], "1", False)


def test_padding_with_the_end_token_is_not_part_of_it() -> None:
    assert _cut(TOKENIZER, [*ids("7"), EOS, EOS, EOS], None, [EOS]) == ([*ids("7"), EOS], "7", False)


def test_a_response_without_an_end_is_truncated_and_kept_whole() -> None:
    assert _cut(TOKENIZER, ids("123"), None, [EOS]) == (ids("123"), "123", True)
    assert _cut(TOKENIZER, ids("123"), "\n\n", [EOS]) == (ids("123"), "123", True)


def test_an_empty_response_still_has_its_end_token() -> None:
    assert _cut(TOKENIZER, [EOS, PAD], None, [EOS]) == ([EOS], "", False)


def test_a_stop_text_ends_it_behind_the_token_that_completes_it() -> None:
    row = [*ids("12\n34"), EOS]
    assert _cut(TOKENIZER, row, "\n", [EOS]) == (ids("12\n"), "12", False)
    row = ids("12\n\n34")
    assert _cut(TOKENIZER, row, "\n\n", [EOS]) == (ids("12\n\n"), "12", False)


def test_a_stop_text_in_the_middle_of_a_token_keeps_that_token_out_of_the_text() -> None:
    row = [*ids("5"), *ids("1a"), *ids("6")]
    assert len(row) == 3
    assert _cut(TOKENIZER, row, "1", [EOS]) == (row[:2], "5", False)


def test_a_stop_text_at_the_very_start_leaves_an_empty_text() -> None:
    assert _cut(TOKENIZER, ids("\n12"), "\n", [EOS]) == (ids("\n"), "", False)


def test_a_stop_text_behind_the_end_token_does_not_count() -> None:
    row = [*ids("12"), EOS, *ids("\n")]
    assert _cut(TOKENIZER, row, "\n", [EOS]) == (row[:3], "12", False)


def test_seeded_draws_depend_on_the_key_alone() -> None:
    def drawn(*key: object) -> list[float]:
        with seeded(*key):
            return torch.rand(3).tolist()

    first, other = drawn(0, "rollouts", 1), drawn(0, "rollouts", 2)
    torch.rand(5)
    assert drawn(0, "rollouts", 2) == other
    assert drawn(0, "rollouts", 1) == first
    assert first != other
    assert drawn(1, "rollouts", 1) != first


def test_seeded_leaves_the_global_stream_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    with seeded("x"):
        torch.rand(100)
    with pytest.raises(KeyError), seeded("y"):
        torch.rand(1)
        raise KeyError
    assert torch.equal(torch.rand(4), expected)


def test_keys_of_one_text_but_other_types_are_other_streams() -> None:
    seeds = {stream_seed(0, "1"), stream_seed(0, 1), stream_seed("0", 1), stream_seed(0, 1, 1)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**62 for seed in seeds)


def test_a_group_is_drawn_again_from_its_seed(policy: Policy, group: Rollouts) -> None:
    torch.rand(3)
    with seeded("group"):
        again = draw(policy)
    with seeded("other"):
        other = draw(policy)
    assert torch.equal(again.tokens, group.tokens)
    assert again.texts == group.texts
    assert not torch.equal(other.tokens, group.tokens)


def test_a_group_is_whole(policy: Policy, group: Rollouts) -> None:
    assert group.tokens.shape == group.mask.shape == (8, int(group.mask.sum(-1).max()))
    assert TOKENIZER.decode(group.prompt) == "1 + 1 ="
    for row, text, cut, right in zip(group.tokens, group.texts, group.truncated, group.correct, strict=True):
        assert bool(right) == TASK.correct(text, QUESTION)
        assert bool(cut) == (EOS not in row.tolist())
    assert (group.tokens[~group.mask] == PAD).all()
    assert group.truncated.any()
    assert not group.truncated.all()


def test_a_stop_text_ends_sampling(policy: Policy) -> None:
    task = replace(TASK, stop="1")
    with seeded(3):
        got = draw(policy, task, most=30)
    assert not any("1" in text for text in got.texts)
    ended = [row[mask].tolist() for row, mask, cut in zip(got.tokens, got.mask, got.truncated, strict=True) if not cut]
    assert any("1" in TOKENIZER.decode(row[-1:]) for row in ended)
    assert all("1" in TOKENIZER.decode(row[-1:]) or row[-1] == EOS for row in ended)


def test_greedy_takes_the_likeliest_token_each_time(policy: Policy) -> None:
    torch.manual_seed(1)
    got = draw(policy, count=1, most=6, greedy=True)
    response, prompt = got.tokens[0][got.mask[0]], got.prompt
    assert torch.equal(oracle(policy, prompt, response, 1.0).argmax(-1), response)


def test_a_cold_policy_samples_what_greedy_takes_and_a_hot_one_does_not(policy: Policy) -> None:
    greedy = draw(policy, count=1, most=6, greedy=True).texts[0]
    with seeded(1):
        cold, hot = draw(policy, most=6, heat=1e-3), draw(policy, most=6, heat=3.0)
    assert set(cold.texts) == {greedy}
    assert len(set(hot.texts)) == 8


def test_samples_follow_the_distribution_at_the_temperature(policy: Policy) -> None:
    with seeded("many"):
        got = draw(policy, count=4000, most=1, heat=1.7)
    plain, expected = (oracle(policy, got.prompt, got.tokens[0, :1], heat)[0].exp().detach() for heat in (1.0, 1.7))
    seen = torch.bincount(got.tokens[:, 0], minlength=len(expected)) / 4000
    assert (seen - expected).abs().max() < 4 * float((expected.max() / 4000) ** 0.5)
    assert (seen - plain).abs().max() > 0.03


@pytest.mark.parametrize("temperature", [1.0, 0.6, 2.5])
@pytest.mark.parametrize("rows_at_once", [1, 3, 8])
def test_measured_log_probabilities_and_entropies_are_the_softmax_s(
    policy: Policy, group: Rollouts, temperature: float, rows_at_once: int
) -> None:
    got = measure(policy, group, temperature=temperature, rows_at_once=rows_at_once)
    assert got.log_probs.shape == got.entropy.shape == group.tokens.shape
    for place, mask in enumerate(group.mask):
        tokens = group.tokens[place][mask]
        with torch.no_grad():
            all_of_them = oracle(policy, group.prompt, tokens, temperature)
        expected = all_of_them.gather(-1, tokens[:, None])[:, 0]
        entropy = torch.distributions.Categorical(logits=all_of_them).entropy()
        assert torch.allclose(got.log_probs[place][mask], expected, atol=1e-5)
        assert torch.allclose(got.entropy[place][mask], entropy, atol=1e-5)
    assert (got.log_probs[~group.mask] == 0).all()
    assert (got.entropy[~group.mask] == 0).all()
    assert not got.log_probs.requires_grad


def test_what_lies_in_the_padding_does_not_matter(policy: Policy, group: Rollouts) -> None:
    rubbish = replace(group, tokens=torch.where(group.mask, group.tokens, torch.full_like(group.tokens, 33)))
    ours, theirs = (measure(policy, rows, temperature=1.0, rows_at_once=8) for rows in (group, rubbish))
    assert torch.equal(ours.log_probs, theirs.log_probs)


def test_log_probabilities_carry_a_graph_and_end_with_the_longest_of_their_rows(
    policy: Policy, group: Rollouts
) -> None:
    rows = group.mask.sum(-1).argsort()[:1]
    chosen, everything, hidden = log_probs_of(policy, group, rows, 1.0)
    width = int(group.mask[rows].sum(-1).max())
    assert width < group.tokens.shape[1]
    assert chosen.shape == (1, width)
    assert chosen.requires_grad
    assert hidden.shape == (1, width, 32)
    assert torch.allclose(everything.exp().sum(-1), torch.ones(1, width), atol=1e-5)
    whole, mask = (
        measure(policy, group, temperature=1.0, rows_at_once=8).log_probs[rows, :width],
        group.mask[rows, :width],
    )
    assert torch.allclose(chosen[mask], whole[mask], atol=1e-5)


def test_batches_hold_every_row_once_and_like_lengths_together() -> None:
    lengths = torch.tensor([3, 60, 4, 3, 9, 64, 3, 30])
    mask = torch.arange(64) < lengths[:, None]
    found = [batch.tolist() for batch in batches(mask, torch.arange(8), 3)]
    assert sorted(row for batch in found for row in batch) == list(range(8))
    assert all(len(batch) <= 3 for batch in found)
    for batch in found:
        assert lengths[batch].max() <= 2 * lengths[batch].min() + 8
    assert [batch.tolist() for batch in batches(mask, torch.tensor([1, 5]), 3)] == [[1, 5]]


def test_measuring_a_broken_policy_is_a_clear_error(group: Rollouts) -> None:
    broken = make_policy()
    broken.model.lm_head.weight.data[4] = float("nan")
    with pytest.raises(InputValueError, match="NaN or infinite log-probabilities"):
        measure(broken, group, temperature=1.0, rows_at_once=8)
    with pytest.raises(InputValueError, match="sampling failed"):
        draw(broken)


def test_further_responses_go_below_and_change_nothing(policy: Policy, group: Rollouts) -> None:
    greedy = draw(policy, count=1, most=20, greedy=True)
    assert greedy.tokens.shape[1] != group.tokens.shape[1]
    for first, second in ((group, greedy), (greedy, group)):
        both = joined(first, second)
        assert both.texts == [*first.texts, *second.texts]
        assert both.correct.tolist() == [*first.correct.tolist(), *second.correct.tolist()]
        assert both.truncated.tolist() == [*first.truncated.tolist(), *second.truncated.tolist()]
        assert both.mask.sum() == first.mask.sum() + second.mask.sum()
        options = {"temperature": 1.0, "rows_at_once": 4}
        whole = measure(policy, both, **options).log_probs.sum(-1)
        pieces = [measure(policy, rows, **options).log_probs.sum(-1) for rows in (first, second)]
        assert torch.allclose(whole, torch.cat(pieces), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "options", "prompt", "most", "said"),
    [
        ("llama", {}, "", 4, "question '7' gives an empty prompt"),
        ("gpt2", {}, "1 + 1 =", 58, "7 tokens of prompt and up to 58 of response; expected: at most 64 together"),
        ("llama", {"max_position_embeddings": 10}, "1 + 1 =", 4, "at most 10 together"),
        ("llama", {"vocab_size": 8}, "1 + 1 =", 4, "question '7' has token 16; expected: ids below 8"),
    ],
)
def test_a_prompt_that_does_not_fit_the_model_is_refused(
    kind: str, options: dict[str, int], prompt: str, most: int, said: str
) -> None:
    question = replace(QUESTION, question=prompt)
    with pytest.raises(InputValueError, match=said):
        sample(make_policy(kind, **options), TASK, question, count=2, max_new_tokens=most, temperature=1.0)


def test_the_longest_response_that_fits_is_sampled() -> None:
    with seeded(0):
        assert draw(make_policy("gpt2"), count=4, most=57).tokens.shape[0] == 4


def test_a_chat_prompt_goes_through_the_template(policy: Policy) -> None:
    task = replace(TASK, style="chat", shots=(("1 + 0 =", "1"),))
    got = draw(policy, task, count=2, most=2)
    assert TOKENIZER.decode(got.prompt) == "1 + 0 =\n1\n1 + 1 =\nA:"


def test_a_tokenizer_without_padding_still_pads() -> None:
    bare = make_tokenizer()
    bare.pad_token = None
    policy = replace(make_policy(), tokenizer=bare)
    with seeded("group"):
        got, usual = draw(policy), draw(make_policy())
    assert (got.tokens[~got.mask] == EOS).all()
    assert got.tokens.shape[0] == usual.tokens.shape[0]
