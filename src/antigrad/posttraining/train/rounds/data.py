"""A data set whose rows change from round to round, and whose length does not."""

from __future__ import annotations

import random
from typing import Any

from torch.utils.data import Dataset

from antigrad.core.streams import stream_seed


class RoundData(Dataset[dict[str, Any]]):
    """Rows of the round in use, as many as the steps of a round take: one epoch is one round.

    Rows are passed through in a random order, each once before any comes again.

    Args:
        length: Rows that a round's steps take.
        seed: Seed of the orders.

    Example:
        >>> data = RoundData(5, seed=0)
        >>> data.fill([{"a": 1}, {"a": 2}], 0)
        >>> len(data), sorted(data[n]["a"] for n in range(4))
        (5, [1, 1, 2, 2])
    """

    def __init__(self, length: int, *, seed: int) -> None:
        self._length, self._seed = length, seed
        self.rows: Any = []
        self._order: list[int] = []

    def fill(self, rows: Any, number: int) -> None:
        """Take the rows of a round.

        Args:
            rows: At least one row; anything with a length that is indexed by numbers.
            number: Of the round.
        """
        draw = random.Random(stream_seed(self._seed, "order of a round", number))
        order: list[int] = []
        while len(order) < self._length:
            order += draw.sample(range(len(rows)), len(rows))
        self.rows, self._order = rows, order[: self._length]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> dict[str, Any]:
        return dict(self.rows[self._order[place]])
