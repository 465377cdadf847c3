"""What the credit rule costs in a whole GRPO step: ours without a rule ÷ TRL's trainer, NTHR ÷ no rule, memory."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from antigrad.language.policy import load_policy
from antigrad.language.tasks import load_task
from antigrad.posttraining.train.grpo import CreditOptions
from antigrad.posttraining.train.grpo.data import Correct, end_at, prompt_rows
from benchmarks.measure import paired_ratio, peak_megabytes, record

MODELS: dict[str, dict[str, Any]] = {
    "tiny": {
        "tasks": "tiny_arithmetic(split=train)",
        "rows": 64,
        "longest": 32,
        "prompts": 8,
        "steps": 8,
        "repeats": 7,
    },
    "smollm2-135m-instruct": {"tasks": "products", "rows": 16, "longest": 24, "prompts": 2, "steps": 2, "repeats": 3},
}
ROLLOUTS = 8


def run(quick: bool, keep: bool, only: Sequence[str] = ()) -> None:
    """Measure both models; a learning rate of 1e-12 keeps the responses of all arms the same.

    Args:
        quick: One step a pair, one pair.
        keep: Keep the results beside the code.
        only: Comparisons, by name; all unless some are named.
    """
    for name, given in MODELS.items():
        settings = given | ({"steps": 1, "repeats": 1} if quick else {})
        trainer = trainers(name, settings)
        short, repeats = name.partition("-")[0], settings["repeats"]
        pairs = {
            "none": ("none", "stock", 1.01, "ours without a rule ÷ TRL's trainer"),
            "nthr": ("nthr", "none", 1.05, "NTHR, full vocabulary, states from the training forward ÷ no rule"),
            "own_pass": (
                "own",
                "small",
                None,
                "NTHR with states from a pass of its own ÷ no rule, four responses a forward",
            ),
            "measured": ("measured", "none", None, "every step measured ÷ none measured"),
        }
        for key, (ours, theirs, target, what) in pairs.items():
            if only and key not in only:
                continue
            figures = paired_ratio(trainer(ours), trainer(theirs), repeats)
            facts = {
                "what": f"whole steps of {name}: {what}",
                "target": target,
                "share_of_step": 1 - 1 / figures["ratio"],
            }
            record({"name": f"grpo_{key}_{short}", **figures, **facts}, keep=keep)
        if only and "memory" not in only:
            continue
        peaks = {arm: peak_megabytes(trainer(arm, 1)) for arm in ("nthr", "none")}
        figures = {"ours": peaks["nthr"], "theirs": peaks["none"], "ratio": peaks["nthr"] / peaks["none"]}
        facts = {"what": f"peak of a step of {name}, MB beyond what lived before: NTHR ÷ no rule", "target": None}
        record({"name": f"grpo_memory_{short}", **figures, **facts}, keep=keep)


def trainers(name: str, settings: dict[str, Any]) -> Callable[..., Callable[[], None]]:
    """Prepare trainings that sample the same responses.

    Args:
        name: The model.
        settings: An entry of `MODELS`.

    Returns:
        From the name of an arm, and steps, to a function that trains it.
    """
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl import GRPOConfig
    from trl import GRPOTrainer as Stock

    from antigrad.posttraining.train.grpo import GRPOTrainer

    task = load_task(settings["tasks"], count=32)
    arms: dict[str, dict[str, Any]] = {
        "stock": {}, "none": {"credit": "none"}, "nthr": {"credit": "nthr"}, "own": {"credit": "nthr"},
        "small": {"credit": "none"}, "measured": {"credit": "none"},
    }  # fmt: skip

    def make(arm: str, steps: int) -> Any:
        policy = load_policy(name, device="cpu")
        policy.tokenizer.pad_token = policy.tokenizer.pad_token or policy.tokenizer.eos_token
        end_at(policy.model, policy.tokenizer, task.stop)
        rows = 4 if arm in ("own", "small") else settings["rows"]
        arguments = GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=rows,
            gradient_accumulation_steps=settings["prompts"] * ROLLOUTS // rows,
            num_generations=ROLLOUTS,
            max_completion_length=settings["longest"],
            max_steps=steps,
            learning_rate=1e-12,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            save_strategy="no",
            logging_steps=100,
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        options = arms[arm]
        if options:
            options = options | {"options": CreditOptions(measure_every=int(arm == "measured"))}
        data = Dataset.from_list(prompt_rows(task, task.questions))
        common: dict[str, Any] = {"args": arguments, "train_dataset": data, "processing_class": policy.tokenizer}
        kind: Any = GRPOTrainer if options else Stock
        trainer = kind(policy.model, Correct([(task, task.questions)]), **common, **options)
        trainer.remove_callback(PrinterCallback)
        return trainer

    made: dict[tuple[str, int], Any] = {}

    def training(arm: str, steps: int | None = None) -> Callable[[], None]:
        key = (arm, steps or settings["steps"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's deprecations
            trainer = made.get(key) or made.setdefault(key, make(*key))

        def work() -> None:
            set_seed(0)
            trainer._step, trainer._buffered_inputs = 0, None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trainer.train()

        return work

    return training
