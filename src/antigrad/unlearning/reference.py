"""The model retrained without the data, and shadow models: what unlearning is measured against."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from antigrad.core.checkpoints import flaw, tell
from antigrad.core.errors import AntigradError
from antigrad.core.files import disk_errors, write_atomic
from antigrad.core.locks import FolderLock, clear_leftovers
from antigrad.unlearning.checkpoint import EpochCheckpoints
from antigrad.unlearning.loop import Unlearned, unlearn
from antigrad.unlearning.methods.method import Context
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class Reference:
    """A retrained model.

    Args:
        model: In eval mode.
        seconds: What training it took, when it was trained.
        steps: Optimizer steps of it.
        cached: It was not trained now.
    """

    model: SplitModel
    seconds: float
    steps: int
    cached: bool


def cache_folder() -> Path:
    """Return where references are kept: `ANTIGRAD_CACHE`, or the user's cache directory.

    Returns:
        The folder; it may not exist yet.
    """
    import platformdirs

    return Path(os.environ.get("ANTIGRAD_CACHE") or platformdirs.user_cache_dir("antigrad")) / "references"


def key_of(context: Context, recipe: Retrain) -> str:
    """Name a reference by all that determines it: data, recipe, seed, fresh weights.

    Args:
        context: Whose retain set is trained on.
        recipe: How.

    Returns:
        Hexadecimal SHA-256.
    """
    found = hashlib.sha256()
    facts = {"recipe": asdict(recipe), "seed": context.seed, "version": version("antigrad"), "torch": torch.__version__}
    device = str(next(context.original.module.parameters()).device.type)
    found.update(json.dumps({**facts, "device": device}, sort_keys=True).encode())
    found.update(context.retain.digest().encode())
    for name, value in sorted(context.new_model().module.state_dict().items()):
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def retrained(
    context: Context,
    recipe: Retrain,
    *,
    cache: Path | None = None,
    checkpoints: EpochCheckpoints | None = None,
) -> Reference:
    """Train new weights on the retain set, or take them from the cache.

    Args:
        context: What is kept; needs a factory of the model.
        recipe: How the original was trained.
        cache: Folder of references; None keeps none.
        checkpoints: To resume from after an interruption.

    Returns:
        The reference.

    Raises:
        AntigradError: The training diverged.
    """
    path = None if cache is None else cache / f"{key_of(context, recipe)}.safetensors"
    if path is not None and (facts := _facts_of(path)) is not None:
        model = context.new_model()
        model.module.load_state_dict(load_file(path))
        model.module.eval()
        return Reference(model, float(facts["seconds"]), int(facts["steps"]), cached=True)
    done = unlearn(recipe, context, checkpoints=checkpoints)
    if done.stopped is not None:
        raise AntigradError(f"retraining: {done.stopped}", "a training that converges", "lower the learning rate")
    if path is not None:
        _keep(path, done)
    return Reference(done.model, done.seconds, done.steps, cached=False)


def _keep(path: Path, done: Unlearned) -> None:
    # The facts are written last: with the hash in them the reference counts. Only who has the lock writes here, so that
    # what killed writers left can go.
    data = save({name: value.contiguous() for name, value in done.model.module.state_dict().items()})
    facts = {"seconds": done.seconds, "steps": done.steps, "sha256": hashlib.sha256(data).hexdigest()}
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FolderLock(path.parent, wait=True):
            clear_leftovers(path.parent)
            write_atomic(path, data)
            write_atomic(path.with_suffix(".json"), json.dumps(facts))


def _facts_of(path: Path) -> dict[str, Any] | None:
    # None where there is no reference, or one that is not whole: it is trained again then.
    record = path.with_suffix(".json")
    if not record.exists() and not path.exists():
        return None
    try:
        facts = json.loads(record.read_text()) if record.is_file() else {}
        wrong = flaw(path, facts["sha256"])
        if wrong is None and all(math.isfinite(facts[name]) for name in ("seconds", "steps")):
            return facts
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        wrong = f"has no {record.name} that can be read"
    tell(f"{path} {wrong or 'has facts that are no numbers'}: retraining again")
    return None


@dataclass(frozen=True)
class Shadows:
    """Shadow models for offline attacks, as masks over the training set and outputs.

    Args:
        seen: (M, N) True where a shadow model was trained on a training sample.
        models: The models.
    """

    seen: Tensor
    models: list[SplitModel]


def shadow_context(context: Context, number: int) -> tuple[Context, Tensor]:
    """Draw what a shadow model is trained on: half of the retain set, of class removal half of the forget set too.

    Two in a row are trained on the two halves of one draw: each sample is left out by half of the models.

    Args:
        context: What is kept and forgotten.
        number: Of the shadow model.

    Returns:
        A context with a seed of its own whose retain set is that half, and (N,) where a training sample is in it.

    Source: Cotogni et al., code of 2024: 80 shadow models. Halves in pairs: Carlini et al. 2022, arXiv 2112.03570.
    """
    deletion, generator = context.deletion, context.generator(21, number // 2)
    there = deletion.kept.clone()
    if deletion.scenario == "class":
        there |= deletion.mask
    places = there.nonzero()[:, 0]
    order, middle = places[torch.randperm(len(places), generator=generator)], len(places) // 2
    half = order[middle:] if number % 2 else order[:middle]
    seen = torch.zeros(len(deletion.train), dtype=torch.bool)
    seen[half] = True
    seed = context.seed + 1000 * (number + 1)
    return replace(context, retain=deletion.train.take(seen), seed=seed), seen
