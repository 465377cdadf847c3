"""Losses of ours under TRL's trainer: equal to TRL's own where it has them, written out where it has not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.core import ManyInputsError
from antigrad.objectives import PAIR_LOSSES, PairLogps
from helpers.dpo import EXACT, batch, gradient, make, moved
from helpers.grpo import weights

trl = pytest.importorskip("trl")
from antigrad.posttraining.train.dpo.losses import INSTEAD  # noqa: E402
from antigrad.posttraining.train.dpo.trainer import DPOTrainer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations


def one_loss(kind: type, folder: Path, **options: Any) -> tuple[Any, torch.Tensor, torch.Tensor]:
    trainer = moved(make(kind, folder, **options))
    trainer._set_signature_columns_if_needed()
    loss = trainer.compute_loss(trainer.model, batch(trainer))
    loss.backward()
    return trainer, loss.detach(), gradient(trainer)


@pytest.mark.parametrize("credit", ["none", "fixed(factor=0.3)", "vpo"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("dpo(beta=0.5)", "sigmoid"),
        ("ipo(margin=1,per_token=true)", "ipo"),
        ("hinge(beta=0.5)", "hinge"),
        ("nca(beta=0.5)", "nca_pair"),
        ("sigmoid_norm(beta=0.5)", "sigmoid_norm"),
        ("rpo(beta=0.5,alpha=0.5)", "rpo"),
        ("dpo(beta=0.5)", "precomputed"),
    ],
)
def test_where_trl_has_the_loss_it_is_the_same(ours: str, theirs: str, credit: str, tmp_path: Path) -> None:
    _, loss, stock = one_loss(DPOTrainer, tmp_path, credit=credit, **EXACT[theirs])
    more = EXACT[theirs] if theirs == "precomputed" else {}
    trainer, same, found = one_loss(DPOTrainer, tmp_path, credit=credit, loss=ours, **more)
    torch.testing.assert_close(same, loss, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(found, stock, atol=1e-6, rtol=1e-4)
    assert ("credit/factor" in trainer._metrics["train"]) == (credit != "none")


@pytest.mark.parametrize("spec", ["dpop(beta=0.5,penalty=5)", "simpo", "bdpo", "cal_dpo", "slic", "unlikelihood"])
def test_what_trl_has_not_is_written_out(spec: str, tmp_path: Path) -> None:
    """Against a plain forward; the chosen responses of some pairs have fallen, so that a penalty acts."""
    trainer, loss, found = one_loss(DPOTrainer, tmp_path, loss=spec)
    inputs = batch(trainer)
    ids, mask = inputs["input_ids"], inputs["completion_mask"][:, 1:].bool()

    def tokens(model: Any) -> torch.Tensor:
        log_probs = torch.log_softmax(model(input_ids=ids, attention_mask=inputs["attention_mask"]).logits[:, :-1], -1)
        return log_probs.gather(-1, ids[:, 1:, None])[..., 0]

    trainer.model.zero_grad()
    (chosen, rejected), (up, down) = tokens(trainer.model).chunk(2), mask.chunk(2)
    with torch.no_grad():
        reference = tokens(trainer.ref_model).chunk(2)
    pairs = PairLogps.from_tokens(
        chosen, up, rejected, down, reference_chosen=reference[0], reference_rejected=reference[1]
    )
    assert bool((pairs.ratios()[0] < 0).any())
    expected = PAIR_LOSSES.make(spec)(pairs).parts.total()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(found, gradient(trainer), atol=1e-5, rtol=1e-4)


def test_it_is_trained_by_and_evaluated_as_all_others(tmp_path: Path) -> None:
    found = {}
    for loss in ("", "dpo(beta=0.5)", "dpop(beta=0.5)"):
        trainer = make(DPOTrainer, tmp_path, loss=loss)
        trainer.train()
        found[loss] = weights(trainer)
    torch.testing.assert_close(found[""], found["dpo(beta=0.5)"], atol=1e-4, rtol=1e-3)
    assert not torch.equal(found[""], found["dpop(beta=0.5)"])
    both = []
    for loss in ("", "dpop(beta=0.5)"):
        trainer = moved(make(DPOTrainer, tmp_path, loss=loss))
        trainer.model.eval()
        both.append(trainer.compute_loss(trainer.model, batch(trainer)).item())
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"loss": "dopp"}, "did you mean 'dpop'"),
        ({"loss": "dpop(penalty=-1)"}, "penalty=-1"),
        ({"loss": "dpop", "loss_type": ["ipo"]}, r"trl.loss_type=\['ipo'\]: loss=dpop replaces"),
        ({"loss": "dpop", "ld_alpha": 0.5, "use_weighting": True}, "ld_alpha"),
        ({"loss": "unlikelihood", "credit": "fixed"}, "has no rejected log-probability"),
        *(({"loss": name}, hint[:20]) for name, hint in INSTEAD.items()),
    ],
)
def test_losses_that_can_not_be(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ManyInputsError, match=says):
        make(DPOTrainer, tmp_path, **options)
