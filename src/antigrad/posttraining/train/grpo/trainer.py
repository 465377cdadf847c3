"""TRL's GRPOTrainer with one more option: a credit rule for the negative gradient."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import torch
from torch import Tensor
from trl import GRPOConfig
from trl import GRPOTrainer as Stock

from antigrad.credit import CreditRule, Head
from antigrad.posttraining.train.grpo.batches import Batch, sequence, whole_groups
from antigrad.posttraining.train.grpo.forward import check_forward
from antigrad.posttraining.train.grpo.options import CreditOptions, check_options, reward_name, spec_of
from antigrad.posttraining.train.grpo.sampled import SampledTrainer
from antigrad.posttraining.train.grpo.signature import shown_as
from antigrad.posttraining.train.grpo.states import (
    bare,
    check_states,
    check_trainable,
    copy_reference,
    head_weight,
    source_of,
    states_of,
)
from antigrad.posttraining.train.grpo.weights import FIGURES, JUDGED, Groups, Tally, weigh


class GRPOTrainer(SampledTrainer):
    r"""GRPO as TRL trains it, with token weights by a credit rule.

    $$\hat A_{i}\;\to\;w_{i,k}=\text{rule}(\text{group})_{i,k}$$

    Everything else is TRL's: loss types, LoRA, accelerate, FSDP, ZeRO, vLLM, reporting. Weights are those of
    the policy that sampled the responses and stay as they are for all updates with them. With `credit="none"`
    every weight after every step is TRL's, bit for bit.

    States for scores come from a forward that exists: TRL's pass for old log-probabilities where it makes
    one, else the training forward if `per_device_train_batch_size` holds whole groups, else from a pass of
    its own over groups that have correct and wrong responses.

    Args:
        *args: As TRL's.
        credit: Rule, as `name` or `name(option=value)` (see `antigrad methods`), or a rule itself; None is `none`.
        options: See `CreditOptions`.
        **kwargs: As TRL's.

    Raises:
        ManyInputsError: Options that make no sense together, all of them, before a model is loaded.
        InputValueError: The model's head is not plain, and the rule needs scores.

    Sign: minimising the loss raises log π of tokens with positive weight and lowers that of negative ones.

    Source: Shao et al. 2024, arXiv 2402.03300 (GRPO); Deng et al. 2025, arXiv 2505.18830, Alg. 1 (weights);
        Yu et al. 2025, arXiv 2503.14476 (dynamic sampling).

    Deviations: dynamic sampling fills a batch with other prompts of the data set at most `resample` times,
        and leaves zero-variance groups in after that, where DAPO goes on.

    Example:
        >>> GRPOTrainer.credit_metrics[:2]
        ('mixed', 'correct')
    """

    credit_metrics = FIGURES

    @shown_as(Stock)
    def __init__(
        self,
        *args: Any,
        credit: str | CreditRule | None = "none",
        options: CreditOptions | None = None,
        **kwargs: Any,
    ) -> None:
        options = options or CreditOptions()
        config = kwargs.get("args") or (args[2] if len(args) > 2 else None) or GRPOConfig(output_dir="grpo")
        given = kwargs.get("reward_funcs", args[1] if len(args) > 1 else None)
        names = [reward_name(function) for function in (given if isinstance(given, list) else [given] if given else [])]
        data = kwargs.get("train_dataset", args[3] if len(args) > 3 else None)
        sized = data is None or hasattr(data, "__len__")
        self.rule = check_options(credit, options, config, names, config.world_size, sized=sized)
        self.credit = spec_of(self.rule)
        if len(args) < 3:
            kwargs["args"] = config
        super().__init__(*args, options=options, **kwargs)
        check_trainable(self.model)
        copy_reference(self._with_adapters())
        needs = self.rule.needs_influence or self.rule.needs_hidden
        correction = self.use_vllm and self.vllm_importance_sampling_correction
        self.states_from = source_of(config, self.num_iterations, needs=needs, uses_vllm_ratio=correction)
        if needs:
            check_states(self._bare(), self._tokenizer)
        self._judge(names or list(self.reward_func_names), config)
        self._listening = False  # states of the next forward are wanted
        self._heard: Tensor | None = None  # and here they are
        self._filling: Batch | None = None  # a micro-batch whose weights come from its own forward
        self._log_probs: Tensor | None = None  # of the latest training forward, with its graph
        self._alike = check_forward(self, bare(self._with_adapters()))

    # What is sampled.

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        if not self.model.training:
            batch: Batch = super()._generate_and_score_completions(inputs)
            self._log_pass_at_k()
            return batch
        batch, states = self._scored(inputs)
        replaced_share = 0.0
        for _ in range(self.options.resample):
            if (better := self._refilled(inputs, batch, states)) is None:
                break
            batch, states, share = better
            replaced_share += share
        if self.options.resample:
            self._metrics["train"]["credit/resampled"].append(replaced_share)
        if self.states_from == "training_forward":
            return batch
        return self._weighed(batch, self._own_states(batch) if self.states_from == "own_pass" else states)

    # What the rule makes of it.

    def _weighed(self, batch: Batch, states: Tensor | None) -> Batch:
        with nullcontext() if states is None else head_weight(self._bare()) as weight:
            head = None if weight is None else Head(weight, self.temperature)
            weights, tally = weigh(
                self.rule, Groups.of(batch), states, head, self.options, self.args.seed + self.state.global_step
            )
        self._log_tally(tally)
        self._metrics["train"]["credit/own_pass"].append(float(self.states_from == "own_pass"))
        batch["mixed"] = Groups.of(batch).mixed()
        if self.credit != "none":
            batch["advantages"] = weights
        return batch

    def _own_states(self, batch: Batch) -> Tensor:
        """Run a pass for the states, over mixed groups, or over all where sharded processes must keep in step.

        Args:
            batch: What was sampled.

        Returns:
            (B, T, d) states, 0 for what was not run.
        """
        together = self.is_fsdp_enabled or self.is_deepspeed_enabled
        groups = Groups.of(batch)
        mixed = groups.mixed(groups.contrasted())
        rows = torch.arange(len(mixed), device=mixed.device) if together else mixed.nonzero()[:, 0]
        ids, mask, length = sequence(batch)
        with head_weight(self._bare()) as weight:
            width, dtype = weight.shape[1], weight.dtype
        states = torch.zeros(len(mixed), length, width, dtype=dtype, device=mixed.device)
        if len(rows):
            with torch.no_grad(), self._without_checkpointing(), states_of(self._bare(), length) as found:
                size = self.args.per_device_train_batch_size
                self._get_per_token_logps_and_entropies(self.model, ids[rows], mask[rows], length, batch_size=size)
            states[rows] = torch.cat(found).to(dtype)
        return states

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        before = self._buffered_inputs
        inputs = super()._prepare_inputs(generation_batch)
        fresh = self.model.training and self._buffered_inputs is not before
        if fresh and self.states_from == "training_forward" and self.args.steps_per_generation > 1:
            self._buffered_inputs = whole_groups(self._buffered_inputs)
            inputs = self._buffered_inputs[self._step % self.args.steps_per_generation]
        return inputs

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        if self._listening:
            self._listening = False  # to one pass: a later one is the reference's
            length = kwargs.get("logits_to_keep", args[3] if len(args) > 3 else None)
            with states_of(self._bare(), cast(int, length)) as states:
                found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
            self._heard = torch.cat(states)
            if self._filling is not None:
                self._weighed(self._filling, self._heard)
        else:
            found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if torch.is_grad_enabled():
            self._log_probs = found[0]
        return found

    def _compute_loss(self, model: Any, inputs: Batch) -> Tensor:
        if not self.model.training:
            return super()._compute_loss(model, inputs)
        if self.states_from == "training_forward" and inputs["advantages"].ndim == 1:
            self._filling, self._listening = inputs, True
        try:
            loss: Tensor = super()._compute_loss(model, inputs)
        finally:
            self._filling, self._heard, self._listening = None, None, False
        log_probs, self._log_probs = cast(Tensor, self._log_probs), None
        loss = self._penalised(loss, log_probs, inputs)
        self._keep(loss, log_probs, inputs)
        return loss

    def _penalised(self, loss: Tensor, log_probs: Tensor, inputs: Batch) -> Tensor:
        """Add the penalty of a rule that has one: a mean over micro-batches of means over responses.

        Args:
            loss: TRL's loss of the micro-batch.
            log_probs: (b, T) log-probabilities it was made from.
            inputs: The micro-batch.

        Returns:
            The whole loss.
        """
        if not self.rule.auxiliary:
            return loss
        old = inputs.get("old_per_token_logps")
        old = log_probs.detach() if old is None else old
        penalty = self.rule.penalty(log_probs, old, inputs["advantages"], Groups.of(inputs).mask)
        self._metrics["train"]["credit/penalty"].append(float(self.accelerator.gather(penalty.detach()).mean()))
        return loss + penalty / self.current_gradient_accumulation_steps

    def _log_tally(self, tally: Tally) -> None:
        both = torch.stack([tally.sums, tally.counts]).to(self.accelerator.device)
        sums, counts = self.accelerator.reduce(both, reduction="sum")
        for name, total, count in zip(FIGURES, sums.tolist(), counts.tolist(), strict=True):
            if count and not (self._verifier is None and name in JUDGED):
                self._metrics["train"][f"credit/{name}"].append(total / count)
