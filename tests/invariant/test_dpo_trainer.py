"""Our DPOTrainer: stock TRL bit for bit without a rule and at factor 1, the written-out loss with one."""

from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.core import InputValueError, ManyInputsError
from antigrad.objectives import PAIR_LOSSES, PairLogps
from antigrad.objectives.pairs.vpo import constraint
from helpers.dpo import EXACT, SORTED, batch, gradient, make, moved, rows
from helpers.grpo import weights

trl = pytest.importorskip("trl")
from antigrad.posttraining.train.dpo.columns import FACTOR  # noqa: E402
from antigrad.posttraining.train.dpo.trainer import DPOTrainer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations


def one_loss(kind: type, folder: Path, **options: Any) -> tuple[Any, torch.Tensor, torch.Tensor]:
    trainer = moved(make(kind, folder, **options))
    trainer._set_signature_columns_if_needed()
    loss = trainer.compute_loss(trainer.model, batch(trainer))
    loss.backward()
    return trainer, loss.detach(), gradient(trainer)


@pytest.mark.parametrize("name", [*EXACT, *SORTED])
def test_without_a_rule_it_is_trl_bit_for_bit(name: str, tmp_path: Path) -> None:
    options = (EXACT | SORTED)[name]
    results = []
    for kind in (trl.DPOTrainer, DPOTrainer):
        trainer = make(kind, tmp_path, **options)
        trainer.train()
        results.append((weights(trainer), [row.get("loss") for row in trainer.state.log_history]))
    assert torch.equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


@pytest.mark.parametrize("name", EXACT)
def test_at_factor_one_it_is_trl_bit_for_bit(name: str, tmp_path: Path) -> None:
    _, loss, stock = one_loss(trl.DPOTrainer, tmp_path, **EXACT[name])
    trainer, ours, found = one_loss(DPOTrainer, tmp_path, credit="fixed(factor=1)", **EXACT[name])
    assert torch.equal(loss, ours)
    assert torch.equal(stock, found)
    assert trainer._metrics["train"]["credit/factor"] == [1.0]


def test_the_loss_is_vpo_written_out(tmp_path: Path) -> None:
    """Against `objectives`, from log-probabilities of a plain forward."""
    trainer = moved(make(DPOTrainer, tmp_path, credit="vpo"))
    trainer._set_signature_columns_if_needed()
    inputs = batch(trainer)
    loss = trainer.compute_loss(trainer.model, dict(inputs))
    loss.backward()
    found = gradient(trainer)
    trainer.model.zero_grad()
    ids, mask = inputs["input_ids"], inputs["completion_mask"][:, 1:]

    def sums(model: Any) -> torch.Tensor:
        log_probs = torch.log_softmax(model(input_ids=ids, attention_mask=inputs["attention_mask"]).logits[:, :-1], -1)
        return (log_probs.gather(-1, ids[:, 1:, None])[..., 0] * mask).sum(1)

    chosen, rejected = sums(trainer.model).chunk(2)
    with torch.no_grad():
        reference = sums(trainer.ref_model).chunk(2)
    pvi = torch.tensor([row["pvi"] for row in rows()[:4]])
    torch.testing.assert_close(inputs[FACTOR], 1 - constraint(pvi))
    out = PAIR_LOSSES.make("vpo(beta=0.5)")(PairLogps(chosen, rejected, *reference, pvi=pvi))
    out.parts.total().backward()
    assert loss.item() == pytest.approx(out.parts.total().item(), abs=1e-6)
    torch.testing.assert_close(found, gradient(trainer), atol=1e-6, rtol=1e-5)
    _, stock, _ = one_loss(trl.DPOTrainer, tmp_path)
    assert abs(stock.item() - loss.item()) > 1e-3  # the column did something


@pytest.mark.parametrize("name", ["ipo", "hinge", "rpo", "sigmoid_norm", "apo_zero", "nca_pair"])
def test_every_loss_type_gets_scaled_log_ratios(name: str, tmp_path: Path) -> None:
    ours = {"ipo": "ipo(margin=1,per_token=true)", "hinge": "hinge(beta=0.5)", "rpo": "rpo(beta=0.5,alpha=0.5)"}
    trainer, loss, _ = one_loss(DPOTrainer, tmp_path, credit="fixed(factor=0.3)", **EXACT[name])
    policy, reference = _log_probs(trainer)
    (chosen, rejected), (ref_chosen, ref_rejected) = policy.chunk(2), reference.chunk(2)
    mask = batch(trainer)["completion_mask"][:, 1:].sum(1)
    pairs = PairLogps(chosen, 0.3 * rejected, ref_chosen, 0.3 * ref_rejected, *mask.chunk(2))
    out = PAIR_LOSSES.make(ours.get(name, f"{name.removesuffix('_pair')}(beta=0.5)"))(pairs)
    expected = out.parts.total()
    if name == "rpo":  # TRL's likelihood term is a mean over tokens, here all responses are as long
        assert len(set(mask.chunk(2)[0].tolist())) == 1
    assert loss.item() == pytest.approx(expected.item(), abs=2e-6)


