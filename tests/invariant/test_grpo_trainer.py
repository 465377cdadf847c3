"""`GRPOTrainer` is TRL's where the rule changes nothing, and does what the rule says where it does."""

import importlib.metadata
import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import ManyInputsError
from antigrad.credit import Group, Head, group_influence
from antigrad.credit.nthr import Nthr
from helpers.grpo import EXACT, GROUP_SIZE, SEQUENCE, judged, make, reward, weights

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # other people's deprecations
    pytest.mark.skipif(not importlib.metadata.version("trl").startswith("1.16."), reason="written against TRL 1.16"),
]
SELECTING = "nthr(anchor=others,eta=0)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Train three steps, once for each set of options."""

    @cache
    def run(kind: type | None = None, **options: Any) -> Any:
        trainer = make(kind or ours(), tmp_path_factory.mktemp("run"), **options)
        trainer.train()
        return trainer

    return run


def ours() -> type:
    from antigrad.posttraining.train.grpo import GRPOTrainer

    return GRPOTrainer


def stock() -> type:
    from trl import GRPOTrainer

    return GRPOTrainer


def options(**given: Any) -> Any:
    from antigrad.posttraining.train.grpo import CreditOptions

    return CreditOptions(**given)


@pytest.mark.parametrize("name", EXACT | SEQUENCE)
def test_without_a_rule_it_is_trl_bit_for_bit(trained: Callable[..., Any], name: str) -> None:
    """Measured or not: with measurements at every second step."""
    settings = (EXACT | SEQUENCE)[name]
    mine = trained(options=options(measure_every=2), **settings)
    assert torch.equal(weights(mine), weights(trained(stock(), **settings)))


WHOLE = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}


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


class Recording:
    """Mixed into a trainer: keeps the weights that reach the loss, and what they should be."""

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        loss = super()._compute_loss(model, inputs)  # type: ignore[misc]
        self.__dict__.setdefault("seen", []).append({key: value.detach().clone() for key, value in inputs.items()})
        return loss


@cache
def recording() -> type:
    return type("Recorded", (Recording, ours()), {})


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


def loud(completions: Sequence[str], **_: Any) -> list[float]:
    """A bonus that outweighs the verifier, against it."""
    return [-3 * judged(text) for text in completions]


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


def logged(trainer: Any) -> list[dict[str, float]]:
    return [row for row in trainer.state.log_history if "loss" in row]


EACH = {"logging_strategy": "steps", "logging_steps": 1}


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


@pytest.mark.parametrize("rule", ["positives_only", "negatives_only"])
def test_displacement_is_what_the_step_did(tmp_path: Path, rule: str) -> None:
    """Against log-probabilities of the model before, a copy, and after, from a plain forward."""
    trainer = make(
        recording(), tmp_path, credit=rule, options=options(measure_every=1), max_steps=1, learning_rate=1e-2, **EACH
    )
    before = make(stock(), tmp_path).model.eval()
    trainer.train()
    sums = {True: [], False: []}
    for batch in trainer.seen:
        whole = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        change = sequence_log_probs(trainer.model.eval(), whole, attention, batch) - sequence_log_probs(
            before, whole, attention, batch
        )
        for row in batch["mixed"].nonzero()[:, 0].tolist():
            sums[bool(batch["correct"][row])].append(float(change[row]))
    row = logged(trainer)[0]
    means = {correct: sum(found) / len(found) for correct, found in sums.items()}
    assert row["credit/delta_correct_step"] == pytest.approx(means[True], abs=1e-4)
    assert row["credit/delta_wrong_step"] == pytest.approx(means[False], abs=1e-4)
    if rule == "positives_only":
        assert means[True] > 1e-3
    else:
        assert means[False] < -1e-3


