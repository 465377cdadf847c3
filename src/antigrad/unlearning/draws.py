"""Orders in which batches are drawn: places of the forget set and of the retain set for each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

EMPTY = torch.empty(0, dtype=torch.long)


@dataclass(frozen=True)
class Draw:
    """What one step sees.

    Args:
        forget: Places in the forget set; empty for none.
        retain: Places in the retain set; empty for none.
        kind: What the step is for, where a method has steps of several kinds.
    """

    forget: Tensor = EMPTY
    retain: Tensor = EMPTY
    kind: str = ""


def batches(count: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """All places once, in random order; the last batch may be short, but has two places unless there is but one.

    Args:
        count: Samples.
        size: Of a batch.
        generator: Of the order.

    Returns:
        Places of each batch. Batch normalisation cannot train on a single image.

    Example:
        >>> [len(one) for one in batches(9, 4, torch.Generator())]
        [4, 5]
    """
    cut = list(torch.randperm(count, generator=generator).split(max(2, size)))
    if len(cut) > 1 and len(cut[-1]) == 1:
        last = cut.pop()
        cut[-1] = torch.cat([cut[-1], last])
    return cut


def of_forget(forget: int, size: int, generator: torch.Generator, kind: str = "") -> Iterator[Draw]:
    """Pass over the forget set alone.

    Args:
        forget: Its samples.
        size: Of a batch.
        generator: Of the order.
        kind: Of the steps.

    Yields:
        One draw a batch.
    """
    for places in batches(forget, size, generator):
        yield Draw(forget=places, kind=kind)


def of_retain(retain: int, size: int, generator: torch.Generator, kind: str = "") -> Iterator[Draw]:
    """Pass over the retain set alone.

    Args:
        retain: Its samples.
        size: Of a batch.
        generator: Of the order.
        kind: Of the steps.

    Yields:
        One draw a batch.
    """
    for places in batches(retain, size, generator):
        yield Draw(retain=places, kind=kind)


def along_retain(forget: int, retain: int, size: int, generator: torch.Generator) -> Iterator[Draw]:
    """Pass over the retain set, each batch with the next batch of the forget set, which begins again as needed.

    Args:
        forget: Samples of the forget set.
        retain: Samples of the retain set.
        size: Of both batches.
        generator: Of the orders.

    Yields:
        One draw a retain batch.
    """
    queue: list[Tensor] = []
    for places in batches(retain, size, generator):
        queue = queue or batches(forget, size, generator)
        yield Draw(forget=queue.pop(0), retain=places)


def along_forget(
    forget: int, retain: int, size: int, generator: torch.Generator, *, ratio: int = 1, retain_size: int | None = None
) -> Iterator[Draw]:
    """Pass over the forget set: several steps with each of its batches, each with a fresh batch of retain samples.

    Args:
        forget: Samples of the forget set.
        retain: Samples of the retain set.
        size: Of a forget batch.
        generator: Of the orders.
        ratio: Steps with the same forget batch.
        retain_size: Of a retain batch; None for that of the forget batch.

    Yields:
        `ratio` draws a forget batch. Retain batches pass over the retain set without replacement, again and again.
    """
    queue: list[Tensor] = []
    for places in batches(forget, size, generator):
        for _ in range(ratio):
            queue = queue or batches(retain, min(retain_size or size, retain), generator)
            yield Draw(forget=places, retain=queue.pop(0))


def mixed(forget: int, retain: int, size: int, generator: torch.Generator, *, share: float = 1.0) -> Iterator[Draw]:
    """Pass over both sets in one random order.

    Args:
        forget: Samples of the forget set.
        retain: Samples of the retain set.
        size: Of a batch, both together.
        generator: Of the order.
        share: Of the retain set that takes part, redrawn.

    Yields:
        One draw a batch.
    """
    chosen = torch.randperm(retain, generator=generator)[: max(1, round(share * retain))]
    for places in batches(forget + len(chosen), size, generator):
        yield Draw(forget=places[places < forget], retain=chosen[places[places >= forget] - forget])
