"""`antigrad train dpo`: pairs, a model, a rule for rejected responses; rows, checkpoints, a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from antigrad.core.checkpoints import Checkpoints
from antigrad.core.runs import RunFolder
from antigrad.credit.pairs import PAIR_CREDIT
from antigrad.language.policy import Policy, check_head
from antigrad.posttraining.pairs.responses import probe_tokens
from antigrad.posttraining.train.dpo.alarms import PairAlarms
from antigrad.posttraining.train.dpo.columns import FACTOR
from antigrad.posttraining.train.dpo.data import Prepared, keep, prepare
from antigrad.posttraining.train.dpo.page import describe
from antigrad.posttraining.train.dpo.rounds import on_policy
from antigrad.posttraining.train.dpo.settings import TrainDPOConfig
from antigrad.posttraining.train.job import processes, run_training
from antigrad.posttraining.train.maps import silent_maps
from antigrad.posttraining.train.models import bare, below, load_to_train


def train_dpo(config: TrainDPOConfig) -> RunFolder:
    """Train a model by DPO with a rule for rejected responses, on given pairs or on pairs of its own answers.

    Under `accelerate launch` every process calls this; the first one writes.

    Args:
        config: See `TrainDPOConfig`.

    Returns:
        The run: ledger rows of steps, evaluations and alarms, a page, and the model in `checkpoints/policy`.

    Raises:
        AntigradError: The settings, the model, the pairs or the output folder are not usable.

    Sign: the loss falls where chosen responses become likelier and rejected ones less likely.

    Source: see `DPOTrainer`.

    Deviations: see `DPOTrainer`.

    Example:
        >>> TrainDPOConfig(model="tiny", tasks="tiny_arithmetic(split=train)", credit="vpo").beta
        0.05
    """
    return run_training(_Dpo(config))


@dataclass(frozen=True)
class _Dpo:
    config: TrainDPOConfig
    job: str = "train dpo"

    def load(self) -> tuple[Prepared, Policy]:
        policy = load_to_train(self.config)
        if PAIR_CREDIT.make(self.config.credit).needs:  # what looks at states needs a plain head
            check_head(below(policy))
        return prepare(self.config, below(policy)), policy

    def last_checkpoint(self, folder: Path, processes: int, say: Callable[[str], None]) -> Path | None:
        return Checkpoints(folder).last(say=say)

    def trainer(self, loaded: tuple[Prepared, Policy], lora: Any, checkpoint: Path | None) -> Any:
        from accelerate import PartialState
        from datasets import Dataset

        from antigrad.posttraining.train.dpo.probe import ProbeCallback
        from antigrad.posttraining.train.dpo.trainer import DPOTrainer

        config, (prepared, policy) = self.config, loaded
        if PartialState().is_main_process:
            keep(config, prepared)
        probes = probe_tokens(
            below(policy), prepared.probes, prepared.other, max_new_tokens=config.max_new_tokens, seed=config.seed
        )
        test = prepared.held_out
        with silent_maps():
            trainer = DPOTrainer(
                model=policy.model,
                args=config.arguments(processes(), anew=checkpoint is None, evaluated=bool(test)),
                train_dataset=Dataset.from_list(prepared.train),
                eval_dataset=Dataset.from_list(test) if test else None,
                processing_class=policy.tokenizer,
                peft_config=lora,
                credit=config.credit,
                loss=config.loss,
            )
        start = config.output / "artifacts" / "probes.json"
        trained = Policy(bare(trainer.model), policy.tokenizer, policy.name)
        trainer.add_callback(ProbeCallback(trainer, trained, probes, config.measure_every, start))
        if config.refresh:
            trainer.add_callback(on_policy(config, trainer, trained, prepared))
        return trainer

    def facts(self, trainer: Any) -> dict[str, Any]:
        data = getattr(trainer.train_dataset, "rows", trainer.train_dataset)
        facts: dict[str, Any] = {"pairs": len(data)}
        if FACTOR in data.column_names:
            factors = torch.tensor(data[FACTOR])
            facts |= {"factor_mean": float(factors.mean()), "factor_min": float(factors.min())}
            facts["constrained"] = float((factors < 1).double().mean())
        if "pvi" in data.column_names:
            facts["pvi_negative"] = float((torch.tensor(data["pvi"]) < 0).double().mean())
        return facts

    def alarms(self) -> PairAlarms:
        return PairAlarms()

    def describe(self, run: RunFolder) -> None:
        describe(run, self.config)
