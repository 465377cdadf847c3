"""Lists in the reference that follow the code: every credit rule, every command and its settings."""

import re
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any

from griffe import Docstring, DocstringSectionParameters

from antigrad.attribution.methods import METHODS
from antigrad.attribution.metrics import METRICS
from antigrad.cli.jobs import JOBS, Job, load
from antigrad.credit import CREDIT
from antigrad.credit.pairs import PAIR_CREDIT
from antigrad.lab import OBJECTIVES
from antigrad.lab.study import load as load_study
from antigrad.lab.study import names
from antigrad.objectives import PAIR_LOSSES
from antigrad.scenarios.costs import COSTS
from antigrad.scenarios.io import READERS, WRITERS
from antigrad.scenarios.layouts import LAYOUTS
from antigrad.scenarios.metrics import TRAFFIC_METRICS
from antigrad.scenarios.planners import PLANNERS
from antigrad.scenarios.steering import STEERING
from antigrad.scenarios.vehicles import VEHICLES
from antigrad.unlearning.methods import METHODS as UNLEARNING_METHODS
from antigrad.unlearning.metrics import METRICS as UNLEARNING_METRICS
from antigrad.unlearning.splits import SPLITS


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the places that a page leaves open with `<!-- NAME -->`."""
    return re.sub(r"<!-- ([a-z ]+) -->", lambda found: _LISTS[found[1]](), markdown)


def credit_rules() -> str:
    """One section a rule, and a table before them."""
    rows = ["| rule | what it does | needs |", "| --- | --- | --- |"]
    sections: list[str] = []
    for name, rule in CREDIT.classes.items():
        summary = (rule.__doc__ or "").partition("\n")[0]
        needs = "scores" if rule.needs_influence else "hidden states" if rule.needs_hidden else "nothing"
        rows.append(f"| [`{name}`](#{rule.__module__}.{rule.__name__}) | {summary} | {needs} |")
        sections.append(
            f"## {name}\n\n::: {rule.__module__}.{rule.__name__}\n    options:\n      show_root_toc_entry: false\n"
        )
    return "\n".join([*rows, "", *sections])


def commands() -> str:
    """One section a job, with a table of its settings."""
    return "\n".join(_command(job) for job in JOBS)


def _command(job: Job) -> str:
    settings = load(job.settings)
    text = {
        item.name: item.description
        for kind in reversed(settings.__mro__)  # what trainings share is explained in their common base
        for section in Docstring(kind.__doc__ or "").parse("google", warn_missing_types=False)
        if isinstance(section, DocstringSectionParameters)
        for item in section.value
    }
    lines = [f"## antigrad {' '.join(job.words)}", "", job.help[0].upper() + job.help[1:] + ".", ""]
    lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{field.name}` | {_default(field)} | {text[field.name]} |" for field in fields(settings)]
    return "\n".join([*lines, ""])


def _default(field: Field[Any]) -> str:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    items = value if isinstance(value, list) else [value]
    return "none" if value is None else ",<br>".join(f"`{item}`" for item in items)


def listed(head: str, classes: dict[str, type[Any]]) -> str:
    """A table of everything in a catalog, and one section each."""
    rows, sections = [f"| {head} | what it does |", "| --- | --- |"], list[str]()
    for name, kind in classes.items():
        summary = (kind.__doc__ or "").partition("\n")[0]
        rows.append(f"| [`{name}`](#{kind.__module__}.{kind.__name__}) | {summary} |")
        options = "    options:\n      show_root_toc_entry: false\n"
        sections.append(f"### {name}\n\n::: {kind.__module__}.{kind.__name__}\n{options}")
    return "\n".join([*rows, "", *sections])


def pair_losses() -> str:
    """Losses on pairs, sorted by what their push does as the rejected response vanishes."""
    rows = ["| loss | what it does | push vanishes by | signs are steady |", "| --- | --- | --- | --- |"]
    order = ("own", "margin", "never", "reverses")
    for name, loss in sorted(PAIR_LOSSES.classes.items(), key=lambda item: (order.index(item[1].vanishes), item[0])):
        summary = (loss.__doc__ or "").partition("\n")[0]
        link = f"[`{name}`](#{loss.__module__}.{loss.__name__})"
        rows.append(f"| {link} | {summary} | {loss.vanishes} | {'yes' if loss.steady else 'no'} |")
    sections = listed("loss", PAIR_LOSSES.classes).partition("\n\n")[2]
    return "\n".join([*rows, "", sections])


def lab_studies() -> str:
    """Every study with its question and the claim it is compared with."""
    rows = ["| study | question | compared with | tier |", "| --- | --- | --- | --- |"]
    for name in names():
        study = load_study(name)
        rows.append(f"| `{name}` | {study.asks} | {study.paper}: {study.sentence} | {study.tier} |")
    return "\n".join([*rows, ""])


_LISTS: dict[str, Callable[[], str]] = {
    "credit rules": credit_rules,
    "commands": commands,
    "lab objectives": lambda: listed("objective", OBJECTIVES.classes),
    "attribution methods": lambda: listed("method", METHODS.classes),
    "map metrics": lambda: listed("metric", METRICS.classes),
    "lab studies": lab_studies,
    "scene readers": lambda: listed("format", READERS.classes),
    "scene writers": lambda: listed("format", WRITERS.classes),
    "scenario costs": lambda: listed("cost", COSTS.classes),
    "traffic metrics": lambda: listed("metric", TRAFFIC_METRICS.classes),
    "steering rules": lambda: listed("rule", STEERING.classes),
    "planners": lambda: listed("planner", PLANNERS.classes),
    "vehicles": lambda: listed("vehicle", VEHICLES.classes),
    "layouts": lambda: listed("layout", LAYOUTS.classes),
    "unlearning methods": lambda: listed("method", UNLEARNING_METHODS.classes),
    "unlearning splits": lambda: listed("split", SPLITS.classes),
    "unlearning metrics": lambda: listed("metric", UNLEARNING_METRICS.classes),
    "losses on pairs": pair_losses,
    "rules for pairs": lambda: listed("rule", PAIR_CREDIT.classes),
}
