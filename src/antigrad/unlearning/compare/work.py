"""The pieces of work of a comparison. Each is a function of what was prepared and of what it is given, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.runs import RunFolder
from antigrad.unlearning.checkpoint import load_into
from antigrad.unlearning.compare.settings import CompareConfig
from antigrad.unlearning.guard import Guard
from antigrad.unlearning.loop import Unlearned, context_of, unlearn
from antigrad.unlearning.methods import METHODS, UnlearningMethod
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.metrics.average_gap import AverageGap
from antigrad.unlearning.metrics.case import Case, Cost, Seen, look
from antigrad.unlearning.metrics.metric import evaluate
from antigrad.unlearning.reference import cache_folder, retrained
from antigrad.unlearning.sources import Source, load
from antigrad.unlearning.splits import SPLITS
from antigrad.unlearning.unlearn.work import intact, saved
from antigrad.vision.split import SplitModel

ORIGINAL, RETRAIN, TWIN = "original", "retrain", "retrain again"
SEARCH_SEED = 10_000
"""Added to the first seed for the search: no figure that is reported is of that seed."""


@dataclass(frozen=True)
class Prepared:
    """What all pieces share.

    Args:
        config: Settings.
        source: The model, its factory and its data.
        run: Where references lie.
    """

    config: CompareConfig
    source: Source
    run: RunFolder


def prepare(config: CompareConfig) -> Prepared:
    """Load data and model, once a process.

    Args:
        config: Settings.

    Returns:
        What all pieces share.
    """
    return Prepared(config, load(config.given()), RunFolder(config.output))


@dataclass(frozen=True)
class Place:
    """A case and a seed.

    Args:
        split: Number of the split.
        seed: The seed.
    """

    split: int
    seed: int


def reference(prepared: Prepared, place: Place) -> dict[str, Any]:
    """Train the reference of a case and seed, and its twin.

    Args:
        prepared: What all pieces share.
        place: Which.

    Returns:
        Its row of the ledger.
    """
    config, context = prepared.config, context_at(prepared, place)
    row: dict[str, Any] = {"kind": "reference", "split": place.split, "seed": place.seed}
    twin = config.twin and place.seed < config.seed + SEARCH_SEED
    for number, name in enumerate((RETRAIN, TWIN)[: 1 + twin]):
        # Numbers of twins are far from those of other seeds: no reference is anybody's twin.
        mine = replace(context, seed=place.seed + 1_000_000 * number)
        found = retrained(mine, config.made_recipe(), cache=cache_folder() if config.cache else None)
        sha256 = saved(prepared.run.artifact(_file(place, name)), found.model, {"recipe": config.recipe})
        row[name] = {"seconds": found.seconds, "steps": found.steps, "cached": found.cached, "sha256": sha256}
    return row


def has_files(run: RunFolder, row: Mapping[str, Any]) -> bool:
    """Tell whether the models of a row of a reference are those that were written.

    Args:
        run: The run.
        row: Of the reference.

    Returns:
        Whether they are; if not, it is said on standard error which.
    """
    place = Place(row["split"], row["seed"])
    return all(intact(run.artifact(_file(place, name)), row[name]) for name in (RETRAIN, TWIN) if name in row)


def search(prepared: Prepared, given: tuple[str, Place, Mapping[str, Any]]) -> dict[str, Any]:
    """Try factors on the learning rate of a method, on a seed of its own.

    Args:
        prepared: What all pieces share.
        given: Method, case and seed, row of the reference.

    Returns:
        Its row of the ledger: what was tried, what it cost, which factor has the least average gap to retraining.
    """
    spec, place, row = given
    case = case_at(prepared, place, row)
    tries: list[dict[str, Any]] = []
    for factor in prepared.config.search:
        done = run_method(scaled(METHODS.make(spec), factor), prepared, case.context)
        seen = look(done.model, case.context, cost_of(done))
        gap = AverageGap()(case, seen).value
        spent = {"steps": done.steps, "seconds": done.seconds, "stopped": done.stopped}
        tries.append({"factor": factor, "gap": gap, **spent})
    going = [one for one in tries if one["stopped"] is None] or tries
    best = min(going, key=lambda one: one["gap"])
    return {"kind": "search", "split": place.split, "method": spec, "factor": best["factor"], "tries": tries}


def outcome(prepared: Prepared, given: tuple[str, float, Place, Mapping[str, Any]]) -> dict[str, Any]:
    """Run a method on a case and seed, and measure it.

    Args:
        prepared: What all pieces share.
        given: Method, factor on its learning rate, case and seed, row of the reference.

    Returns:
        Its row of the ledger. `original`, `retrain` and `retrain again` are measured as methods are.

    Raises:
        InputValueError: A reference that was not trained is to be measured.
    """
    spec, factor, place, row = given
    case = case_at(prepared, place, row)
    stopped: str | None = None
    if spec == ORIGINAL:
        seen = case.original
    elif spec in (RETRAIN, TWIN):
        seen = case.retrained if spec == RETRAIN else case.twin
    else:
        done = run_method(scaled(METHODS.make(spec), factor), prepared, case.context)
        seen, stopped = look(done.model, case.context, cost_of(done)), done.stopped
    if seen is None:
        raise InputValueError(f"{spec} without its model", "a row of its reference", "add --twin true")
    # The reference compares with its twin: with itself every gap would be 0 by construction.
    case = replace(case, retrained=case.twin, twin=None) if spec == RETRAIN and case.twin is not None else case
    figures = {one.name: one.value.value for one in evaluate(case, seen, prepared.config.made_metrics())}
    facts = {"kind": "outcome", "split": place.split, "seed": place.seed, "method": spec, "factor": factor}
    return {**facts, "stopped": stopped, "figures": figures}


def run_method(method: UnlearningMethod, prepared: Prepared, context: Context) -> Unlearned:
    """Run a method with the guard of the settings.

    Args:
        method: The method.
        prepared: What all pieces share.
        context: What it is given.

    Returns:
        What came of it.
    """
    return unlearn(method, context, guard=Guard(prepared.config.floor))


def scaled(method: UnlearningMethod, factor: float) -> UnlearningMethod:
    """Multiply the learning rate of a method.

    Args:
        method: The method.
        factor: On it.

    Returns:
        The method.
    """
    return method if factor == 1 else replace(method, learning_rate=method.learning_rate * factor)


def context_at(prepared: Prepared, place: Place) -> Context:
    """Gather what a method is given.

    Args:
        prepared: What all pieces share.
        place: Which case and seed.

    Returns:
        The context.
    """
    split = SPLITS.make(prepared.config.split[place.split])
    deletion = split(prepared.source.train, prepared.source.test, place.seed)
    return context_of(prepared.source.model, deletion, seed=place.seed, fresh=prepared.source.fresh)


def case_at(prepared: Prepared, place: Place, row: Mapping[str, Any]) -> Case:
    """Gather what metrics look at.

    Args:
        prepared: What all pieces share.
        place: Which case and seed.
        row: Of the reference.

    Returns:
        The case.
    """
    context = context_at(prepared, place)
    seen: list[Seen | None] = []
    for name in (RETRAIN, TWIN):
        path, facts = prepared.run.artifact(_file(place, name)), row.get(name)
        if facts is None:
            seen.append(None)
            continue
        model: SplitModel = prepared.source.model.copy()
        load_into(model.module, path)
        seen.append(look(model, context, Cost(facts["seconds"], facts["steps"], 0.0)))
    original = look(context.original, context, Cost(0.0, 0, 0.0))
    return Case(context, original, seen[0], seen[1], None, context.new_model)


def cost_of(done: Unlearned) -> Cost:
    """What a method took.

    Args:
        done: What came of it.

    Returns:
        The cost.
    """
    return Cost(done.seconds, done.steps, done.passes)


def _file(place: Place, name: str) -> str:
    return f"references/{place.split:02d}-{place.seed}-{name.replace(' ', '-')}.safetensors"