def _log_probs(trainer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = batch(trainer)
    ids, mask = inputs["input_ids"], inputs["completion_mask"][:, 1:]
    found = []
    for model in (trainer.model, trainer.ref_model):
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=inputs["attention_mask"]).logits[:, :-1]
        found.append((torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])[..., 0] * mask).sum(1))
    return found[0], found[1]


def test_wpo_weighs_by_the_policy_s_own_likelihood(tmp_path: Path) -> None:
    """Its weights are made of log-probabilities too; they must not see the factor."""
    plain, loss, _ = one_loss(trl.DPOTrainer, tmp_path, use_weighting=True)
    policy, reference = _log_probs(plain)
    (chosen, rejected), (ref_chosen, ref_rejected) = policy.chunk(2), reference.chunk(2)
    losses = [
        -torch.nn.functional.logsigmoid(0.5 * (chosen - ref_chosen - factor * (rejected - ref_rejected)))
        for factor in (1.0, 0.3)
    ]
    # All pairs of a batch of one have one weight: it is what is left after division by the loss.
    for row in range(4):
        found = []
        for kind, options in ((trl.DPOTrainer, {}), (DPOTrainer, {"credit": "fixed(factor=0.3)"})):
            trainer = moved(make(kind, tmp_path, [rows()[row]], use_weighting=True, **options))
            trainer._set_signature_columns_if_needed()
            found.append(trainer.compute_loss(trainer.model, batch(trainer, 1)).item())
        weight = found[0] / losses[0][row].item()
        assert found[1] / losses[1][row].item() == pytest.approx(weight, rel=1e-4)
    assert loss.item() > 0


def test_logs_are_those_of_the_policy(tmp_path: Path) -> None:
    stock, _, _ = one_loss(trl.DPOTrainer, tmp_path)
    ours, _, _ = one_loss(DPOTrainer, tmp_path, credit="vpo")
    for name in ("logps/chosen", "logps/rejected", "rewards/chosen", "rewards/rejected", "rewards/margins"):
        assert ours._metrics["train"][name] == pytest.approx(stock._metrics["train"][name], abs=1e-5), name
    assert ours._metrics["train"]["rewards/accuracies"] == stock._metrics["train"]["rewards/accuracies"]
    expected = (1 - constraint(torch.tensor([row["pvi"] for row in rows()[:4]]))).mean().item()
    assert ours._metrics["train"]["credit/factor"] == pytest.approx([expected])
    assert ours._metrics["train"]["credit/constrained"] == [0.75]


def test_a_precomputed_reference_gives_the_same_loss(tmp_path: Path) -> None:
    _, one, _ = one_loss(DPOTrainer, tmp_path, credit="vpo")
    _, other, _ = one_loss(DPOTrainer, tmp_path, credit="vpo", precompute_ref_log_probs=True)
    assert one.item() == pytest.approx(other.item(), rel=1e-6)


