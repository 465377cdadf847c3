"""`GRPOTrainer` is TRL's where the rule changes nothing, and does what the rule says where it does."""

import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.credit import Group, Head, group_influence
from antigrad.credit.nthr import Nthr
from helpers.grpo import (
    EACH,
    EXACT,
    SELECTING,
    SEQUENCE,
    WHOLE,
    judged,
    logged,
    loud,
    make,
    options,
    ours,
    recording,
    reward,
    stock,
    weights,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # other people's deprecations
    pytest.mark.skipif(not importlib.metadata.version("trl").startswith("1.16."), reason="written against TRL 1.16"),
]


@pytest.mark.parametrize("name", EXACT | SEQUENCE)
def test_without_a_rule_it_is_trl_bit_for_bit(trained: Callable[..., Any], name: str) -> None:
    """Measured or not: with measurements at every second step."""
    settings = (EXACT | SEQUENCE)[name]
    mine = trained(options=options(measure_every=2), **settings)
    assert torch.equal(weights(mine), weights(trained(stock(), **settings)))


@pytest.mark.parametrize("name", EXACT)
def test_a_rule_that_changes_nothing_is_trl_bit_for_bit(trained: Callable[..., Any], name: str) -> None:
    settings = EXACT[name] | WHOLE
    mine = trained(credit="nthr(eta=1,beta=-1000000)", **settings)
    assert torch.equal(weights(mine), weights(trained(stock(), **settings)))


def test_putting_groups_together_changes_the_order_of_sums_only(trained: Callable[..., Any]) -> None:
    mine = trained(credit="nthr(eta=1)")
    assert mine.states_from == "training_forward"
    torch.testing.assert_close(weights(mine), weights(trained(stock())), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "rule", [SELECTING, "positives_only", "psr", "nsr", "w_reinforce", "asym_re", "grpo_n(denominator=kept)", "resrl"]
)
@pytest.mark.parametrize("settings", [{}, {"num_iterations": 2}], ids=["training_forward", "old_policy_pass"])
def test_other_rules_move_the_weights(trained: Callable[..., Any], rule: str, settings: dict[str, Any]) -> None:
    difference = (weights(trained(credit=rule, **settings)) - weights(trained(stock(), **settings))).abs().max()
    assert 1e-5 < float(difference) < 3e-2


def by_response(seen: Sequence[dict[str, Tensor]]) -> dict[tuple[int, ...], list[float]]:
    """Token weights of each response, by its group and tokens."""
    found: dict[tuple[int, ...], list[float]] = {}
    for batch in seen:
        for row in range(len(batch["group"])):
            mask = batch["completion_mask"][row].bool()
            key = (int(batch["group"][row]), *batch["completion_ids"][row][mask].tolist())
            found[key] = batch["advantages"][row][mask].tolist()
    return found


SOURCES: dict[str, dict[str, Any]] = {
    "training_forward": {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4},
    "own_pass": {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8},
    "old_policy_pass": {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2, "num_iterations": 2},
}


@pytest.mark.parametrize("rule", [SELECTING, "resrl"])
def test_states_from_any_forward_give_the_same_weights(tmp_path: Path, rule: str) -> None:
    """The same sixteen responses, weighed from three different passes, and by hand."""
    found: dict[str, dict[tuple[int, ...], list[float]]] = {}
    for source, settings in SOURCES.items():
        trainer = make(recording(), tmp_path, credit=rule, max_steps=1, **settings, **EACH)
        assert trainer.states_from == source
        trainer.train()
        assert logged(trainer)[0]["credit/own_pass"] == (source == "own_pass")
        found[source] = by_response(trainer.seen)
    first = found["training_forward"]
    assert any(len(set(values)) > 1 for values in first.values())  # it does select tokens
    for others in found.values():
        assert others.keys() == first.keys()
        for key, values in first.items():
            assert others[key] == pytest.approx(values, abs=2e-6)


