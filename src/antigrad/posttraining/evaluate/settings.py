"""Settings of `antigrad evaluate`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, cast, get_args

from antigrad.core.errors import AntigradError, ManyInputsError, did_you_mean, raise_all
from antigrad.core.files import is_file, is_there
from antigrad.core.settings import Settings
from antigrad.core.spread import too_many
from antigrad.language.tasks import Style, Task, load_task

Engine = Literal["auto", "transformers", "vllm"]
FREE = ("output", "resume", "shown", "rows_at_once", "threads")
"""What may differ when a run is resumed: it changes no figure beyond rounding."""
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class EvaluateConfig(Settings):
    """Settings of an evaluation.

    Args:
        model: Checkpoints to compare: `smollm2-135m-instruct`, `tiny`, a folder, a name on the model hub, or the folder
            of a PEFT adapter. An adapter is merged into the model it names as its base, or into `base` where that one
            is not on this machine.
        base: The model they came from; it is evaluated too, and they are compared with it.
        tasks: `products`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file.
        questions: How many questions to ask.
        samples: Responses sampled per question (n).
        k: Numbers of attempts for pass@k, none above `samples`; default: 1, 2, 4, … and `samples` itself.
        temperature: Sampling temperature; log-probabilities and entropies are taken at it.
        max_new_tokens: Longest response; longer ones are cut and counted.
        probes: Rare correct responses of the base model to follow, per question at most.
        pair_probes: Pairs of a correct and a wrong answer of the base, one per question at most, on which is measured
            where probability went: probe responses, squeezing, displacement, one step taken apart; 0 for none.
        level: Level of the bootstrap intervals.
        resamples: Resamples of the bootstrap over questions.
        verifier: `exact`, `last_number`, `math` or `reasoning_gym`; default: the task's.
        style: `raw` or `chat` prompts; default: the task's.
        shots: Worked examples in the prompt; default: the task's.
        engine: What generates: `transformers`, `vllm`, or `auto`: vLLM where it is installed and there is a CUDA
            device, for whole models.
        rows_at_once: Responses per forward pass.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `bfloat16` or `float16`.
        threads: CPU threads; None leaves torch's choice.
        trust_remote_code: Run code that comes with a model.
        shown: Rows of a table on the page, the worst ones; all are in the ledger.
        output: Folder of the run.
        seed: Seed of everything drawn.
        resume: Resume the run in `output`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {
        "num_fewshot": "shots", "limit": "questions", "batch_size": "rows_at_once", "max_gen_toks": "max_new_tokens",
        "num_generations": "samples", "max_completion_length": "max_new_tokens", "output_path": "output",
        "output_dir": "output",
    }  # fmt: skip
    model: list[str] = field(default_factory=lambda: ["smollm2-135m-instruct"])
    base: str | None = None
    tasks: str = "products"
    questions: int = 50
    samples: int = 16
    k: list[int] | None = None
    temperature: float = 1.0
    max_new_tokens: int = 64
    probes: int = 8
    pair_probes: int = 0
    level: float = 0.95
    resamples: int = 2000
    verifier: str | None = None
    style: str | None = None
    shots: int | None = None
    engine: Engine = "auto"
    rows_at_once: int = 64
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    trust_remote_code: bool = False
    shown: int = 200
    output: Path = Path("runs/evaluate")
    seed: int = 0
    resume: bool = False

    @property
    def checkpoints(self) -> list[str]:
        """All models in the order they are evaluated: the base first, for the others are compared with it."""
        return [*([self.base] if self.base is not None else []), *self.model]

    @property
    def ks(self) -> list[int]:
        """Numbers of attempts, ascending."""
        powers = [2**power for power in range(self.samples.bit_length()) if 2**power < self.samples]
        return [*powers, self.samples] if self.k is None else sorted(self.k)

    @property
    def labels(self) -> dict[str, str]:
        """Short names: of each path the end that tells it from the others."""
        names, depth = self.checkpoints, 1
        parts = {name: Path(name).parts for name in names}
        while len({parts[name][-depth:] for name in names}) < len(names):
            depth += 1
        return {name: "/".join(parts[name][-depth:]) for name in names}

    def _check_made(self) -> None:
        self.read()

    def read(self) -> Task:
        """Check every setting and draw the questions, before a model is loaded.

        Returns:
            The task.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = [*self._model_problems(), *self._number_problems(), *self._name_problems(), *self._engine_problems()]
        names = ("verifier", "style")
        wish = {name: getattr(self, name) for name in names if getattr(self, name) in _KNOWN[name]()}
        counts = {"count": max(1, self.questions), "seed": max(0, self.seed)}
        shots = self.shots if self.shots is None or self.shots >= 0 else None
        task: Task | None = None
        try:
            task = load_task(self.tasks, shots=shots, **counts, **wish)
        except ManyInputsError as error:
            problems += [f"tasks={self.tasks}: {problem}" for problem in error.problems]
        except AntigradError as error:
            problems.append(f"tasks={self.tasks}: {error}")
        problems += too_many("threads", self.threads)
        raise_all("settings of evaluate", problems)
        return cast(Task, task)

    def _model_problems(self) -> list[str]:
        from antigrad.language.adapters import adapter_of
        from antigrad.language.embedded import EMBEDDED

        problems = [] if self.model else ["model is empty: name at least one"]
        places = [str(Path(name).resolve()) if is_there(name) else name for name in self.checkpoints]
        doubled = [name for index, name in enumerate(self.checkpoints) if places[index] in places[:index]]
        where = "each model once; the base is evaluated too, leave it out of model"
        problems += [f"{name} is there twice: {where}" for name in dict.fromkeys(doubled)]
        for name in self.checkpoints:
            folder = Path(name)
            if name in EMBEDDED:
                continue
            try:
                adapter = adapter_of(name)
                if adapter is not None:
                    adapter.base(None if name == self.base else self.base)
                    continue
            except AntigradError as error:
                problems.append(f"model={name}: {error}" + (", or name it with --base" if self.base is None else ""))
                continue
            if is_there(folder) and not is_file(folder / "config.json"):
                problems.append(f"model={name}: neither config.json nor adapter_config.json is in it")
            if not is_there(folder) and not _HUB_NAME.fullmatch(name):
                problems.append(f"model={name}: no such folder; {did_you_mean(name, EMBEDDED)}")
        return problems

    def _number_problems(self) -> list[str]:
        problems: list[str] = []
        for name, least in (
            ("questions", 1),
            ("samples", 1),
            ("max_new_tokens", 1),
            ("probes", 0),
            ("pair_probes", 0),
            ("resamples", 100),
            ("shown", 1),
            ("rows_at_once", 1),
            ("seed", 0),
            ("shots", 0),
            ("threads", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                problems.append(f"{name}={value}: at least {least} is needed")
        if self.pair_probes and self.base is None:
            problems.append(f"pair_probes={self.pair_probes} without base: pairs are of the base's answers; name it")
        if self.k is not None and not self.k:
            problems.append("k is empty: name at least one number of attempts, for example 1")
        for k in self.k or []:
            if k < 1:
                problems.append(f"k={k}: at least 1 is needed")
            elif k > self.samples:
                problems.append(
                    f"k={k}: at most samples={self.samples}; raise samples, pass@k needs k samples per question"
                )
        if len(set(self.k or [])) != len(self.k or []):
            problems.append(f"k={self.k}: each number once")
        if not 0 < self.temperature < math.inf:
            problems.append(f"temperature={self.temperature}: a number above 0 is needed")
        if not 0 < self.level < 1:
            problems.append(f"level={self.level}: a number between 0 and 1 is needed, 0.95 for example")
        return problems

    def _name_problems(self) -> list[str]:
        values = {name: getattr(self, name) for name in _KNOWN}
        return [
            f"{name}={value}: {did_you_mean(str(value), _KNOWN[name]())}"
            for name, value in values.items()
            if value is not None and value not in _KNOWN[name]()
        ]

    def _engine_problems(self) -> list[str]:
        from antigrad.language.vllm import installed

        if self.engine != "vllm":
            return []
        problems = [] if installed() else ["engine=vllm: the package vllm is not installed; pip install vllm, or auto"]
        adapters = [name for name in self.checkpoints if is_file(Path(name) / "adapter_config.json")]
        return problems + [f"engine=vllm: {name} is an adapter; merge it first, or take auto" for name in adapters]


def _verifiers() -> tuple[str, ...]:
    from antigrad.language.tasks.verifiers import VERIFIERS

    return tuple(VERIFIERS)


def _dtypes() -> tuple[str, ...]:
    from antigrad.language.policy import DTYPES

    return tuple(DTYPES)


_KNOWN = {
    "verifier": _verifiers,
    "style": lambda: get_args(Style),
    "engine": lambda: get_args(Engine),
    "dtype": _dtypes,
}
