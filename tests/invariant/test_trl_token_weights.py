"""Token weights through TRL's trainer: weights that change nothing reproduce it, those that do move it.

The small trainer below is a test's: it shows that replacing (B,) advantages by a rule's (B, T) weights is
all that has to be done.
"""

import importlib.metadata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from antigrad.credit import CREDIT, Group, Head, group_influence
from antigrad.objectives import Grpo
from helpers.grpo import EXACT, SEQUENCE, make

VERSION = "1.16.0"


def installed() -> str:
    try:
        return importlib.metadata.version("trl")
    except importlib.metadata.PackageNotFoundError:
        return "none"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # other people's deprecations
    pytest.mark.skipif(installed() != VERSION, reason=f"written against TRL {VERSION}, found {installed()}"),
]

OPTIONS = EXACT | SEQUENCE


@cache
def trainer_class() -> type:
    """A `GRPOTrainer` whose advantages are weighed by a credit rule."""
    from trl import GRPOTrainer

    class Weighed(GRPOTrainer):
        spec = "none"

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            out = super()._generate_and_score_completions(inputs)
            if self.model.training:
                out["advantages"] = self.weigh(out)
            return out

        @torch.no_grad()
        def weigh(self, out: dict[str, Tensor]) -> Tensor:
            ids, mask, advantages = out["completion_ids"], out["completion_mask"].bool(), out["advantages"]
            hidden, weight = self.states(out)
            rule, rows = CREDIT.make(self.spec), []
            for start in range(0, len(ids), self.num_generations):
                part = slice(start, start + self.num_generations)
                group = Group(ids[part], mask[part], advantages[part] > 0, advantages[part], seed=start)
                if rule.needs_influence and group.mixed:
                    influence = group_influence(
                        hidden[part], ids[part], mask[part], group.correct, Head(weight, self.temperature)
                    )
                    group = Group(ids[part], mask[part], group.correct, advantages[part], influence, start)
                # Where all advantages are 0 their signs tell no verdict.
                rows.append(rule(group) if group.mixed else group.spread())
            weights = torch.cat(rows)
            self.moved = getattr(self, "moved", 0) + int((weights != advantages[:, None] * mask).sum())
            return weights

        def states(self, out: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
            """Last-layer states that predict the completions' tokens, and the head."""
            length, store = out["completion_ids"].size(1), []
            hook = self.model.base_model.register_forward_hook(lambda *call: store.append(call[2].last_hidden_state))
            try:
                self._get_per_token_logps_and_entropies(
                    self.model,
                    torch.cat([out["prompt_ids"], out["completion_ids"]], 1),
                    torch.cat([out["prompt_mask"], out["completion_mask"]], 1),
                    length,
                    batch_size=self.args.per_device_train_batch_size,
                )
            finally:
                hook.remove()
            return torch.cat(store)[:, -length - 1 : -1], self.model.get_output_embeddings().weight.detach()

    return Weighed


def build(kind: type, folder: Path, spec: str = "none", **options: Any) -> Any:
    """A trainer of a tiny random Qwen2 that is the same in every call."""
    trainer = make(kind, folder, **options)
    if kind is trainer_class():
        trainer.spec = spec
    return trainer


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Tensor, int]]:
    """Train three steps; give the parameters and the number of token weights that a rule changed."""
    from trl import GRPOTrainer

    @cache
    def run(spec: str, name: str, **options: Any) -> tuple[Tensor, int]:
        kind = GRPOTrainer if spec == "stock" else trainer_class()
        trainer = build(kind, tmp_path_factory.mktemp("run"), spec, **(OPTIONS[name] | options))
        trainer.train()
        parameters = torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])
        return parameters, getattr(trainer, "moved", 0)

    return run


@pytest.mark.parametrize("spec", ["none", "nthr(eta=1)"])
@pytest.mark.parametrize("name", EXACT)
def test_weights_that_change_nothing_reproduce_the_stock_trainer_bit_for_bit(
    train: Callable[..., tuple[Tensor, int]], name: str, spec: str
) -> None:
    parameters, moved = train(spec, name)
    assert moved == 0
    assert torch.equal(parameters, train("stock", name)[0])


@pytest.mark.parametrize("name", SEQUENCE)
def test_sequence_losses_agree_up_to_the_order_of_sums(train: Callable[..., tuple[Tensor, int]], name: str) -> None:
    assert float((train("nthr(eta=1)", name)[0] - train("stock", name)[0]).abs().max()) <= 1e-6


@pytest.mark.parametrize(
    "spec", ["nthr(beta=0.1,eta=0)", "nthr(anchor=others,eta=0)", "positives_only", "blanket(eta=0.5)"]
)
def test_weights_that_change_something_move_the_parameters(train: Callable[..., tuple[Tensor, int]], spec: str) -> None:
    parameters, moved = train(spec, "dapo")
    stock = train("stock", "dapo")[0]
    assert moved > 0
    assert 1e-5 < float((parameters - stock).abs().max()) < 1e-2


def test_nthr_and_the_control_differ(train: Callable[..., tuple[Tensor, int]]) -> None:
    a, b = train("nthr(beta=0.1,eta=0)", "dapo")[0], train("random(beta=0.1,eta=0)", "dapo")[0]
    assert float((a - b).abs().max()) > 1e-6


def test_micro_batch_size_does_not_matter(train: Callable[..., tuple[Tensor, int]]) -> None:
    """Weights are set once for the whole batch; how it is cut for backward is float order only."""
    cut = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}
    a, b = train("nthr(beta=0.1)", "dapo"), train("nthr(beta=0.1)", "dapo", **cut)
    assert a[1] == b[1] > 0
    assert float((a[0] - b[0]).abs().max()) < 1e-5