def test_measuring_sees_no_dropout_and_leaves_no_trace(tmp_path: Path) -> None:
    """Training forwards with dropout are not the policy's: a step of no size would seem to move responses."""
    given = {"peft_config": lora(lora_dropout=0.5), "max_steps": 2, **EACH}
    after = {}
    for name, kind, more in (
        ("stock", stock(), {}),
        ("ours", ours(), {"options": options(measure_every=1)}),
        ("still", ours(), {"options": options(measure_every=1), "learning_rate": 1e-12}),
    ):
        trainer = make(kind, tmp_path, **given, **more)
        # Adapters that do something, so that dropping some of them does too.
        draw = torch.Generator().manual_seed(0)
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = torch.randn(parameter.shape, generator=draw)
        trainer.train()
        after[name] = trainer
    assert torch.equal(weights(after["ours"]), weights(after["stock"]))
    for row in logged(after["still"]):
        assert row["credit/delta_correct_step"] == pytest.approx(0, abs=1e-4)


@torch.no_grad()
def sequence_log_probs(model: Any, whole: Tensor, attention: Tensor, batch: dict[str, Tensor]) -> Tensor:
    length = batch["completion_ids"].shape[1]
    logits = model(input_ids=whole, attention_mask=attention).logits[:, -length - 1 : -1]
    chosen = logits.log_softmax(-1).gather(-1, batch["completion_ids"][..., None])[..., 0]
    return (chosen * batch["completion_mask"]).sum(-1)


def test_what_earlier_updates_did_is_logged_without_a_forward(tmp_path: Path) -> None:
    """Two updates a batch: before the second, the responses are read anyway."""
    trainer = make(
        ours(),
        tmp_path,
        credit="positives_only",
        options=options(measure_every=0),
        num_iterations=2,
        max_steps=2,
        learning_rate=1e-2,
        **EACH,
    )
    trainer.train()
    first, second = (row["credit/delta_correct_since_sampling"] for row in logged(trainer))
    assert first == pytest.approx(0, abs=1e-5)
    assert second > 1e-3


def test_llds_adds_its_penalty_once_responses_have_lost_likelihood(trained: Callable[..., Any], tmp_path: Path) -> None:
    once = {"num_iterations": 2, "max_steps": 1}
    assert torch.equal(weights(trained(credit="llds", **once)), weights(trained(**once)))  # at the first update it is 0
    losses = {}
    for rule in ("none", "llds(coefficient=5)"):
        trainer = make(recording(), tmp_path, credit=rule, **once)
        trainer.train()
        batch = trainer.seen[0]
        mask, length = batch["completion_mask"], batch["completion_ids"].shape[1]
        whole = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        attention = torch.cat([batch["prompt_mask"], mask], 1)
        now = trainer._get_per_token_logps_and_entropies(trainer.model, whole, attention, length)[0]
        trainer.model.train()
        losses[rule] = float(trainer._compute_loss(trainer.model, batch | {"old_per_token_logps": now.detach() + 0.5}))
    # Each correct response lost half a nat a token; two micro-batches make a step.
    assert losses["llds(coefficient=5)"] - losses["none"] == pytest.approx(5 * 0.5 / 2, abs=1e-5)


def rare(completions: Sequence[str], **_: Any) -> list[float]:
    """Few responses are correct, so most groups have no contrast."""
    return [float(hash_of(text) % 16 == 0) for text in completions]


def hash_of(text: str) -> int:
    import hashlib

    return hashlib.sha256(text.encode()).digest()[1]


def noting(scored: Callable[..., Any], rounds: list[float], inputs: Any) -> Any:
    from antigrad.posttraining.train.grpo.weights import Groups

    batch, states = scored(inputs)
    rounds.append(1 - float(Groups.of(batch).mixed().float().mean()))
    return batch, states


