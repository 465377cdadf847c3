"""`antigrad unlearn`: a model and data in; an unlearned model, figures beside those of retraining, a receipt out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.unlearning.asked import PLACE, check_methods
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.metrics.case import Case, Cost, Seen, look
from antigrad.unlearning.metrics.metric import evaluate
from antigrad.unlearning.sources import Source, load
from antigrad.unlearning.unlearn.findings import summary_of
from antigrad.unlearning.unlearn.page import describe
from antigrad.unlearning.unlearn.receipt import write_receipt
from antigrad.unlearning.unlearn.rows import last, metric_row, metrics_of
from antigrad.unlearning.unlearn.settings import UnlearnConfig
from antigrad.unlearning.unlearn.trainings import REFERENCES, Prepared, shadows_of, train_all
from antigrad.unlearning.unlearn.work import (
    context_for,
    deletions,
    epochs_of,
    file_of,
    intact,
    restored,
    unlearn_one,
)
from antigrad.vision.split import SplitModel

FREE = ("output", "resume", "cache", *PLACE)
"""Settings that do not change the result."""


def unlearn_job(config: UnlearnConfig) -> RunFolder:
    """Forget part of the training data, and measure whether it is forgotten.

    Args:
        config: See `UnlearnConfig`.

    Returns:
        The run: certificates of steps, one row per metric, `artifacts/models/*.safetensors`, the deletion receipt, the
        page, the summary. The original's file is never written to.

    Raises:
        AntigradError: Settings, model, data or output folder are not usable.
    """
    config.check()
    source = load(config.given())
    planned = deletions(config.made_splits(), source.train, source.test, config.seed)
    check_methods([config.method], source.model)
    run = RunFolder.start(config.output, job="unlearn", config=config.recorded(), resume=config.resume, free=FREE)
    with run.refusals():
        _unlearn(config, run, source, planned)
    return run


def _unlearn(config: UnlearnConfig, run: RunFolder, source: Source, planned: Sequence[Deletion]) -> None:
    if source.damaged and not run.ledger.rows("damaged"):
        run.ledger.append({"kind": "damaged", "images": list(source.damaged)})
    with progress("unlearning", len(planned)) as bar:
        contexts: list[Context] = []
        models = [source.model]
        for place, deletion in enumerate(planned):
            contexts.append(context_for(models[-1], deletion, source, config.seed))
            models.append(_forget(config, run, place, contexts[-1], source))
            bar.advance(f"deletion {place + 1}: {config.method}")
    train_all(Prepared(config, run, source, planned))
    with progress("measuring", len(planned)) as bar:
        for place, context in enumerate(contexts):
            case, seen = _judge(config, run, place, context, source, models[place + 1])
            bar.advance(f"deletion {place + 1}")
            if place == len(planned) - 1:
                describe(run, config, case, seen, write_receipt(run, config, planned, source.model))
    run.write_summary(summary_of(run, len(planned) - 1))


def _forget(config: UnlearnConfig, run: RunFolder, place: int, context: Context, source: Source) -> SplitModel:
    path = file_of(run, place, "unlearned")
    if intact(path, last(run, "unlearned", deletion=place)):
        return restored(path, source)
    model, row = unlearn_one(config, run, place, context)
    run.ledger.append(row)
    epochs_of(run, place, "unlearned").remove()
    return model


def _judge(
    config: UnlearnConfig, run: RunFolder, place: int, context: Context, source: Source, model: SplitModel
) -> tuple[Case, Seen]:
    case = case_of(config, run, place, context, source)
    seen = look(model, context, cost_of(last(run, "unlearned", deletion=place)))
    done = metrics_of(run, place)
    wanted = {name: metric for name, metric in config.made_metrics().items() if name not in done}
    for reading in evaluate(case, seen, wanted):
        run.ledger.append(metric_row(place, reading))
    return case, seen


def case_of(config: UnlearnConfig, run: RunFolder, place: int, context: Context, source: Source) -> Case:
    """Gather what metrics look at, from the files of a run.

    Args:
        config: Settings.
        run: The run.
        place: Number of the deletion.
        context: Of the deletion.
        source: Of models of this kind.

    Returns:
        The case.
    """
    references: list[Seen | None] = []
    for name in REFERENCES:
        row = last(run, "reference", deletion=place, name=name)
        path = file_of(run, place, name)
        references.append(None if row is None else look(restored(path, source), context, cost_of(row)))
    original = look(context.original, context, Cost(0.0, 0, 0.0))
    shadows = shadows_of(run, place, config.shadows)
    random = None if context.fresh is None else context.new_model
    return Case(context, original, references[0], references[1], shadows, random)


def cost_of(row: dict[str, Any] | None) -> Cost:
    """Read what a model took.

    Args:
        row: Its row.

    Returns:
        The cost.
    """
    row = row or {}
    return Cost(float(row.get("seconds", 0.0)), int(row.get("steps", 0)), float(row.get("passes", 0.0)))
