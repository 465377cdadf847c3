"""TRL's DPOTrainer with one more option: a rule for the factor of rejected responses."""

from __future__ import annotations

from typing import Any, cast

import torch
from datasets import Dataset
from datasets.fingerprint import Hasher
from torch import Tensor
from trl import DPOConfig
from trl import DPOTrainer as TrlTrainer

from antigrad.core.errors import InputValueError
from antigrad.credit.pairs import PairFacts
from antigrad.posttraining.train.dpo.columns import FACTOR, WithFactor, facts_of
from antigrad.posttraining.train.dpo.losses import pairs_of
from antigrad.posttraining.train.dpo.options import check_options
from antigrad.posttraining.train.maps import silent_maps
from antigrad.posttraining.train.sealed import SealedCheckpoints


class DPOTrainer(SealedCheckpoints, TrlTrainer):
    r"""DPO as TRL trains it, with the rejected log-ratio of each pair times a factor.

    $$\log\pi(y_l)\to\lambda\log\pi(y_l),\qquad\log\pi_{ref}(y_l)\to\lambda\log\pi_{ref}(y_l)$$

    before TRL's own loss, so that all its loss types, f-divergences and weightings go on working. With `credit="none"`
    every weight after every step is TRL's, bit for bit. λ is computed once, for the whole data set, from columns of it,
    and travels as a column; schedules are computed at every step.

    With `loss`, TRL still runs the model and logs, and the loss is one of `antigrad.objectives.pairs` on the
    log-probabilities it computed.

    Args:
        *args: As TRL's.
        credit: Rule, as `name` or `name(option=value)`; see `antigrad methods`.
        loss: Loss of ours, likewise, with a β of its own; empty takes TRL's `loss_type`.
        **kwargs: As TRL's.

    Raises:
        ManyInputsError: Options that make no sense together, all of them, before a model is loaded.
        InputValueError: A column that the rule needs is missing.

    Sign: minimising the loss raises log π(chosen) and lowers log π(rejected), the latter by λ times as much.

    Source: Rafailov et al. 2023, arXiv 2305.18290 (DPO); Wang et al. 2025 (VPO; OpenReview LCZmI3iM8X), Table 4.

    Deviations: evaluation is on TRL's loss without the rule, so that arms compare. Logged log-probabilities, rewards
        and margins are those of the policy, not the scaled ones (with `ld_alpha` they are those of whole responses).
        Of an evaluation they are means over pairs; TRL's are means over batches, of which the last may be smaller.

    Example:
        >>> issubclass(DPOTrainer, TrlTrainer)
        True
    """

    def __init__(self, *args: Any, credit: str = "none", loss: str = "", **kwargs: Any) -> None:
        config: Any = kwargs.get("args") or (args[2] if len(args) > 2 else None) or DPOConfig(output_dir="dpo")
        self.rule, self.objective = check_options(credit, config, loss)
        self.credit = credit
        self._evaluated: list[int] = []  # pairs of each batch of an evaluation
        if len(args) < 3:
            kwargs["args"] = config
        if self._weighs:
            data: Any = kwargs.get("train_dataset", args[3] if len(args) > 3 else None)
            if data is None:
                raise InputValueError("no train_dataset", "pairs to weigh", "pass train_dataset")
            data = self._with_factors(data, config.seed)
            if len(args) > 3:
                args = (*args[:3], data, *args[4:])
            else:
                kwargs["train_dataset"] = data
        super().__init__(*args, **kwargs)
        self.data_collator = WithFactor(self.data_collator)

    @property
    def _weighs(self) -> bool:
        return self.credit != "none" and not self.rule.per_step

    def _with_factors(self, data: Any, seed: int) -> Any:
        factors = self.rule(facts_of(data, self.rule, seed=seed))
        if FACTOR in data.column_names:
            data = data.remove_columns(FACTOR)
        return data.add_column(FACTOR, factors.tolist())

    def tokenized(self, rows: list[dict[str, Any]]) -> Any:
        """Prepare further pairs as those it was made with: their factors, and tokens.

        Args:
            rows: Pairs, with the facts that the rule needs.

        Returns:
            A data set to train on.
        """
        trainer, data = cast(Any, self), Dataset.from_list(rows)
        if self._weighs:
            data = self._with_factors(data, self.args.seed)
        with silent_maps():
            return trainer._prepare_dataset(data, trainer.processing_class, trainer.args, "train")

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        if FACTOR not in self._signature_columns:
            self._signature_columns.append(FACTOR)

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        # TRL names its cache by rows and weights only: other lengths would find the numbers of these.
        args: Any = self.args
        dataset._fingerprint = Hasher.hash([dataset._fingerprint, args.max_length, args.truncation_mode, args.ld_alpha])
        return super()._precompute_ref_logps(dataset, name, batch_size)

    def _factors(self, inputs: dict[str, Any]) -> Tensor | None:
        """Take the factors out of a batch.

        Args:
            inputs: The batch; it goes into the model without them.

        Returns:
            (B,) λ, or None where nothing is to be done.

        Raises:
            InputValueError: They did not get here.
        """
        given: Tensor | None = inputs.pop(FACTOR, None)
        if self.credit == "none" or not cast(Any, self.model).training:
            return None
        if self.rule.per_step:
            progress = min(1.0, self.state.global_step / max(1, self.state.max_steps - 1))
            count = len(inputs["input_ids"]) // 2
            return self.rule(PairFacts(count, progress=progress)).to(self.accelerator.device)
        if given is None:
            text = f"a batch without the column {FACTOR}"
            raise InputValueError(text, "one factor a pair", "keep the trainer's data set and collator")
        return given

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        inputs = dict(inputs)
        factors = self._factors(inputs)
        training = cast(Any, self.model).training
        objective = self.objective if training else None
        if not training:
            self._evaluated.append(len(inputs["input_ids"]) // 2)
        if factors is None and objective is None:
            return super()._compute_loss(model, inputs, return_outputs)
        if self.precompute_ref_logps:
            references = inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
        else:
            references = self.compute_ref_log_probs(self.ref_model or self.model, inputs)
        rows = references[1].new_ones(len(references[1])) if factors is None else factors.to(references[1])
        inputs |= {"ref_chosen_logps": references[0], "ref_rejected_logps": references[1] * rows}
        scaled = Scaled(model, rows)
        kept, self.precompute_ref_logps = self.precompute_ref_logps, True
        try:
            loss = super()._compute_loss(scaled, inputs, return_outputs)
        finally:
            self.precompute_ref_logps = kept
        if factors is not None:
            self._log(rows, scaled, references)
        if objective is None:
            return loss
        mask = inputs["completion_mask"][:, 1:].bool()
        own = objective(pairs_of(scaled.plain[:, -mask.shape[1] :], mask, references, factors)).parts.total()
        return (own, loss[1]) if return_outputs else own

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with figures of an evaluation as means over its pairs.

        Args:
            logs: What transformers found.
            start_time: See TRL.
        """
        sizes, self._evaluated = self._evaluated, []
        metrics = self._metrics["eval"]
        for name, values in metrics.items():
            if name.startswith(("rewards/", "logps/")) and len(values) == len(sizes):
                metrics[name] = [sum(one * size for one, size in zip(values, sizes, strict=True)) / sum(sizes)]
        super().log(logs, start_time)

    def _log(self, factors: Tensor, scaled: Scaled, references: tuple[Tensor, Tensor]) -> None:
        """Log the factors, and put what TRL logged of scaled numbers right.

        Args:
            factors: (B,) λ.
            scaled: Has seen the policy's log-probabilities.
            references: (B,) of the reference, twice.
        """
        metrics = self._metrics["train"]
        chosen, rejected = scaled.plain.detach().sum(1).chunk(2)
        gains, falls = chosen - references[0], rejected - references[1]
        figures = {
            "logps/rejected": rejected,
            "rewards/rejected": self.beta * falls,
            "rewards/margins": self.beta * (gains - falls),
            "rewards/accuracies": (gains > falls).to(gains),
        }
        for name, values in figures.items():
            metrics[name][-1] = cast(Tensor, self.accelerator.gather(values)).mean().item()
        ours = {"credit/factor": factors, "credit/constrained": (factors < 1).to(factors)}
        for name, values in ours.items():
            metrics[name].append(cast(Tensor, self.accelerator.gather(values)).mean().item())


class Scaled:
    """A model whose rejected rows come out with their log-probabilities times λ.

    Args:
        model: The model, wrapped for several processes or not.
        factors: (B,) λ; a batch has 2 B rows, the rejected ones last.
    """

    def __init__(self, model: Any, factors: Tensor) -> None:
        self._model, self._factors = model, factors
        self.plain = factors.new_zeros(0, 0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model.

        Args:
            *args: As the model's.
            **kwargs: As the model's.

        Returns:
            What it gives, scaled.
        """
        outputs = self._model(*args, **kwargs)
        if getattr(outputs, "log_probs", None) is None:
            return outputs  # TRL runs the bare model again where outputs are asked for
        self.plain = plain = outputs.log_probs
        rows = torch.cat([torch.ones_like(self._factors), self._factors])[:, None].to(plain)
        outputs.log_probs = plain * rows
        squares = getattr(outputs, "log_sum_sq_probs", None)
        if squares is not None:  # what WPO subtracts from log-probabilities that it takes to be the policy's
            outputs.log_sum_sq_probs = squares - plain.detach() * (1 - rows)
        return outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