def test_processes_draw_different_prompts(tmp_path: Path) -> None:
    """Both together what one process would draw."""
    asked: dict[int, list[list[str]]] = {}
    for processes in (1, 2):
        for rank in range(processes):
            trainer = make(ours(), tmp_path, options=options(resample=1), gradient_accumulation_steps=4)
            # As in one of several processes, up to the point where prompts are drawn.
            trainer.accelerator = SimpleNamespace(
                process_index=rank, num_processes=processes, gather=lambda tensor: tensor
            )
            fresh: list[Any] = []
            trainer._scored = fresh.append
            rows = 16 // processes
            idle = {"completion_ids": torch.zeros(rows, 1).long(), "completion_mask": torch.ones(rows, 1).long()}
            idle |= {"correct": torch.zeros(rows).bool(), "scored": torch.ones(rows).bool()}
            idle |= {"advantages": torch.zeros(rows), "group": torch.arange(rows) // 4}
            with pytest.raises(TypeError, match="unpack"):  # nothing was sampled
                trainer._refilled([{}] * rows, idle, None)
            asked.setdefault(processes, []).append([row["prompt"] for row in fresh[0][::4]])
    assert [*asked[2][0], *asked[2][1]] == asked[1][0]
    assert asked[2][0] != asked[2][1]


def test_dynamic_sampling_fills_the_batch_with_contrast(tmp_path: Path) -> None:
    shares: dict[int, list[float]] = {}
    found: dict[int, Any] = {}
    for limit in (0, 20):
        trainer = make(
            recording(),
            tmp_path,
            rewards=rare,
            credit="none",
            options=options(resample=limit),
            gradient_accumulation_steps=4,
            **EACH,
        )
        rounds: list[float] = []  # share of responses without contrast, of each sampling
        trainer._scored = partial(noting, trainer._scored, rounds)
        trainer.train()
        shares[limit] = [float(batch["mixed"].float().mean()) for batch in trainer.seen]
        for batch in trainer.seen:
            rows = batch["mixed"] if limit else torch.zeros(0, dtype=torch.long)
            assert batch["advantages"][rows].abs().sum() > 0 or not len(rows)
            assert (batch["completion_ids"][~batch["completion_mask"].bool()] == 28).all()
        if limit:  # the token-normalised loss divides by what is in the batch now
            steps = [trainer.seen[place : place + 4] for place in range(0, len(trainer.seen), 4)]
            for step in steps:
                assert int(step[0]["num_items_in_batch"]) == sum(int(batch["completion_mask"].sum()) for batch in step)
        else:
            assert not any("credit/resampled" in row for row in logged(trainer))
        found[limit] = rounds, [row.get("credit/resampled") for row in logged(trainer)]
    rounds, replaced = found[20]
    assert len(rounds) > 2 * len(replaced)  # more than one further round for a batch
    assert replaced[0] == rounds[0] > 0  # each was replaced once, in whatever round
    assert sum(shares[20]) / len(shares[20]) == 1
    assert sum(shares[0]) / len(shares[0]) < 0.9


def test_checkpointed_activations_change_nothing(trained: Callable[..., Any]) -> None:
    plain = trained(credit=SELECTING, options=options(measure_every=1))
    saved = trained(credit=SELECTING, options=options(measure_every=1), gradient_checkpointing=True)
    torch.testing.assert_close(weights(saved), weights(plain), atol=1e-6, rtol=0)


def lora(**given: Any) -> Any:
    from peft import LoraConfig

    return LoraConfig(**{"r": 4, "task_type": "CAUSAL_LM", "target_modules": ["q_proj", "v_proj"], **given})


@pytest.mark.parametrize(
    "settings", [{}, {"num_iterations": 2, "beta": 0.05}], ids=["training_forward", "old_policy_pass"]
)
def test_with_adapters_states_are_those_of_the_adapted_policy(tmp_path: Path, settings: dict[str, Any]) -> None:
    """After two steps adapters are no longer zero: a pass with adapters off would give other weights."""
    trainer = make(
        recording(), tmp_path, credit=SELECTING, peft_config=lora(), max_steps=4, learning_rate=0.3, **settings
    )
    heard: list[Tensor] = []
    own = trainer._weighed
    trainer._weighed = lambda batch, states: heard.append(difference(trainer, batch, states)) or own(batch, states)
    trainer.train()
    assert torch.stack([gap for gap, _ in heard]).max() < 1e-4
    assert torch.stack([gap for _, gap in heard]).max() > 1e-2  # from the states without adapters


@torch.no_grad()
def difference(trainer: Any, batch: dict[str, Tensor], states: Tensor) -> Any:
    whole = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    length, mask = batch["completion_ids"].shape[1], batch["completion_mask"].bool()

    def plain() -> Tensor:
        out = trainer.model.get_base_model().base_model(input_ids=whole, attention_mask=attention)
        return out.last_hidden_state[:, -length - 1 : -1]

    on = plain()
    with trainer.model.disable_adapter():
        off = plain()
    return (states - on)[mask].abs().max(), (states - off)[mask].abs().max()


def test_evaluation_is_left_alone(tmp_path: Path) -> None:
    trainer = make(ours(), tmp_path, credit=SELECTING, per_device_eval_batch_size=4)
    theirs = make(stock(), tmp_path, per_device_eval_batch_size=4)
    torch.manual_seed(3)
    mine = trainer.evaluate(trainer.train_dataset)
    torch.manual_seed(3)
    others = theirs.evaluate(theirs.train_dataset)
    assert mine["eval_reward"] == others["eval_reward"]
    assert mine["eval_loss"] == others["eval_loss"]


def test_held_out_passes_are_means_over_questions(tmp_path: Path) -> None:
    """Three questions in batches of two and one: the last batch must not weigh double."""
    trainer = make(ours(), tmp_path, per_device_eval_batch_size=8)
    verdicts: list[Tensor] = []
    own = trainer._calculate_rewards
    trainer._calculate_rewards = lambda *given: verdicts.append(own(*given)) or verdicts[-1]
    found = trainer.evaluate(trainer.train_dataset.select(range(3)))
    rewards = torch.cat(verdicts)[:, 0].view(3, 4)
    assert found["eval_credit/pass@1"] == pytest.approx(float(rewards.mean()))
    assert found["eval_credit/pass@4"] == pytest.approx(float(rewards.amax(1).mean()))
    assert found["eval_credit/pass@1"] != pytest.approx(found["eval_reward"])


def test_reward_functions_have_the_names_of_trls_logs(tmp_path: Path) -> None:
    from antigrad.posttraining.train.grpo.options import reward_name

    class Judge:
        def __call__(self, completions: Sequence[str], **_: Any) -> list[float]:
            return reward(completions)

    functions = [partial(reward), Judge()]
    trainer = make(ours(), tmp_path, rewards=functions, options=options(verifier="Judge"), credit="psr")
    assert trainer.reward_func_names == [reward_name(one) for one in functions]
    assert trainer._verifier == 1
    model = torch.nn.Linear(1, 1)
    model.config = SimpleNamespace(_name_or_path="someone/judge")  # type: ignore[assignment]
    assert reward_name("someone/judge") == reward_name(model) == "judge"


def test_wrong_combinations_are_said_all_at_once_and_before_a_model_is_loaded(tmp_path: Path) -> None:
    from trl import GRPOConfig

    arguments = GRPOConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, importance_sampling_level="sequence", loss_type="gspo"
    )
    with pytest.raises(ManyInputsError) as caught:
        ours()(
            model="no/such-model",
            reward_funcs=[loud, reward],
            args=arguments,
            credit="nthr",
            options=options(vocabulary="ful", resample=-1, threshold=math.nan),
        )
    text = str(caught.value)
    for said in ("averages the weights", "dapo", "did you mean 'full'", "resample", "threshold", "loud, reward"):
        assert said in text
    assert len(caught.value.problems) == 6


