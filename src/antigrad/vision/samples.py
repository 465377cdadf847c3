"""Labelled images with ids: what a model was trained on, what it is tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, raise_all


@dataclass(frozen=True)
class Samples:
    """Labelled images.

    Args:
        images: (N, C, H, W), normalised; a tensor, or anything that gives one for `images[places]`.
        labels: (N,) classes, from 0.
        ids: (N,) names, distinct.
        classes: Names of the classes.
        columns: Other columns, (N,) each, as the subject of a picture.
    """

    images: Any
    labels: Tensor
    ids: Sequence[str]
    classes: Sequence[str]
    columns: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    def __post_init__(self) -> None:
        """Check that everything is there, and once.

        Raises:
            InputTypeError: Labels are not whole numbers, (N,).
            ManyInputsError: Counts differ, ids repeat, or labels are out of range.
        """
        if self.labels.ndim != 1 or self.labels.is_floating_point():
            raise InputTypeError(
                f"labels {tuple(self.labels.shape)}, {self.labels.dtype}", "(N,) int64", "one per sample"
            )
        count, problems = len(self.labels), list[str]()
        for name, values in {"images": self.images, "ids": self.ids, **self.columns}.items():
            if len(values) != count:
                problems.append(f"{len(values)} {name} and {count} labels: one of each for every sample")
        if len(set(self.ids)) != len(self.ids):
            problems.append(f"{len(self.ids) - len(set(self.ids))} ids are there more than once")
        wrong = [place for place, label in enumerate(self.labels.tolist()) if not 0 <= label < len(self.classes)]
        if wrong:
            first = wrong[0]
            problems.append(
                f"label {int(self.labels[first])} of {self.ids[first]}: 0 to {len(self.classes) - 1} are known"
                f" ({len(wrong)} such labels)"
            )
        raise_all("samples", problems)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, mask: Tensor) -> Samples:
        """Keep some.

        Args:
            mask: (N,) True is kept.

        Returns:
            Those, in order.
        """
        places = mask.nonzero()[:, 0]
        kept: list[int] = places.tolist()
        images = self.images[places] if isinstance(self.images, Tensor) else Some(self.images, places)
        columns: dict[str, Sequence[str]] = {
            name: [values[place] for place in kept] for name, values in self.columns.items()
        }
        return Samples(images, self.labels[places], [self.ids[place] for place in kept], self.classes, columns)

    def digest(self) -> str:
        """Name these samples by their content: ids, labels and pixels.

        Returns:
            Hexadecimal SHA-256.
        """
        found = hashlib.sha256("\n".join(self.ids).encode())
        found.update(self.labels.numpy().tobytes())
        for place in torch.arange(len(self)).split(512):
            found.update(self.images[place].contiguous().numpy().tobytes())
        return found.hexdigest()


class Some:
    """Some of the images of a lazy collection.

    Args:
        images: Gives a tensor for `images[places]`.
        places: (n,) those that are left.
    """

    def __init__(self, images: Any, places: Tensor) -> None:
        self._images, self._places = images, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, places: Tensor) -> Tensor:
        """Fetch images.

        Args:
            places: (m,) places among those that are left.

        Returns:
            (m, C, H, W).
        """
        return self._images[self._places[places]]
