"""`antigrad train grpo`: a task, a model, a credit rule; rows, checkpoints, a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.runs import RunFolder
from antigrad.language.reading import reason_of
from antigrad.language.tasks import Question, Task, load_task
from antigrad.posttraining.train.grpo.alarms import StepAlarms
from antigrad.posttraining.train.grpo.checkpoint import last_checkpoint
from antigrad.posttraining.train.grpo.data import Correct, check_prompts, end_at, prompt_rows
from antigrad.posttraining.train.grpo.page import describe
from antigrad.posttraining.train.grpo.settings import TrainGRPOConfig
from antigrad.posttraining.train.job import processes, run_training
from antigrad.posttraining.train.models import load_to_train


def train_grpo(config: TrainGRPOConfig) -> RunFolder:
    """Train a model by GRPO with a credit rule, on questions with a verifier.

    Under `accelerate launch` every process calls this; the first one writes.

    Args:
        config: See `TrainGRPOConfig`.

    Returns:
        The run: ledger rows of steps, evaluations and alarms, a page, and the model in `checkpoints/policy`.

    Raises:
        AntigradError: The settings, the model, the task or the output folder are not usable.

    Sign: the loss falls where correct responses become likelier and wrong ones less likely.

    Source: see `GRPOTrainer`.

    Deviations: see `GRPOTrainer`.

    Example:
        >>> TrainGRPOConfig(model="tiny", tasks="tiny_arithmetic(split=train)", credit="nthr").rollouts
        8
    """
    return run_training(_Grpo(config))


Asked = list[tuple[Task, Sequence[Question]]]
"""Tasks with their questions: what is trained on, then what is held out."""


@dataclass(frozen=True)
class _Grpo:
    config: TrainGRPOConfig
    job: str = "train grpo"

    def load(self) -> tuple[Asked, Any]:
        config = self.config
        asked = _questions(config)
        policy = load_to_train(config)
        for task, questions in asked:
            task.prompt(questions[0], policy.tokenizer)  # a tokenizer without chat template is refused here
        check_prompts(policy, asked, config.max_new_tokens)
        end_at(policy.model, policy.tokenizer, asked[0][0].stop)
        return asked, policy

    def last_checkpoint(self, folder: Path, processes: int, say: Callable[[str], None]) -> Path | None:
        return last_checkpoint(folder, processes, say)

    def trainer(self, loaded: tuple[Asked, Any], lora: Any, checkpoint: Path | None) -> Any:
        from datasets import Dataset

        from antigrad.posttraining.train.grpo.trainer import GRPOTrainer

        config, (asked, policy) = self.config, loaded
        data = [
            Dataset.from_list(prompt_rows(task, questions, start))
            for (task, questions), start in zip(asked, (0, config.questions), strict=False)
        ]
        given: dict[str, Any] = {
            "model": policy.model,
            "reward_funcs": Correct(asked),
            "args": config.arguments(processes(), anew=checkpoint is None),
            "train_dataset": data[0],
            "eval_dataset": data[1] if len(data) > 1 else None,
            "processing_class": policy.tokenizer,
            "peft_config": lora,
            "credit": config.credit,
            "options": config.credit_options,
        }
        try:
            return GRPOTrainer(**given)
        except (AttributeError, KeyError, TypeError, NotImplementedError) as error:  # a family lacks what TRL expects
            reason = f"{type(error).__name__}: {reason_of(error)}"
            raise InputValueError(
                f"{type(policy.model).__name__}, on which TRL fails: {reason}", "a model it trains", "use another model"
            ) from error

    def facts(self, trainer: Any) -> dict[str, Any]:
        return {"states_from": trainer.states_from}

    def alarms(self) -> StepAlarms:
        return StepAlarms()

    def describe(self, run: RunFolder) -> None:
        describe(run, self.config)


def _questions(config: TrainGRPOConfig) -> Asked:
    common: dict[str, Any] = {"seed": config.seed, "verifier": config.verifier, "style": config.style}
    more = 0 if config.held_out_tasks else config.held_out
    task = load_task(config.tasks, count=config.questions + more, shots=config.shots, **common)
    asked: Asked = [(task, task.questions[: config.questions])]
    if config.held_out_tasks and config.held_out:
        test = load_task(config.held_out_tasks, count=config.held_out, shots=config.shots, **common)
        return [*asked, (test, test.questions)]
    return [*asked, (task, task.questions[config.questions :])] if more else asked