def test_states_predict_the_completion_tokens(tmp_path: Path) -> None:
    """A shift by one would give other log-probabilities than the trainer's own."""
    trainer = build(trainer_class(), tmp_path, temperature=0.8)
    batch = micro_batch(trainer)
    hidden, weight = trainer.states(batch)
    logits = hidden @ weight.T / 0.8
    found = logits.log_softmax(-1).gather(-1, batch["completion_ids"][..., None])[..., 0]
    wanted = log_probs(trainer, batch)
    mask = batch["completion_mask"].bool()
    torch.testing.assert_close(found[mask], wanted[mask], atol=1e-5, rtol=0)


def micro_batch(trainer: Any) -> dict[str, Tensor]:
    """Four prompts of different length with completions of different length."""
    draw = torch.Generator().manual_seed(5)
    prompt = torch.randint(0, 28, (4, 3), generator=draw)
    completion = torch.randint(0, 28, (4, 6), generator=draw)
    lengths = torch.tensor([6, 4, 5, 2])
    mask = (torch.arange(6) < lengths[:, None]).long()
    trainer.model.train()
    return {
        "prompt_ids": prompt,
        "prompt_mask": torch.ones_like(prompt),
        "completion_ids": torch.where(mask.bool(), completion, 28),
        "completion_mask": mask,
        "num_items_in_batch": mask.sum(),
    }


def log_probs(trainer: Any, batch: dict[str, Tensor]) -> Tensor:
    full = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    return trainer._get_per_token_logps_and_entropies(trainer.model, full, attention, 6)[0]


@pytest.mark.parametrize(
    ("loss_type", "grpo"),
    [
        ("dapo", Grpo(epsilon_high=0.3, beta=0.04)),
        ("bnpo", Grpo(epsilon_high=0.3, beta=0.04)),
        ("grpo", Grpo(epsilon_high=0.3, beta=0.04, normalisation="responses")),
        ("dr_grpo", Grpo(epsilon_high=0.3, beta=0.04, normalisation="constant", max_length=8)),
        ("grpo", Grpo(epsilon_high=0.3, beta=0.04, normalisation="responses", ratio="sequence")),
        ("dapo", Grpo(epsilon_high=0.3, ratio="sequence")),
    ],
)
def test_grpo_is_the_trainers_loss(tmp_path: Path, loss_type: str, grpo: Grpo) -> None:
    """Value and gradient of every parameter, with the clip active on both sides and a KL term."""
    from trl import GRPOTrainer

    trainer = build(
        GRPOTrainer,
        tmp_path,
        loss_type=loss_type,
        epsilon=grpo.epsilon,
        epsilon_high=grpo.epsilon_high,
        beta=grpo.beta,
        importance_sampling_level=grpo.ratio,
        use_bias_correction_kl=False,
        gradient_accumulation_steps=1,
    )
    trainer.current_gradient_accumulation_steps = 1
    batch = micro_batch(trainer)
    mask = batch["completion_mask"].bool()
    now = log_probs(trainer, batch)
    wave = torch.tensor([0.5, -0.5, 0.1, -0.1, 0.6, -0.4])
    shift = torch.stack([wave, wave + 0.4, wave.roll(1), wave - 0.4])
    old, reference = (now - shift).detach(), (now + 0.3 * shift.roll(2, 1)).detach()
    weights = torch.tensor([1.2, 0.7, -0.9, -1.1])
    if grpo.ratio == "token":
        weights = weights[:, None] * torch.tensor([1.0, 0.5, 1.0, 0.0, 0.25, 1.0])
    ours = grpo(now, old, weights, mask, reference).total()
    theirs = trainer._compute_loss(
        trainer.model,
        batch | {"advantages": weights, "old_per_token_logps": old, "ref_per_token_logps": reference},
    )
    parameters = list(trainer.model.parameters())
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)
    assert abs(ours.item()) > 1e-3
    for a, b in zip(torch.autograd.grad(ours, parameters), torch.autograd.grad(theirs, parameters), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_the_trainers_sequence_ratio_averages_token_weights(tmp_path: Path) -> None:
    """What `Grpo(ratio="sequence")` refuses, as TRL does it without a word."""
    from trl import GRPOTrainer

    class Recorded(GRPOTrainer):
        def _get_per_token_logps_and_entropies(self, *args: Any, **options: Any) -> Any:
            found = super()._get_per_token_logps_and_entropies(*args, **options)
            self.seen = found[0]
            return found

    weights = torch.tensor([[-1.0, 0.0, -1.0, 0.0, 0.0, -1.0]])
    gradients = {}
    for level in ("token", "sequence"):
        trainer = build(Recorded, tmp_path, importance_sampling_level=level, gradient_accumulation_steps=1)
        trainer.current_gradient_accumulation_steps = 1
        batch = {name: value[:1] if value.ndim else value for name, value in micro_batch(trainer).items()}
        batch["num_items_in_batch"] = torch.tensor(6)
        loss = trainer._compute_loss(trainer.model, batch | {"advantages": weights})
        gradients[level] = torch.autograd.grad(loss, trainer.seen)[0][0].tolist()
    assert gradients["token"] == pytest.approx([1 / 6, 0, 1 / 6, 0, 0, 1 / 6], abs=1e-7)
    assert gradients["sequence"] == pytest.approx([1 / 12] * 6, abs=1e-7)
    with pytest.raises(InputValueError, match="use ratio='token'"):
        Grpo(ratio="sequence")(torch.zeros(1, 6), torch.zeros(1, 6), weights, torch.ones(1, 6).bool())
