"""Paths of a simulation as a table: CSV, or Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic
from antigrad.lab.trace import Trace

COLUMNS = ("arm", "eta", "seed", "step", "prompt", "action", "probability", "reward", "mean_reward")
Value = str | int | float | None


def rows_of(trace: Trace) -> Iterator[tuple[Value, ...]]:
    """Every kept policy of a simulation, action by action.

    Args:
        trace: The simulation; steps that were not kept are not in the table.

    Yields:
        Arm, η, seed, step, prompt, action, its probability and reward, and the mean reward of that policy; empty where
        an arm had stopped.

    Example:
        >>> from antigrad.lab.objectives.grpo import Grpo
        >>> from antigrad.lab.presets import three_token
        >>> from antigrad.lab.simulate import simulate
        >>> next(rows_of(simulate(three_token((0.5, 0.25, 0.25)), Grpo(), 0.1, 1)))
        ('GRPO', 0.1, 0, 0, 0, 0, 0.5, 0.8, 0.65)
    """
    first_seed = int(trace.meta["seed"])
    rewards = trace.bandit.rewards.tolist()
    for place, step in enumerate(trace.steps.tolist()):
        pi, mean = trace.pi[place].tolist(), trace.accuracy[step].tolist()
        for a, arm in enumerate(trace.arms):
            for e, rate in enumerate(trace.rates[a].tolist()):
                for s in range(trace.pi.shape[3]):
                    for x, row in enumerate(pi[a][e][s]):
                        head = (arm, rate, first_seed + s, step, x)
                        for v, probability in enumerate(row):
                            yield (*head, v, _number(probability), rewards[x][v], _number(mean[a][e][s]))


def _number(value: float) -> float | None:
    return value if value == value else None


def write_trace(trace: Trace, path: Path) -> Path:
    """Write the table of a simulation, whole or not at all.

    Args:
        trace: The simulation.
        path: Ends in `.csv` or `.parquet`.

    Returns:
        The path.

    Raises:
        InputValueError: Another ending, or Parquet without pyarrow.
    """
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows_of(trace))
        return write_atomic(path, text.getvalue())
    if path.suffix != ".parquet":
        raise InputValueError(f"{path}", "a name that ends in .csv or .parquet", "choose one of the two")
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as error:
        raise InputValueError("Parquet without pyarrow", "the package pyarrow", "install it, or take csv") from error
    columns = list(zip(*rows_of(trace), strict=True)) or [()] * len(COLUMNS)
    table = pa.table({name: list(values) for name, values in zip(COLUMNS, columns, strict=True)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return write_atomic(path, buffer.getvalue())
