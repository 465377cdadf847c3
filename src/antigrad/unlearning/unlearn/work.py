"""The pieces of work of an unlearning: each depends on files and settings alone, and can be done anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from antigrad.core.checkpoints import flaw, tell
from antigrad.core.files import write_atomic
from antigrad.core.parts import Parts
from antigrad.core.runs import RunFolder
from antigrad.unlearning.checkpoint import EpochCheckpoints, load_into
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.draws import Draw
from antigrad.unlearning.guard import Guard
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods import METHODS, UnlearningMethod
from antigrad.unlearning.methods.method import Batch, Context
from antigrad.unlearning.payers import preflight
from antigrad.unlearning.sources import Source
from antigrad.unlearning.splits import Split
from antigrad.unlearning.unlearn.rows import last
from antigrad.unlearning.unlearn.settings import UnlearnConfig
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

PREFLIGHT = 4
"""Batches from which it is predicted who will pay."""


def deletions(splits: Sequence[Split], train: Samples, test: Samples, seed: int) -> list[Deletion]:
    """Make the deletions, each from what the ones before it left.

    Args:
        splits: In order.
        train: The training set.
        test: The test set.
        seed: Of what is drawn.

    Returns:
        One deletion a split.
    """
    found: list[Deletion] = []
    gone: Tensor | None = None
    for split in splits:
        one = split(train, test, seed, gone)
        found.append(one)
        gone = one.mask if gone is None else one.mask | gone
    return found


def file_of(run: RunFolder, place: int, what: str) -> Path:
    """Where a model of a run lies.

    Args:
        run: The run.
        place: Number of the deletion.
        what: Which model.

    Returns:
        A safetensors file.
    """
    return run.artifact(f"models/{place + 1:02d}-{what}.safetensors")


def epochs_of(run: RunFolder, place: int, what: str) -> EpochCheckpoints:
    """Where the checkpoints of a model lie while it is trained.

    Args:
        run: The run.
        place: Number of the deletion.
        what: Which model.

    Returns:
        Its checkpoints.
    """
    return EpochCheckpoints(run.path / "checkpoints" / f"{place + 1:02d}-{what}")


def intact(path: Path, row: Mapping[str, Any] | None) -> bool:
    """Tell whether a piece of work is done: it has a row, and the file is the one that was written.

    Args:
        path: The file.
        row: With its SHA-256; None where there is none.

    Returns:
        Whether it need not be done again; if the file is damaged, that is said on standard error.
    """
    wrong = None if row is None else flaw(path, row.get("sha256"))
    if wrong is not None:
        tell(f"{path} {wrong}: it is made again")
    return row is not None and wrong is None


def saved(path: Path, model: SplitModel, facts: Mapping[str, str]) -> str:
    """Write a model's state.

    Args:
        path: Where to.
        model: The model.
        facts: Kept in the file's header, as one entry: the order of several is not defined, nor would be the hash.

    Returns:
        SHA-256 of the file.
    """
    state = {name: value.detach().cpu().contiguous().clone() for name, value in model.module.state_dict().items()}
    data = save(state, {"antigrad": json.dumps(dict(facts), sort_keys=True)})
    write_atomic(path, data)
    return hashlib.sha256(data).hexdigest()


def restored(path: Path, source: Source) -> SplitModel:
    """Read a model's state.

    Args:
        path: Where it lies.
        source: Of models of this kind.

    Returns:
        The model, in eval mode.
    """
    model = source.model.copy()
    load_into(model.module, path)
    return model


def unlearn_one(
    config: UnlearnConfig, run: RunFolder, place: int, context: Context
) -> tuple[SplitModel, dict[str, Any]]:
    """Run the method on one deletion; resumes from its last epoch after an interruption.

    Args:
        config: Settings.
        run: Takes certificates and the model.
        place: Number of the deletion.
        context: What the method is given.

    Returns:
        The model, and its row of the ledger.
    """
    rows = run.ledger.stream("certificate", without=("block_cos", "in_batch"))
    known = {row["step"] for row in rows if row.get("deletion") == place}  # a kill between them and their checkpoint

    def keep(row: Mapping[str, Any]) -> None:
        if row["step"] not in known:
            run.ledger.append({**row, "deletion": place})

    if config.payers and last(run, "preflight", deletion=place) is None:
        before = preflight_one(config, place, context)
        if before is not None:
            run.ledger.append(before)
    done = unlearn(
        METHODS.make(config.method),
        context,
        guard=Guard(config.floor),
        weight=config.made_weight(),
        every=config.every,
        payers=config.payers,
        checkpoints=epochs_of(run, place, "unlearned"),
        on_row=keep,
    )
    digest = saved(file_of(run, place, "unlearned"), done.model, _facts(config, context))
    row = {
        "kind": "unlearned",
        "deletion": place,
        "sha256": digest,
        "paid": None
        if done.paid is None
        else {"places": done.paid.places.tolist(), **{part: value.tolist() for part, value in done.paid.sums.items()}},
        **{name: getattr(done, name) for name in ("steps", "passes", "seconds", "epochs", "stopped", "history")},
    }
    return done.model, row


def preflight_one(config: UnlearnConfig, place: int, context: Context) -> dict[str, Any] | None:
    """Predict who will pay, from the first batches, before anything is changed.

    Args:
        config: Settings.
        place: Number of the deletion.
        context: What the method is given.

    Returns:
        The row of the ledger; None for a method that has no steps, or does not start from the original.
    """
    method, model = METHODS.make(config.method), context.original.copy()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        memory, phases = method.prepare(model, context), method.phases(context)
        start = context.original.module.state_dict()
        now = {name: value for name, value in model.module.state_dict().items() if value.shape == start[name].shape}
        if any(not torch.equal(value, start[name]) for name, value in now.items()):
            return None
        draws = islice(method.draws(context, phases[0].name, 0, context.generator(42)), PREFLIGHT)
        batches = [parts_of(method, draw, model, memory, context, number) for number, draw in enumerate(draws)]
        found = preflight(model, context, batches, config.payers) if batches else None
        method.finish(model, memory)
    if found is None or not found.along:
        return None
    along = {part: value.tolist() for part, value in found.along.items()}
    return {"kind": "preflight", "deletion": place, "places": found.places.tolist(), "along": along, "safe": found.safe}


def parts_of(
    method: UnlearningMethod, draw: Draw, model: SplitModel, memory: Any, context: Context, number: int
) -> Parts:
    """Compute the parts of one draw.

    Args:
        method: The method.
        draw: What the step sees.
        model: The model.
        memory: What `prepare` returned.
        context: What the method is given.
        number: Of the draw.

    Returns:
        The parts.
    """
    forget, retain = context.batch(context.forget, draw.forget), context.batch(context.retain, draw.retain)
    return method.parts(Batch(forget, retain, draw.kind, context.generator(43, number)), model, memory)


def _facts(config: UnlearnConfig, context: Context) -> dict[str, str]:
    facts = {"method": config.method, "forgotten": str(len(context.forget)), "scenario": context.deletion.scenario}
    return {**facts, "settings": json.dumps(asdict(METHODS.make(config.method)))}


def context_for(model: SplitModel, deletion: Deletion, source: Source, seed: int) -> Context:
    """Gather what a method is given.

    Args:
        model: What the deletion before this one left.
        deletion: The deletion.
        source: Of models of this kind.
        seed: Of the run.

    Returns:
        The context.
    """
    return context_of(model, deletion, seed=seed, fresh=source.fresh)
