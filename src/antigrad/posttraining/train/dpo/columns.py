"""Facts of pairs as columns of a data set: a row keeps its own when others are dropped or reordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.credit.pairs import PairFacts, PairKernel, PairRule

FACTOR = "pair_factor"
"""Column of λ, one number per pair; it goes to the loss and never into the model."""
KERNEL = ("kernel_chosen", "kernel_cross", "kernel_rejected")


def columns_of(facts: PairFacts) -> dict[str, list[float]]:
    """Write facts as columns.

    Args:
        facts: B pairs.

    Returns:
        Name and B numbers of every fact that is known.
    """
    found = {name: getattr(facts, name) for name in ("pvi", "ln_ches", "confidence", "reward_gap")}
    if facts.kernel is not None:
        found |= dict(zip(KERNEL, (facts.kernel.chosen, facts.kernel.cross, facts.kernel.rejected), strict=True))
    return {name: value.tolist() for name, value in found.items() if value is not None}


def facts_of(data: Any, rule: PairRule, *, seed: int) -> PairFacts:
    """Read the facts that a rule needs from a data set's columns.

    Args:
        data: A `datasets.Dataset` of pairs.
        rule: The rule.
        seed: Seed of what it draws.

    Returns:
        The facts.

    Raises:
        InputValueError: The data set is a stream, or a column is missing or holds something else than numbers.
    """
    if not hasattr(data, "column_names") or not hasattr(data, "__len__"):
        raise InputValueError("a data set without a length", "one that is whole", "rules weigh all pairs together")
    found: dict[str, Any] = {}
    for need in dict.fromkeys(rule.needs):
        names = KERNEL if need == "kernel" else (need,)
        missing = [name for name in names if name not in data.column_names]
        if missing:
            given = f"a data set without the column {', '.join(missing)}"
            raise InputValueError(given, f"one number per pair for {rule}", did_you_mean(missing[0], data.column_names))
        values = [_numbers(name, data[name]) for name in names]
        found[need] = PairKernel(*values) if need == "kernel" else values[0]
    return PairFacts(len(data), seed=seed, **found)


def _numbers(name: str, values: Sequence[Any]) -> Tensor:
    bad = [row for row, value in enumerate(values, 1) if not isinstance(value, int | float)]
    if bad:
        raise InputValueError(f"{name} of rows {bad[:8]} is no number", "numbers", "leave those rows out")
    return torch.tensor(list(values), dtype=torch.float64)


@dataclass
class WithFactor:
    """A collator that hands on the column of factors beside what it makes.

    Args:
        collator: TRL's collator.
    """

    collator: Any

    def __call__(self, examples: Sequence[dict[str, Any]], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Put examples together.

        Args:
            examples: Rows.
            *args: For the collator.
            **kwargs: For the collator.

        Returns:
            A batch; with factors if the rows have them.
        """
        batch: dict[str, Any] = self.collator(examples, *args, **kwargs)
        if FACTOR in examples[0]:
            batch[FACTOR] = torch.tensor([float(one[FACTOR]) for one in examples])
        return batch
