"""PVI against a plain forward, its cut, its cache; facts of pairs; pairs from a model's own answers."""

from pathlib import Path

import pyarrow.parquet as parquet
import pytest
import torch

from antigrad.core import InputValueError
from antigrad.credit.pairs import pair_kernel
from antigrad.credit.pairs.ches import ches_scores
from antigrad.language.policy import Policy, load_policy
from antigrad.language.tasks import load_task
from antigrad.posttraining.pairs import contexts
from antigrad.posttraining.pairs import pvi as module
from antigrad.posttraining.pairs.contexts import PviOptions, chain_of
from antigrad.posttraining.pairs.facts import pair_facts
from antigrad.posttraining.pairs.generate import generate_pairs
from antigrad.posttraining.pairs.pair import Pair, tokenize
from antigrad.posttraining.pairs.pvi import cached_pvi, fingerprint, pvi_of
from helpers.damage import OF_FILES
from helpers.models import in_float64, make_policy

OPTIONS = PviOptions(marker="=")
PAIRS = [
    Pair(1, "1+2", "+0=0a", "*2=1", "0"),
    Pair(2, "1+2", "+0=0a", "+0+0=2=2", "0"),
    Pair(3, "2+2", "0=0a", "0*1=1", "1b"),
]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return in_float64(make_policy())


def plain(policy: Policy, before: str, answer: str) -> list[float]:
    """Log-probabilities of an answer's tokens by a forward over the whole text."""
    ids = policy.tokenizer(before + answer, return_tensors="pt").input_ids
    start = len(policy.tokenizer(before).input_ids)
    log_probs = torch.log_softmax(policy.model(input_ids=ids).logits[0].double(), -1).detach()
    return [float(log_probs[place - 1, ids[0, place]]) for place in range(start, ids.shape[1])]


def test_pvi_is_a_difference_of_two_plain_forwards(policy: Policy) -> None:
    expected = [
        sum(plain(policy, f"{x}{c}=", y)) - sum(plain(policy, f"{x}=", y))
        for x, c, y in (("1+2", "*2", "0"), ("1+2", "+0+0=2", "0"), ("2+2", "0*1", "1b"))
    ]
    found = pvi_of(policy, PAIRS, OPTIONS).tolist()
    assert found == pytest.approx(expected, abs=1e-5)  # logits are float32
    assert min(map(abs, expected)) > 1e-3


@pytest.mark.parametrize("rows_at_once", [1, 2, 16])
def test_batches_change_nothing(policy: Policy, rows_at_once: int) -> None:
    alone = torch.cat([pvi_of(policy, [pair], OPTIONS) for pair in PAIRS])
    together = pvi_of(policy, PAIRS, PviOptions(marker="=", rows_at_once=rows_at_once))
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_pooling(policy: Policy) -> None:
    pair = [Pair(1, "1+2", "", "*2=1", "00 1")]
    with_chain, without = plain(policy, "1+2*2=", "00 1"), plain(policy, "1+2=", "00 1")
    assert len(with_chain) == 4
    for pooling, expected in (
        ("sum", sum(with_chain) - sum(without)),
        ("mean", (sum(with_chain) - sum(without)) / 4),
        ("first", with_chain[0] - without[0]),
    ):
        found = pvi_of(policy, pair, PviOptions(marker="=", pooling=pooling))  # type: ignore[arg-type]
        assert found.item() == pytest.approx(expected, abs=1e-5)


