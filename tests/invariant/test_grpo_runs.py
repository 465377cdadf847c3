"""`GRPOTrainer` over a run: earlier updates, penalties, prompts that are drawn, adapters, checkpoints, refusals."""

import importlib.metadata
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import ManyInputsError
from helpers.grpo import (
    EACH,
    GROUP_SIZE,
    SELECTING,
    logged,
    loud,
    make,
    options,
    ours,
    rare,
    recording,
    reward,
    stock,
    weights,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # other people's deprecations
    pytest.mark.skipif(not importlib.metadata.version("trl").startswith("1.16."), reason="written against TRL 1.16"),
]


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
    """Two updates per batch: before the second, the responses are read anyway."""
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


def test_two_reward_functions_of_one_name_are_told_apart_or_refused() -> None:
    from antigrad.posttraining.train.grpo.options import check_options

    arguments: Any = SimpleNamespace(
        loss_type="dapo", importance_sampling_level="token", per_device_train_batch_size=4, steps_per_generation=1,
        num_generations=4, gradient_accumulation_steps=1, num_iterations=1,
    )  # fmt: skip
    with pytest.raises(ManyInputsError, match="2 functions have that name"):
        check_options("nthr", options(verifier="reward"), arguments, ["reward", "reward"], processes=1)
    assert check_options("nthr", options(verifier="reward"), arguments, ["reward", "form"], processes=1).needs_influence
