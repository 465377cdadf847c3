"""Settings of `antigrad explain-text`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from antigrad.attribution.explain_text.language import TokenMethod
from antigrad.core.errors import did_you_mean, raise_all
from antigrad.core.settings import Settings


@dataclass(frozen=True)
class ExplainTextConfig(Settings):
    """Settings of an explanation of a text.

    Args:
        prompt: What the model reads, as a user's message of its chat template if it has one.
        answer: The answer whose log-probability is explained.
        other: Another answer: what speaks for the first and against this one is explained.
        model: `smollm2-135m-instruct`, `tiny`, a folder or a hub name.
        method: `ablation` (what replacing a token costs), `integrated_gradients`, `gradient_x_input` or
            `guided_absolute_grad` (magnitudes).
        shown: Rows of a table on the page, the largest scores; all are in the ledger.
        output: Folder of the run.
        n_steps: Points on the path of `integrated_gradients`.
        n_samples: Noisy copies of `guided_absolute_grad`.
        seed: Of that noise.
        raw: Leave the chat template out.
        device: `auto` or a torch device.
        resume: Write a run that was interrupted again.
    """

    prompt: str = ""
    answer: str = ""
    other: str = ""
    model: str = "smollm2-135m-instruct"
    method: str = "ablation"
    shown: int = 200
    output: Path = Path("runs/explain-text")
    n_steps: int = 300
    n_samples: int = 20
    seed: int = 0
    raw: bool = False
    device: str = "auto"
    resume: bool = False

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = [f"{name} is empty: a text is needed" for name in ("prompt", "answer") if not getattr(self, name)]
        least = {"n_steps": 1, "n_samples": 2, "shown": 1, "seed": 0}
        problems += [
            f"{name}={getattr(self, name)}: at least {low}" for name, low in least.items() if getattr(self, name) < low
        ]
        known = get_args(TokenMethod)
        if self.method not in known:
            problems.append(f"method {self.method!r}: {did_you_mean(self.method, known)}")
        if self.other and self.method == "guided_absolute_grad":
            problems.append("other with guided_absolute_grad: magnitudes have no sign to tell two answers apart")
        raise_all("settings of explain-text", problems)