def test_dynamic_sampling_of_a_stream_is_refused(tmp_path: Path) -> None:
    from datasets import Dataset
    from trl import GRPOConfig

    stream = Dataset.from_dict({"prompt": ["w1"]}).to_iterable_dataset()
    arguments = GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, max_steps=1)
    with pytest.raises(ManyInputsError, match="without a length"):
        ours()("no/such-model", reward, arguments, stream, options=options(resample=1))


def test_groups_that_straddle_processes_are_refused_with_the_fix() -> None:
    from antigrad.posttraining.train.grpo.options import check_options

    arguments: Any = SimpleNamespace(
        loss_type="dapo",
        importance_sampling_level="token",
        per_device_train_batch_size=2,
        steps_per_generation=3,
        num_generations=4,
    )
    with pytest.raises(ManyInputsError, match="set steps_per_generation to a multiple of 2"):
        check_options("nthr", options(), arguments, ["correct"], processes=2)
    assert check_options("nthr", options(), arguments, ["correct"], processes=1).needs_influence
    assert GROUP_SIZE == 4


MIDWAY: dict[str, dict[str, Any]] = {
    "plain": {},
    "two_iterations": {"num_iterations": 2},
    "two_updates": {"steps_per_generation": 4},
    "resampled": {"options": {"resample": 2}, "rewards": rare},
}


