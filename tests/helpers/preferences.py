"""Preference pairs with known numbers, and TRL's own loss on them."""

from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from antigrad.credit.pairs import PairFacts, PairKernel
from antigrad.objectives import PairLogps


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def golden(**more: Tensor) -> PairLogps:
    """The pair of the golden table: log-ratios -0.8 and -2.5, 8 and 10 tokens."""
    return token_pairs(float64(-12), float64(-20), float64(-11.2), float64(-17.5), (8,), (10,), **more)


def token_pairs(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    chosen_length: tuple[int, ...],
    rejected_length: tuple[int, ...],
    **more: Tensor,
) -> PairLogps:
    """Pairs whose tokens are all equally likely."""
    sides: list[Tensor] = []
    for sums, lengths in ((chosen, chosen_length), (rejected, rejected_length)):
        count = torch.tensor(lengths)
        mask = torch.arange(int(count.max())) < count[:, None]
        sides += [torch.where(mask, (sums / count)[:, None], 0.0), mask]
    pairs = PairLogps.from_tokens(*sides)
    return replace(pairs, reference_chosen=reference_chosen, reference_rejected=reference_rejected, **more)


def random_pairs(count: int = 5, seed: int = 0) -> PairLogps:
    """Pairs with every extra that a loss may ask for."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=rng, dtype=torch.float64)

    lengths = [tuple(torch.randint(2, 7, (count,), generator=rng).tolist()) for _ in range(2)]
    chosen, rejected = drawn(-30, -3), drawn(-30, -3)
    more = {"factor": drawn(0, 1), "pvi": drawn(-3, 2), "reward_gap": drawn(0, 1), "baseline": float64(0.3)[0]}
    return token_pairs(chosen, rejected, chosen + drawn(-4, 4), rejected + drawn(-4, 4), *lengths, **more)


def trl_loss(name: str, pairs: PairLogps, *, beta: float = 0.1, label_smoothing: float = 0.1, tau: float = 0.05) -> Any:
    """Loss by TRL's own `DPOTrainer._compute_loss`, a graph to `pairs.chosen` and `pairs.rejected`."""
    from trl.trainer.dpo_trainer import DPOTrainer

    lengths = torch.cat([pairs.require("chosen_length"), pairs.require("rejected_length")])
    width = int(lengths.max())
    mask = torch.cat([torch.zeros(len(lengths), 1), torch.arange(width) < lengths[:, None]], 1).long()
    sums = torch.cat([pairs.chosen, pairs.rejected])
    log_probs = (sums / lengths)[:, None] * mask[:, 1:]
    nothing = torch.zeros_like(log_probs)
    outputs = SimpleNamespace(log_probs=log_probs, entropy=nothing, mean_logits=nothing, is_top1=nothing.bool())

    def same(value: Any) -> Any:
        return value

    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(device="cpu", gather=same, gather_for_metrics=same),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[name],
        loss_weights=[1.0],
        beta=beta,
        label_smoothing=label_smoothing,
        use_weighting=False,
        args=SimpleNamespace(discopop_tau=tau),
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
        _tp_size=1,
    )
    inputs = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "ref_chosen_logps": pairs.reference_chosen,
        "ref_rejected_logps": pairs.reference_rejected,
    }
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # TRL makes a tensor of label_smoothing
    try:
        return DPOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, False)  # type: ignore[arg-type]
    finally:
        torch.set_default_dtype(before)


def random_facts(count: int = 8, seed: int = 0) -> PairFacts:
    """Facts of pairs that are all different; kernels are those of real vectors."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=rng, dtype=torch.float64)

    chosen, other = torch.randn(2, count, 5, generator=rng, dtype=torch.float64)
    rejected = 1.5 * chosen + other
    kernel = PairKernel(
        *((one * two).sum(-1) for one, two in ((chosen, chosen), (chosen, rejected), (rejected, rejected)))
    )
    return PairFacts(
        count,
        pvi=drawn(-4, 2),
        ln_ches=drawn(-9, 1),
        confidence=drawn(-5, 0),
        reward_gap=drawn(0, 1),
        kernel=kernel,
        progress=0.4,
        seed=3,
    )
