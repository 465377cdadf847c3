"""TRL's GRPOTrainer whose batches know their groups and verdicts, and can be filled up with other prompts."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit import CreditRule
from antigrad.objectives.pass_at_k import pass_at_k_estimate
from antigrad.posttraining.train.grpo.batches import Batch, check_plain, replaced
from antigrad.posttraining.train.grpo.forward import check_alike
from antigrad.posttraining.train.grpo.measured import MeasuredTrainer
from antigrad.posttraining.train.grpo.options import reward_name
from antigrad.posttraining.train.grpo.verdicts import Scale, say_at_start
from antigrad.posttraining.train.grpo.weights import Groups
from antigrad.posttraining.train.models import bare


class SampledTrainer(MeasuredTrainer):
    """The part of `GRPOTrainer` that samples and judges.

    Args:
        *args: As TRL's.
        **kwargs: As TRL's, and `options`, see `CreditOptions`.
    """

    # Set by `GRPOTrainer`.
    rule: CreditRule
    credit: str
    states_from: str
    _alike: bool
    _listening: bool
    _heard: Tensor | None
    _tokenizer: Any

    def _judge(self, names: list[str], args: Any) -> None:
        """Settle whose rewards are verdicts: of several, none is the verifier unless one is named so.

        Args:
            names: Of the reward functions.
            args: TRL's `GRPOConfig`.
        """
        wanted = self.options.verifier
        self._verifier = names.index(wanted) if wanted else 0 if len(names) == 1 else None
        self._scale = Scale(self.options.threshold, None if self._verifier is None else self.credit, self.rule)
        self._verdicts: Tensor | None = None
        self._rewards = torch.zeros(0)
        say_at_start(self.rule, self.credit, names, args, self._verifier)

    def _with_adapters(self) -> Any:
        return self.accelerator.unwrap_model(self.model)

    def _bare(self) -> Any:
        return bare(self._with_adapters())

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> Tensor:
        rewards: Tensor = super()._calculate_rewards(*args, **kwargs)
        verdicts = torch.full_like(rewards[:, 0], torch.nan) if self._verifier is None else rewards[:, self._verifier]
        self._verdicts = verdicts
        weights = rewards.new_tensor(self.args.reward_weights or [1.0] * rewards.shape[1])
        self._rewards = (rewards * weights).nansum(1)
        self._log_metrics(*args, **kwargs)
        if self.model.training:
            self._scale.look(verdicts)
        return rewards

    def _log_metrics(
        self, inputs: list[dict[str, Any]], prompts: list[Any], completions: list[Any], completion_ids_list: Any
    ) -> None:
        """Log the means of metrics of your own, over the responses that they score.

        Args:
            inputs: One row per response.
            prompts: Of each.
            completions: Of each.
            completion_ids_list: Token ids of each.

        Raises:
            InputValueError: A metric gives another number of figures than there are responses.
        """
        columns = {key: [row[key] for row in inputs] for key in inputs[0] if key not in ("prompt", "completion")}
        given: dict[str, Any] = {"prompts": prompts, "completions": completions, "completion_ids": completion_ids_list}
        for metric in self.options.metrics:
            figures = [*metric(**(columns | given))]
            if len(figures) != len(completions):
                found = f"metric {reward_name(metric)} with {len(figures)} figures for {len(completions)} responses"
                raise InputValueError(found, "a figure a response", "return None where a response has none")
            scored = [float(one) for one in figures if one is not None]
            both = torch.tensor([sum(scored), len(scored)], dtype=torch.float64, device=self.accelerator.device)
            total, count = self.accelerator.reduce(both, reduction="sum").tolist()
            if count:
                mode = "train" if self.model.training else "eval"
                self._metrics[mode][f"metric/{reward_name(metric)}"].append(total / count)

    def _log_pass_at_k(self) -> None:
        """Log pass@k of held-out questions for k = 1, 2, 4, … up to the responses each was given."""
        verdicts = cast(Tensor, self._verdicts).view(-1, self.num_generations_eval)
        scored = (~verdicts.isnan()).sum(1).tolist()  # what no function scored is neither right nor wrong
        correct = (verdicts > self.options.threshold).sum(1).tolist()
        for k in (2**power for power in range(self.num_generations_eval.bit_length())):
            estimates = [pass_at_k_estimate(n, c, k) for n, c in zip(scored, correct, strict=True) if n >= k]
            if estimates:
                self._metrics["eval"][f"credit/pass@{k}"].extend(estimates)  # a mean over questions, not over batches

    def _scored(self, inputs: list[dict[str, Any]]) -> tuple[Batch, Tensor | None]:
        """Sample and score, with the number of each response's group and the verdict on it.

        Args:
            inputs: One row per response, groups together.

        Returns:
            The batch, and states where TRL made a pass of its own.
        """
        self._listening, self._heard = self.states_from == "old_policy_pass", None
        try:
            batch: Batch = super()._generate_and_score_completions(inputs)
        finally:
            states, self._heard, self._listening = self._heard, None, False
        check_alike(self._alike, batch["prompt_mask"], self._bare())
        rank, rows = self.accelerator.process_index, len(inputs)
        verdicts = cast(Tensor, self._verdicts)[rank * rows : (rank + 1) * rows]
        place = torch.arange(rank * rows, (rank + 1) * rows, device=verdicts.device)
        batch["group"] = place // self.num_generations
        batch["correct"] = verdicts > self.options.threshold
        batch["reward"] = self._rewards[rank * rows : (rank + 1) * rows]
        batch["scored"] = torch.ones_like(batch["correct"]) if self._verifier is None else ~verdicts.isnan()
        if self.credit != "none" or self.options.resample:
            check_plain(batch)
        return batch, states

    def _refilled(
        self, inputs: list[dict[str, Any]], batch: Batch, states: Tensor | None
    ) -> tuple[Batch, Tensor | None, float] | None:
        """Sample other prompts for zero-variance groups.

        Args:
            inputs: One row per response, groups together.
            batch: What they became.
            states: Their states, if there are any.

        Returns:
            Both with groups replaced, and the share of all responses that were; None if every process has only
            mixed groups.
        """
        idle = (~Groups.of(batch).mixed()).nonzero()[:, 0]
        wanted = torch.tensor([len(idle)], device=batch["advantages"].device)
        if int(self.accelerator.gather(wanted).max()) == 0:
            return None
        size, rank, count = self.num_generations, self.accelerator.process_index, len(inputs) // self.num_generations
        # Every process draws for all of them, and takes its own.
        drawn = torch.randint(len(self.train_dataset), (self.accelerator.num_processes, count), generator=self._more)
        picked = drawn[rank].tolist()
        fresh = [dict(self.train_dataset[index]) for index in picked for _ in range(size)]
        other, more = self._scored(fresh)
        useful = Groups.of(other).mixed().nonzero()[:, 0][: len(idle)]
        here = idle[: len(useful)]
        group = batch["group"].clone()
        batch = replaced(batch, here, other, useful, self._tokenizer.pad_token_id)
        batch["group"] = group
        mask = batch["completion_mask"] * batch.get("tool_mask", 1)
        batch["num_items_in_batch"] = self.accelerator.gather(mask.sum()).sum()
        if states is not None and more is not None:
            pair = replaced({"states": states}, here, {"states": more}, useful, 0)
            states = pair["states"]
        share = torch.tensor([len(useful) / len(group)], device=group.device)
        return batch, states, float(self.accelerator.gather(share).mean())