def test_weights_are_those_of_the_rule_on_the_sampling_policy(tmp_path: Path) -> None:
    """Against scores from a plain forward of an untouched copy of the model."""
    trainer = make(recording(), tmp_path, credit="nthr(beta=0.5,anchor=others)", max_steps=1)
    copy = make(stock(), tmp_path).model.eval()
    trainer.train()
    batches = trainer.seen
    joined = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0] if batches[0][key].ndim}
    rule, mixed = Nthr(beta=0.5, anchor="others"), 0
    for number in joined["group"].unique():
        rows = (joined["group"] == number).nonzero()[:, 0]
        ids, mask = joined["completion_ids"][rows], joined["completion_mask"][rows].bool()
        whole = torch.cat([joined["prompt_ids"][rows], ids], 1)
        attention = torch.cat([joined["prompt_mask"][rows], joined["completion_mask"][rows]], 1)
        with torch.no_grad():
            states = copy.base_model(input_ids=whole, attention_mask=attention).last_hidden_state
        hidden = states[:, -ids.shape[1] - 1 : -1]
        texts = trainer.processing_class.batch_decode(ids, skip_special_tokens=True)
        correct = torch.tensor([judged(text) > 0.5 for text in texts])
        assert correct.tolist() == joined["correct"][rows].tolist()
        if correct.all() or not correct.any():
            assert not joined["advantages"][rows].any()
            continue
        mixed += 1
        advantages = correct.float() - correct.float().mean()
        advantages = advantages / (correct.float().std() + 1e-4)
        influence = group_influence(hidden, ids, mask, correct, Head(copy.get_output_embeddings().weight.detach()))
        wanted = rule(Group(ids, mask, correct, advantages, influence))
        torch.testing.assert_close(joined["advantages"][rows], wanted, atol=1e-6, rtol=0)
    assert mixed >= 1


def of_tools(prompts: list[str], trainer: Any) -> dict[str, Any]:
    """Responses of eight tokens, of which a tool wrote the third and the fourth."""
    ids = [trainer.processing_class(prompt).input_ids for prompt in prompts]
    draw = torch.Generator().manual_seed(5)
    written = [[*torch.randint(0, 28, (7,), generator=draw).tolist(), 29] for _ in prompts]
    masks = [[1, 1, 0, 0, 1, 1, 1, 1] for _ in prompts]
    return {"prompt_ids": ids, "completion_ids": written, "logprobs": None, "env_mask": masks}


@pytest.mark.parametrize("settings", [{}, {"num_iterations": 2}], ids=["training_forward", "old_policy_pass"])
def test_what_a_tool_wrote_counts_for_nothing(tmp_path: Path, settings: dict[str, Any]) -> None:
    """It has no weight, and no part in the scores of other tokens; attention reads it."""
    trainer = make(recording(), tmp_path, credit=SELECTING, rollout_func=of_tools, max_steps=1, **EACH, **settings)
    copy = make(stock(), tmp_path).model.eval()
    trainer.train()
    joined = {key: torch.cat([batch[key] for batch in trainer.seen]) for key in ("prompt_ids", "completion_ids")}
    joined |= {key: torch.cat([batch[key] for batch in trainer.seen]) for key in ("correct", "group", "advantages")}
    whole = torch.cat([joined["prompt_ids"], joined["completion_ids"]], 1)
    with torch.no_grad():
        hidden = copy.base_model(input_ids=whole).last_hidden_state[:, -9:-1]
    mask = torch.tensor([1, 1, 0, 0, 1, 1, 1, 1]).bool().expand(4, 8)
    head, weakened, wrong = Head(copy.get_output_embeddings().weight.detach()), 0, 0
    for number in joined["group"].unique():
        rows = (joined["group"] == number).nonzero()[:, 0]
        correct, ids = joined["correct"][rows], joined["completion_ids"][rows]
        assert correct.any()
        assert not correct.all()
        scores = group_influence(hidden[rows], ids, mask, correct, head)
        advantages = correct.float() - correct.float().mean()
        wanted = Nthr(anchor="others", eta=0)(Group(ids, mask, correct, advantages / advantages.std(), scores))
        torch.testing.assert_close(joined["advantages"][rows], wanted, atol=1e-3, rtol=0)
        weakened += int((wanted[~correct][:, mask[0]] == 0).sum())
        wrong += 6 * int((~correct).sum())
    assert logged(trainer)[0]["credit/selected"] == pytest.approx(weakened / wrong)
    assert 0 < weakened != wrong - weakened


