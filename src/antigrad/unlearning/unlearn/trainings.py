"""References and shadow models of a run: pieces of work that need no other one, here, over processes or on Ray."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from antigrad.core.errors import AntigradError
from antigrad.core.files import write_atomic
from antigrad.core.runs import RunFolder
from antigrad.core.spread import Piece, spread
from antigrad.unlearning.checkpoint import EpochCheckpoints
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.loop import context_of
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.metrics.case import Cost, look
from antigrad.unlearning.reference import cache_folder, retrained, shadow_context
from antigrad.unlearning.sources import Source, load
from antigrad.unlearning.unlearn.settings import UnlearnConfig
from antigrad.unlearning.unlearn.work import deletions, epochs_of, file_of, intact, saved

REFERENCES = ("retrained", "twin")
"""Names of the reference and of the one with another seed, in files and rows."""
SPOKEN = ("forget", "test", "test_retained", "test_removed")
"""Sets of which shadow models' outputs are kept."""


Kind = Literal["reference", "shadow"]


@dataclass(frozen=True)
class Prepared:
    """What all trainings share.

    Args:
        config: Settings.
        run: Where models lie.
        source: The model, its factory and its data.
        planned: The deletions.
    """

    config: UnlearnConfig
    run: RunFolder
    source: Source
    planned: Sequence[Deletion]


@dataclass(frozen=True)
class Training:
    """A model to be trained.

    Args:
        kind: Reference or shadow model.
        deletion: Number of the deletion.
        number: Of the model: 1 is the reference's twin.
    """

    kind: Kind
    deletion: int
    number: int

    @property
    def key(self) -> tuple[str, int, int]:
        """What it is known by."""
        return self.kind, self.deletion, self.number

    @property
    def name(self) -> str:
        """Of its file, and for a reader."""
        return REFERENCES[self.number] if self.kind == "reference" else f"shadow-{self.number:03d}"


def train_all(prepared: Prepared) -> None:
    """Train what is not there yet, and write one row each.

    Args:
        prepared: Settings, folder, data.

    Raises:
        AntigradError: A training diverged, or a worker died.
    """
    config, run = prepared.config, prepared.run
    counts: dict[Kind, int] = {"reference": config.references, "shadow": config.shadows}
    wanted = [
        Training(kind, deletion, number)
        for deletion in range(len(prepared.planned))
        for kind, count in counts.items()
        for number in range(count)
    ]
    rows = {_key(row): row for kind in counts for row in run.ledger.rows(kind)}  # the last one of each
    done = {one.key for one in wanted if intact(file_of(run, one.deletion, one.name), rows.get(one.key))}
    pieces = [Piece(one.key, one, f"deletion {one.deletion + 1}: {one.name}") for one in wanted]
    results = spread(
        train,
        pieces,
        prepare=partial(prepare, config),
        prepared=prepared,
        done=done,
        where=config.where(),
        title="retraining",
        own_threads=True,  # Alone, a training has all threads of this process.
    )
    for _, found in results:
        if isinstance(found, AntigradError):
            raise found
        run.ledger.append(found)


def _key(row: Mapping[str, Any]) -> tuple[str, int, int]:
    return row["kind"], row["deletion"], row["number"]


def prepare(config: UnlearnConfig) -> Prepared:
    """Load data and model, once a process.

    Args:
        config: Settings.

    Returns:
        What all trainings share.
    """
    source = load(config.given())
    planned = deletions(config.made_splits(), source.train, source.test, config.seed)
    return Prepared(config, RunFolder(config.output), source, planned)


def train(prepared: Prepared, given: Training) -> dict[str, Any]:
    """Train one model; resumes from its last epoch after an interruption.

    Args:
        prepared: What all trainings share.
        given: Which.

    Returns:
        Its row of the ledger.
    """
    config, source, run = prepared.config, prepared.source, prepared.run
    deletion = prepared.planned[given.deletion]
    context = context_of(source.model, deletion, seed=config.seed, fresh=source.fresh)
    one = _reference if given.kind == "reference" else _shadow
    checkpoints = epochs_of(run, given.deletion, given.name)
    facts = one(config, run, given, context, checkpoints)
    checkpoints.remove()
    return {"kind": given.kind, "deletion": given.deletion, "number": given.number, "name": given.name, **facts}


def _reference(
    config: UnlearnConfig, run: RunFolder, given: Training, context: Context, checkpoints: EpochCheckpoints
) -> dict[str, Any]:
    mine, cache = replace(context, seed=context.seed + given.number), cache_folder() if config.cache else None
    found = retrained(mine, config.made_recipe(), cache=cache, checkpoints=checkpoints)
    sha256 = saved(file_of(run, given.deletion, given.name), found.model, {"recipe": config.recipe})
    return {"steps": found.steps, "seconds": found.seconds, "cached": found.cached, "sha256": sha256}


def _shadow(
    config: UnlearnConfig, run: RunFolder, given: Training, context: Context, checkpoints: EpochCheckpoints
) -> dict[str, Any]:
    mine, seen = shadow_context(context, given.number)
    found = retrained(mine, config.made_recipe(), checkpoints=checkpoints)
    said = look(found.model, context, Cost(0.0, 0, 0.0)).logits
    tensors = {name: said[name].contiguous() for name in SPOKEN}
    data = save({**tensors, "seen": seen})
    write_atomic(file_of(run, given.deletion, given.name), data)
    return {"sha256": hashlib.sha256(data).hexdigest()}


def shadows_of(run: RunFolder, place: int, count: int) -> tuple[Tensor, list[Mapping[str, Tensor]]] | None:
    """Read what shadow models said.

    Args:
        run: The run.
        place: Number of the deletion.
        count: Of shadow models.

    Returns:
        Masks of what they saw, and their outputs; None without shadow models.
    """
    if not count:
        return None
    files = [load_file(file_of(run, place, Training("shadow", place, number).name)) for number in range(count)]
    return torch.stack([one.pop("seen") for one in files]), list(files)
