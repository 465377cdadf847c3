"""Settings of `antigrad certify`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from antigrad.core.errors import did_you_mean, raise_all
from antigrad.core.settings import Settings
from antigrad.core.spread import too_many
from antigrad.posttraining.certify.data import Example, read_examples, read_pairs

ROLES = ("unknown", "training", "held_out")


@dataclass(frozen=True)
class CertifyConfig(Settings):
    """Settings of the certificate of a whole fine-tune.

    Args:
        before: The model before: `smollm2-135m-instruct`, `tiny`, a folder, also one with a PEFT adapter, or a name on
            the model hub.
        after: The model after: the same kinds. An adapter is merged into the model it names as its base, or into
            `before` where that one is not on this machine.
        up: What should have become likelier: JSONL or JSON rows with `prompt` and `response` (or
            `completion`), with `messages`, or with `text`. The end-of-sequence token is put behind text that lacks it.
        down: What should have become less likely; rows of the same form.
        anchor: What should have stayed as likely as it was; rows of the same form.
        pairs: Rows with `chosen` and `rejected`, and `prompt` or one inside both: they give `up` and `down` both.
        data_role: Whether the move was made from this very data: `unknown`, `training` or `held_out`.
        down_weight: Weight of the down part in the sum.
        max_rows: Rows of each part; from more, this many are drawn.
        max_tokens: Longest row in tokens; longer ones are cut at the end.
        rows_at_once: Rows per forward and backward pass.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `bfloat16` or `float16`; sums over rows are in float32 at least.
        threads: CPU threads; None leaves torch's choice.
        trust_remote_code: Run code that comes with a model.
        output: Folder of the run.
        seed: Decides which rows are drawn.
        resume: Resume the run in `output`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {
        "max_length": "max_tokens", "per_device_train_batch_size": "rows_at_once", "output_dir": "output",
    }  # fmt: skip
    before: str = ""
    after: str = ""
    up: Path | None = None
    down: Path | None = None
    anchor: Path | None = None
    pairs: Path | None = None
    data_role: str = "unknown"
    down_weight: float = 1.0
    max_rows: int = 128
    max_tokens: int = 512
    rows_at_once: int = 4
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    trust_remote_code: bool = False
    output: Path = Path("runs/certify")
    seed: int = 0
    resume: bool = False

    def _check_made(self) -> None:
        self.read()

    def read(self) -> Mapping[str, list[Example]]:
        """Check every setting and read the data, before a model is loaded.

        Returns:
            The examples of each part that was given, in the order up, down, anchor.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = self._problems()
        parts: dict[str, list[Example]] = {}
        if self.pairs is not None:
            parts["up"], parts["down"], found = read_pairs(self.pairs)
            problems += found
        for name in ("up", "down", "anchor"):
            path: Path | None = getattr(self, name)
            if path is not None and name not in parts:
                parts[name], found = read_examples(path)
                problems += found
        problems += too_many("threads", self.threads)
        raise_all("settings of certify", problems)
        return parts

    def _problems(self) -> list[str]:
        from antigrad.language.policy import DTYPES

        problems = [f"{name} is missing: name a model" for name in ("before", "after") if not getattr(self, name)]
        if self.before and self.before == self.after:
            problems.append(f"before and after are both {self.before!r}: name two checkpoints")
        given = [name for name in ("up", "down", "anchor", "pairs") if getattr(self, name) is not None]
        if not given:
            problems.append("no data: give at least one of --up, --down, --anchor, --pairs")
        doubled = [name for name in ("up", "down") if {"pairs", name} <= set(given)]
        problems += [f"pairs and {name}: pairs gives {name} already, leave one of them out" for name in doubled]
        for name, least in (("max_rows", 2), ("max_tokens", 2), ("rows_at_once", 1), ("seed", 0), ("threads", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                problems.append(f"{name}={value}: at least {least} is needed")
        for name, known in (("dtype", DTYPES), ("data_role", ROLES)):
            value = getattr(self, name)
            if value not in known:
                problems.append(f"{name}={value}: {did_you_mean(str(value), known)}")
        if not 0 <= self.down_weight < math.inf:
            problems.append(f"down_weight={self.down_weight}: a number of at least 0 is needed")
        return problems