def test_references_of_another_length_are_not_found_in_the_cache(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_list(rows()).save_to_disk(str(tmp_path / "data"))
    found = []
    for length in (40, 4):
        data = Dataset.load_from_disk(str(tmp_path / "data"))
        trainer = make(DPOTrainer, tmp_path, precompute_ref_log_probs=True, max_length=length)
        trainer.train_dataset = data
        prepared = trainer._prepare_dataset(data, trainer.processing_class, trainer.args, "train")
        found.append(trainer._precompute_ref_logps(prepared, "train", 4)["ref_rejected_logps"])
    assert min(abs(a - b) for a, b in zip(*found, strict=True)) > 1e-3


def test_a_row_keeps_its_factor_when_others_are_dropped(tmp_path: Path) -> None:
    data = rows()
    data[1]["prompt"] = " ".join(["w1"] * 30)
    trainer = make(DPOTrainer, tmp_path, data, credit="vpo", max_length=20)
    assert len(trainer.train_dataset) == 7
    pvi = torch.tensor([row["pvi"] for place, row in enumerate(data) if place != 1], dtype=torch.float64)
    assert trainer.train_dataset[FACTOR] == pytest.approx((1 - constraint(pvi)).tolist())


def test_orders_are_of_the_whole_data_set(tmp_path: Path) -> None:
    trainer = make(DPOTrainer, tmp_path, credit="shuffled")
    expected = sorted((1 - constraint(torch.tensor([row["pvi"] for row in rows()]))).tolist())
    assert sorted(trainer.train_dataset[FACTOR]) == pytest.approx(expected)
    assert make(DPOTrainer, tmp_path, credit="ches").train_dataset[FACTOR][0] == 1.0
    assert make(DPOTrainer, tmp_path, credit="safe").train_dataset[FACTOR] == pytest.approx(
        [1, 1, 1, 1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    )


def test_a_schedule_ends_where_it_should(tmp_path: Path) -> None:
    trainer = make(DPOTrainer, tmp_path, credit="schedule(start=0.5,end=1)", max_steps=5)
    trainer.train()
    factors = [row["credit/factor"] for row in trainer.state.log_history if "credit/factor" in row]
    assert factors == pytest.approx([0.5, 0.625, 0.75, 0.875, 1.0])


def test_evaluation_is_on_the_loss_without_the_rule(tmp_path: Path) -> None:
    from datasets import Dataset

    losses = []
    for kind, options in ((trl.DPOTrainer, {}), (DPOTrainer, {"credit": "vpo"})):
        trainer = moved(make(kind, tmp_path, eval_dataset=Dataset.from_list(rows(4)), **options))
        losses.append(trainer.evaluate()["eval_loss"])
    assert losses[0] == losses[1]


def test_a_rule_is_learned_by(tmp_path: Path) -> None:
    """Factor 0 leaves the rejected responses out: they are pushed by nothing but what is shared."""
    ends = {}
    for credit in ("none", "fixed(factor=0)"):
        trainer = make(DPOTrainer, tmp_path, credit=credit, max_steps=12, learning_rate=5e-3)
        trainer.train()
        row = [one for one in trainer.state.log_history if "logps/rejected" in one][-1]
        ends[credit] = row["logps/rejected"]
    assert ends["none"] < ends["fixed(factor=0)"] - 1


def test_adapters(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    results = []
    for kind, options in ((trl.DPOTrainer, {}), (DPOTrainer, {}), (DPOTrainer, {"credit": "vpo"})):
        torch.manual_seed(0)
        lora = peft.LoraConfig(r=2, task_type="CAUSAL_LM")
        trainer = make(kind, tmp_path, peft_config=lora, **options)
        trainer.train()
        results.append(torch.cat([one.detach().flatten() for one in trainer.model.parameters() if one.requires_grad]))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"credit": "vpoo"}, "did you mean 'vpo'"),
        ({"credit": "fixed(factor=1.05)"}, "above it DPO diverges"),
        ({"loss_type": ["sigmoids"]}, "loss_type=sigmoids"),
        ({"credit": "vpo", "loss_type": ["aot"]}, "aot sorts pairs apart"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ManyInputsError, match=says):
        make(DPOTrainer, tmp_path, **options)


def test_columns_that_are_missing_or_no_numbers(tmp_path: Path) -> None:
    data = [{key: value for key, value in row.items() if key != "pvi"} for row in rows()]
    with pytest.raises(InputValueError, match="without the column pvi"):
        make(DPOTrainer, tmp_path, data, credit="vpo")
    with pytest.raises(InputValueError, match="pvi of rows \\[2\\] is no number"):
        make(
            DPOTrainer, tmp_path, [row | {"pvi": None if n == 1 else 0.0} for n, row in enumerate(rows())], credit="vpo"
        )


def test_a_column_that_never_reaches_the_loss_is_an_error(tmp_path: Path) -> None:
    trainer = moved(make(DPOTrainer, tmp_path, credit="vpo"))
    inputs = batch(trainer)
    inputs.pop(FACTOR)
    with pytest.raises(InputValueError, match=FACTOR):
        trainer.compute_loss(trainer.model, inputs)


def test_a_column_never_reaches_the_model(tmp_path: Path) -> None:
    trainer = moved(make(DPOTrainer, tmp_path, credit="vpo"))
    seen: list[set[str]] = []
    trainer.model.register_forward_pre_hook(lambda _m, _a, kwargs: seen.append(set(kwargs)), with_kwargs=True)
    trainer.compute_loss(trainer.model, batch(trainer))
    assert seen and all(FACTOR not in keys for keys in seen)
