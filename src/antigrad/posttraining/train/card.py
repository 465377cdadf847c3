"""The model card of a checkpoint: where it comes from, by which rule, with what settings, figures and certificate."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import yaml

from antigrad.core.ledger import to_json
from antigrad.core.runs import RunFolder
from antigrad.language.adapters import adapter_of
from antigrad.language.embedded import EMBEDDED
from antigrad.posttraining.train.settings import TrainConfig

HUB = {"smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""What embedded models are called on the model hub."""
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_TOLD = (
    "loss", "reward", "reward_std", "entropy", "kl", "grad_norm", "mean_token_accuracy", "completions/mean_length",
    "frac_reward_zero_std",
)  # fmt: skip
_FAMILIES = ("credit/", "metric/", "rewards/", "logps/", "probe/", "pairs/")
"""Figures, and beginnings of names of such, that say something of the model."""
_HERE = ("output", "resume", "device", "threads")
"""Settings that say nothing of the model."""


def model_card(run: RunFolder, job: str, config: TrainConfig, state: Any) -> str:
    """Describe the model at a state of its training.

    Args:
        run: The run it is trained in.
        job: What is typed behind `antigrad`.
        config: The settings.
        state: The trainer's: its step, and the history of what it logged.

    Returns:
        Markdown, with a head that the model hub reads.
    """
    adapter = adapter_of(config.model)
    base = adapter.recorded if adapter is not None else config.model
    hub = HUB.get(base, base if _HUB_NAME.fullmatch(base) else "")
    rule = str(getattr(config, "credit", "") or "none")
    head: dict[str, Any] = {"base_model": hub} if hub else {}
    head["library_name"] = "peft" if config.lora or adapter is not None else "transformers"
    head["tags"] = ["antigrad", "trl", job.rpartition(" ")[2]]
    shown = hub or (f"`{base}`, embedded in antigrad" if base in EMBEDDED else base)
    name = run.path.resolve().name
    versions: Mapping[str, str] = run.facts.get("versions") or {}
    lines = [
        "---", yaml.safe_dump(head, sort_keys=False).strip(), "---", "",
        f"# {name}, step {state.global_step} of {config.steps}", "",
        f"{shown}, trained by `antigrad {job}` with the credit rule `{rule}`.", "",
        "| | |", "| --- | --- |",
        f"| base model | {_cell(shown)} |",
        f"| credit rule | `{_cell(rule)}` |",
        f"| data | {_cell(getattr(config, 'pairs', '') or config.tasks)} |",
        f"| seed | {config.seed} |",
        f"| versions | {_cell(', '.join(f'{key} {versions[key]}' for key in _NAMED if key in versions))} |",
        *_figures(state.log_history),
        *_certificate(state.log_history),
        "", "## Settings", "", "```yaml", _settings(config), "```", "",
    ]  # fmt: skip
    return "\n".join(lines)


_NAMED = ("antigrad", "trl", "transformers", "torch", "peft")


def _settings(config: TrainConfig) -> str:
    values = {key: str(value) if key == "output" else value for key, value in asdict(config).items()}
    return yaml.safe_dump(to_json({key: value for key, value in values.items() if key not in _HERE}), sort_keys=False)


def _figures(history: list[dict[str, Any]]) -> list[str]:
    # What was logged last, in training and on held-out data, and the first evaluation beside it.
    train = [row for row in history if not _held_out(row) and "loss" in row]
    tests = [row for row in history if _held_out(row)]
    lines: list[str] = []
    if train:
        lines += ["", f"## Figures of step {train[-1].get('step')}", "", "| figure | value |", "| --- | ---: |"]
        lines += [f"| {_cell(key)} | {value:.6g} |" for key, value in sorted(_numbers(train[-1]).items())]
    if tests:
        first, last = _numbers(tests[0]), _numbers(tests[-1])
        lines += ["", "## On held-out data", ""]
        lines += [f"| figure | step {tests[0].get('step')} | step {tests[-1].get('step')} |", "| --- | ---: | ---: |"]
        lines += [
            f"| {_cell(key.removeprefix('eval_'))} | {_shown(first.get(key))} | {value:.6g} |"
            for key, value in sorted(last.items())
        ]
    return lines


def _certificate(history: list[dict[str, Any]]) -> list[str]:
    rows = [row for row in history if "certificate/cos" in row]
    if not rows:
        return []
    cosines = [row["certificate/cos"] for row in rows]
    below = sum(one < 0 for one in cosines)
    return [
        "", "## Certificate", "",
        f"{len(rows)} certified steps: mean cos ψ between the step and the negative gradient "
        f"{sum(cosines) / len(cosines):+.4f}, below 0 in {below} of them. "
        "Layers and parts are in the run's `certificate/report.html`.",
    ]  # fmt: skip


def _held_out(row: Mapping[str, Any]) -> bool:
    return any(key.startswith("eval_") for key in row)


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if isinstance(value, int | float) and math.isfinite(value) and _says(key.removeprefix("eval_"))
    }


def _says(key: str) -> bool:
    return key in _TOLD or key.startswith(_FAMILIES)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