@pytest.mark.parametrize("name", MIDWAY)
def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path, name: str) -> None:
    """From the middle of a generation batch too, with what was logged on the way."""
    settings = dict(MIDWAY[name])
    given = options(measure_every=2, **settings.pop("options", {}))
    settings |= {
        "credit": SELECTING,
        "options": given,
        "save_strategy": "steps",
        "save_steps": 3,
        "max_steps": 6,
        "learning_rate": 1e-2,
    }
    settings |= {"logging_strategy": "steps", "logging_steps": 2}
    whole = make(ours(), tmp_path / "one", **settings)
    whole.train()
    again = make(ours(), tmp_path / "two", **settings)
    again.train(resume_from_checkpoint=str(tmp_path / "one" / "checkpoint-3"))
    assert torch.equal(weights(whole), weights(again))
    for mine, theirs in zip(logged(whole)[2:], logged(again)[-1:], strict=True):
        for key in ("loss", "reward", "entropy", "credit/mixed", "credit/delta_correct_since_sampling"):
            assert mine.get(key) == theirs.get(key)


def test_an_older_checkpoint_goes_only_when_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between TRL's part of a checkpoint and ours, where one is kept."""
    from antigrad.core.errors import InputValueError
    from antigrad.posttraining.train.grpo import resumed
    from antigrad.posttraining.train.grpo.checkpoint import last_checkpoint

    saved = resumed.save_state

    def killed_at_two(folder: Path, *given: Any) -> None:
        if folder.name == "checkpoint-2":
            raise KeyboardInterrupt
        saved(folder, *given)

    monkeypatch.setattr(resumed, "save_state", killed_at_two)
    trainer = make(ours(), tmp_path, save_strategy="steps", save_steps=1, save_total_limit=1)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-1"
    with pytest.raises(InputValueError, match="saved by 1 processes"):
        last_checkpoint(tmp_path, 2)
    monkeypatch.setattr(resumed, "save_state", saved)
    again = make(ours(), tmp_path, save_strategy="steps", save_steps=1, save_total_limit=1)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-3"]


def test_entries_of_a_batch_that_are_no_tensors_are_kept_too(tmp_path: Path) -> None:
    from antigrad.posttraining.train.grpo.checkpoint import load_state, save_state

    batches = [{"ids": torch.arange(3), "num_images": [1, 2]}, {"ids": torch.arange(2), "num_images": [3]}]
    save_state(tmp_path, 0, {"processes": 1}, batches, torch.Generator().get_state())
    _, found, _ = load_state(tmp_path, 0, torch.device("cpu"))
    assert [batch["num_images"] for batch in found] == [[1, 2], [3]]
    assert [batch["ids"].tolist() for batch in found] == [[0, 1, 2], [0, 1]]


def test_what_a_rule_draws_differs_from_step_to_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one seed for all steps the random control would hit the same places of a group again and again."""
    from antigrad.posttraining.train.grpo import trainer

    weigh, seeds = trainer.weigh, []
    monkeypatch.setattr(trainer, "weigh", lambda *given: seeds.append(given[-1]) or weigh(*given))
    make(ours(), tmp_path, credit="random(anchor=others)", **WHOLE).train()
    assert len(seeds) == len(set(seeds)) == 3


def test_two_reward_functions_of_one_name_are_told_apart_or_refused() -> None:
    from antigrad.posttraining.train.grpo.options import check_options

    arguments: Any = SimpleNamespace(
        loss_type="dapo", importance_sampling_level="token", per_device_train_batch_size=4, steps_per_generation=1,
        num_generations=4, gradient_accumulation_steps=1, num_iterations=1,
    )  # fmt: skip
    with pytest.raises(ManyInputsError, match="2 functions have that name"):
        check_options("nthr", options(verifier="reward"), arguments, ["reward", "reward"], processes=1)
    assert check_options("nthr", options(verifier="reward"), arguments, ["reward", "form"], processes=1).needs_influence
