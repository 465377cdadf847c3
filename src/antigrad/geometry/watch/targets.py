"""What is watched, where its rows go, and which processes take part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from antigrad.core.errors import InputValueError
from antigrad.core.runs import RunFolder
from antigrad.geometry.watch.settings import Settings


def check_trained(model: nn.Module | None) -> None:
    """Refuse a model that nothing trains.

    Args:
        model: The model.

    Raises:
        InputValueError: It is frozen.
    """
    if model is None or not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputValueError(
            f"a {type(model).__name__} without a parameter that requires a gradient",
            "at least one that is trained",
            "unfreeze it before it is watched",
        )


def named(optimizer: Any, others: Sequence[torch.optim.Optimizer]) -> str:
    """Name an optimizer for its rows.

    Args:
        optimizer: The optimizer.
        others: Those that have a name already.

    Returns:
        Its class, with a number from the second of one class on.
    """
    kind = type(optimizer).__name__
    count = sum(type(other) is type(optimizer) for other in others)
    return f"{kind} {count + 1}" if count else kind


def processes() -> tuple[object, int]:
    """Find the processes that train together.

    Returns:
        Their group, None for one process; and how many there are.
    """
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return None, 1
    return distributed.group.WORLD, distributed.get_world_size()


def run_of(run: RunFolder | Path | str | None, settings: Settings) -> RunFolder | None:
    """Open the run that rows go into; the first process alone writes.

    Args:
        run: The run, or where to make one.
        settings: What the watch was asked for.

    Returns:
        The run; None where nothing is to be written.
    """
    if run is None or (settings.group is not None and torch.distributed.get_rank() != 0):
        return None
    if isinstance(run, RunFolder):
        return run
    config = {"every": settings.every, "granularity": settings.granularity, "independent": settings.independent}
    return RunFolder.start(Path(run), job="watch", config=config, resume=True)


def rows_before(run: RunFolder | None, start: int) -> list[Mapping[str, Any]]:
    """Read the rows of a run that is resumed.

    Args:
        run: The run; None for none.
        start: The step it resumes at.

    Returns:
        Its certificates of steps before, each step and optimizer once.
    """
    if run is None or start <= 0:
        return []
    latest = {(row.get("optimizer"), row["step"]): row for row in run.ledger.rows("certificate") if row["step"] < start}
    return [latest[key] for key in sorted(latest, key=lambda key: key[1])]