def test_weights_stay_those_of_the_sampling_policy_in_later_updates(tmp_path: Path) -> None:
    trainer = make(recording(), tmp_path, credit=SELECTING, max_steps=2, num_iterations=2, learning_rate=1e-2)
    trainer.train()
    half = len(trainer.seen) // 2
    first, second = by_response(trainer.seen[:half]), by_response(trainer.seen[half:])
    assert first == second
    assert any(0.0 in values for values in first.values())


def test_the_verifier_decides_and_not_the_sign_of_the_advantage(tmp_path: Path) -> None:
    trainer = make(
        recording(), tmp_path, rewards=[loud, reward], credit="psr", options=options(verifier="reward"), max_steps=1
    )
    trainer.train()
    for batch in trainer.seen:
        for row, text in enumerate(
            trainer.processing_class.batch_decode(batch["completion_ids"], skip_special_tokens=True)
        ):
            mask = batch["completion_mask"][row].bool()
            assert set(batch["advantages"][row][mask].tolist()) == {judged(text)}


def nobody(completions: Sequence[str], **_: Any) -> list[float | None]:
    """Scores the first response of each pair only."""
    return [judged(text) if place % 2 else None for place, text in enumerate(completions)]


def test_what_nobody_scored_counts_for_nothing(tmp_path: Path) -> None:
    trainer = make(recording(), tmp_path, rewards=nobody, credit="w_reinforce", max_steps=1)
    trainer.train()
    unscored = [row for batch in trainer.seen for row in batch["advantages"][~batch["scored"]]]
    assert len(unscored) == 4
    assert not torch.stack(unscored).any()
    assert bool(torch.isfinite(weights(trainer)).all())


def test_truncated_responses_count_for_nothing(tmp_path: Path) -> None:
    """Rows without a token that counts, with an advantage: no NaN, no weight."""
    trainer = make(recording(), tmp_path, credit=SELECTING, mask_truncated_completions=True, max_completion_length=16)
    trainer.train()
    empty = [row for batch in trainer.seen for row in batch["advantages"][~batch["completion_mask"].any(-1)]]
    assert empty
    assert not torch.stack(empty).any()
    assert bool(torch.isfinite(weights(trainer)).all())


def test_the_parts_of_the_gradient_make_the_whole(tmp_path: Path) -> None:
    for rule in ("none", "w_reinforce"):
        trainer = make(ours(), tmp_path, credit=rule, options=options(measure_every=1), max_grad_norm=0.01, **EACH)
        trainer.train()
        for row in logged(trainer):
            up, down, cosine = (row[f"credit/{name}"] for name in ("grad_norm_up", "grad_norm_down", "cos_up_down"))
            assert row["grad_norm"] ** 2 == pytest.approx(up**2 + down**2 + 2 * cosine * up * down, rel=1e-4)
            assert up > 0
            assert down > 0


@pytest.mark.parametrize(("rule", "up", "down"), [("positives_only", 1, 0), ("negatives_only", 0, 1)])
def test_a_rule_with_one_part_has_the_gradient_of_one_part(tmp_path: Path, rule: str, up: int, down: int) -> None:
    trainer = make(ours(), tmp_path, credit=rule, options=options(measure_every=1), **EACH)
    trainer.train()
    for row in logged(trainer):
        assert row["credit/grad_norm_up"] == pytest.approx(up * row["grad_norm"], rel=1e-4, abs=1e-6)
        assert row["credit/grad_norm_down"] == pytest.approx(down * row["grad_norm"], rel=1e-4, abs=1e-6)