def test_the_prompt_is_asked_once(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    before = module.answer_log_probs
    monkeypatch.setattr(module, "answer_log_probs", lambda *a: asked.append(len(a[1])) or before(*a))
    pvi_of(policy, PAIRS, OPTIONS)
    assert asked == [3 + 2]  # three chains, two prompts


@pytest.mark.parametrize(
    ("response", "marker", "cut", "chain"),
    [
        ("so. The answer is 4", " The answer is", True, "so."),
        ("The answer is 3. no. The answer is 4", " The answer is", True, "The answer is 3. no."),
        ("1+2=3=3", "=", True, "1+2=3"),
        ("it is 1,234.5 dollars", " The answer is", True, "it is"),
        ("no number", " The answer is", True, "no number"),
        ("so. The answer is 4", " The answer is", False, "so. The answer is 4"),
    ],
)
def test_chains(response: str, marker: str, cut: bool, chain: str) -> None:
    assert chain_of(response, PviOptions(marker=marker, cut=cut)) == chain


def test_cache(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached_pvi(policy, PAIRS, OPTIONS, tmp_path)
    assert len(list(tmp_path.glob("pvi-*.parquet"))) == 1
    monkeypatch.setattr(module, "answer_log_probs", lambda *_: pytest.fail("measured again"))
    assert torch.equal(cached_pvi(policy, PAIRS, OPTIONS, tmp_path), first)
    monkeypatch.undo()
    for change in (
        PviOptions(marker=" "),
        PviOptions(marker="=", pooling="first"),
        PviOptions(marker="=", max_length=99),
    ):
        cached_pvi(policy, PAIRS, change, tmp_path)
    cached_pvi(policy, PAIRS[:2], OPTIONS, tmp_path)
    assert len(list(tmp_path.glob("pvi-*.parquet"))) == 5


@pytest.mark.parametrize("way", [name for name in OF_FILES if name not in ("longer", "missing", "a pipe", "a link")])
def test_a_damaged_cache_is_measured_again(policy: Policy, tmp_path: Path, way: str) -> None:
    first = cached_pvi(policy, PAIRS, OPTIONS, tmp_path)
    (file,) = tmp_path.glob("pvi-*.parquet")
    whole = file.read_bytes()
    OF_FILES[way](file)
    if file.is_dir():
        file.rmdir()
    assert torch.equal(cached_pvi(policy, PAIRS, OPTIONS, tmp_path), first)
    if way != "first bit flipped":  # of the word `PAR1` at its head, which no reader looks at
        assert file.read_bytes() == whole


def test_every_bit_of_a_cached_figure_counts(policy: Policy, tmp_path: Path) -> None:
    first = cached_pvi(policy, PAIRS, OPTIONS, tmp_path)
    (file,) = tmp_path.glob("pvi-*.parquet")
    whole = file.read_bytes()
    for place in range(4, len(whole) // 2, 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert torch.equal(cached_pvi(policy, PAIRS, OPTIONS, tmp_path), first), place


def test_a_cache_of_other_pairs_is_measured_again(policy: Policy, tmp_path: Path) -> None:
    first, few = cached_pvi(policy, PAIRS, OPTIONS, tmp_path), cached_pvi(policy, PAIRS[:2], OPTIONS, tmp_path)
    large, small = sorted(tmp_path.glob("pvi-*.parquet"), key=lambda path: -parquet.read_metadata(path).num_rows)
    large.write_bytes(small.read_bytes())
    assert len(few) == 2 and torch.equal(cached_pvi(policy, PAIRS, OPTIONS, tmp_path), first)


def test_fingerprint_sees_every_weight() -> None:
    one, other = make_policy(), make_policy()
    assert fingerprint(one) == fingerprint(other)
    with torch.no_grad():
        next(iter(other.model.parameters()))[0, 0] += 1e-3
    assert fingerprint(one) != fingerprint(other)


def test_refusals(policy: Policy) -> None:
    with pytest.raises(InputValueError, match=r"no answer in rows \[9\]"):
        pvi_of(policy, [Pair(9, "1", "2", "3")], OPTIONS)
    with pytest.raises(InputValueError, match="row 1: 7 tokens"):
        pvi_of(policy, PAIRS[:1], PviOptions(marker="=", max_length=6))
    with pytest.raises(InputValueError, match="pooling"):
        PviOptions(pooling="last")  # type: ignore[arg-type]


def test_facts_are_measured_on_the_tokens_that_are_trained_on(policy: Policy) -> None:
    tokens = [tokenize(pair, policy.tokenizer) for pair in PAIRS]
    facts = pair_facts(policy, PAIRS, tokens, ("pvi", "ln_ches", "confidence", "kernel"), options=OPTIONS)
    torch.testing.assert_close(facts.require("pvi"), pvi_of(policy, PAIRS, OPTIONS))
    for row, one in enumerate(tokens):
        states, sides = [], [torch.tensor(one.chosen), torch.tensor(one.rejected)]
        for side in sides:
            ids = torch.cat([torch.tensor(one.prompt), side])[None]
            hidden = policy.model.base_model(input_ids=ids).last_hidden_state[:, len(one.prompt) - 1 : -1].detach()
            states.append(hidden)
        masks = [torch.ones(1, len(side)).bool() for side in sides]
        _, ln_ches = ches_scores(states[0], masks[0], states[1], masks[1])
        assert facts.require("ln_ches")[row].item() == pytest.approx(ln_ches.item(), rel=1e-9)
        kernel = pair_kernel(policy.head(1.0), states[0], sides[0][None], masks[0], states[1], sides[1][None], masks[1])
        assert facts.require_kernel().cross[row].item() == pytest.approx(kernel.cross.item(), rel=1e-9)
        logits = torch.log_softmax(policy.model.get_output_embeddings()(states[1])[0], -1)
        label = logits.gather(-1, sides[1][:, None]).mean()
        assert facts.require("confidence")[row].item() == pytest.approx(label.item(), abs=1e-5)


def test_facts_that_came_with_the_pairs(policy: Policy) -> None:
    given = [Pair(row, "1", "2", "3", facts={"pvi": -1.0, "reward_gap": 0.5}) for row in (1, 2)]
    tokens = [tokenize(pair, policy.tokenizer) for pair in given]
    facts = pair_facts(policy, given, tokens, ("pvi", "reward_gap"))
    assert facts.require("pvi").tolist() == [-1.0, -1.0] and facts.require("reward_gap").tolist() == [0.5, 0.5]
    with pytest.raises(InputValueError, match=r"no reward_gap in rows \[1, 2, 3\]"):
        pair_facts(policy, PAIRS, tokens, ("reward_gap",))


def test_pairs_from_the_model_s_own_answers() -> None:
    policy = load_policy("tiny", device="cpu")
    task = load_task("tiny_arithmetic(split=train)", count=6)
    pairs = generate_pairs(policy, task, samples=8, pairs=3, max_new_tokens=40, seed=1)
    assert len(pairs) >= 3
    assert [pair.row for pair in pairs] == list(range(1, len(pairs) + 1))
    questions = {task.prompt(question, None): question for question in task.questions}
    for pair in pairs:
        question = questions[str(pair.prompt)]
        assert task.correct(str(pair.chosen), question) and not task.correct(str(pair.rejected), question)
        assert pair.answer == question.answer
    assert len({(str(p.prompt), str(p.chosen), str(p.rejected)) for p in pairs}) == len(pairs)
    assert max(sum(p.prompt == prompt for p in pairs) for prompt in questions) <= 3
    assert generate_pairs(policy, task, samples=8, pairs=3, max_new_tokens=40, seed=1) == pairs
    assert generate_pairs(policy, task, samples=8, pairs=3, max_new_tokens=40, seed=2) != pairs


def test_pairs_tokenised_together_are_those_alone(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [contexts.in_context(policy.tokenizer, [pair], OPTIONS)[0] for pair in PAIRS]
    for together in (1, 2, 64):
        monkeypatch.setattr(contexts, "TOGETHER", together)
        assert contexts.in_context(policy.tokenizer, PAIRS, OPTIONS) == alone
    assert len({one for row in alone for one in row}) == 3 + 2
