"""Named samples, from a file of ids."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.unlearning.splits.split import Split
from antigrad.vision.samples import Samples


@dataclass(frozen=True)
class Named(Split):
    """The samples whose ids a file lists.

    Args:
        file: A CSV or Parquet table; ids are in the column `id`, or in the first one.

    Raises:
        InputValueError: The file can't be read, or ids are not in the training set.

    Sign: none.

    Source: a request for deletion; no paper.

    Deviations: none.

    Example:
        >>> Named("ids.csv").file
        'ids.csv'
    """

    file: str = ""

    def mask(self, train: Samples, generator: torch.Generator) -> Tensor:  # noqa: D102
        wanted = read_ids(Path(self.file))
        known = {name: place for place, name in enumerate(train.ids)}
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise InputValueError(
                f"{self.file}: {len(unknown)} of {len(wanted)} ids are not there, as {', '.join(unknown[:3])}",
                f"ids of the training set, as {', '.join(list(known)[:3])}",
                "correct the file",
            )
        found = torch.zeros(len(train), dtype=torch.bool)
        found[[known[name] for name in wanted]] = True
        return found


def read_ids(path: Path) -> list[str]:
    """Read ids from a table.

    Args:
        path: CSV with a heading, or Parquet.

    Returns:
        The ids, each once, in order.

    Raises:
        InputValueError: The file can't be read or is empty.
    """
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as parquet

            table = parquet.read_table(path)
            column = "id" if "id" in table.column_names else table.column_names[0]
            found = [str(one) for one in table[column].to_pylist()]
        else:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            place = rows[0].index("id") if rows and "id" in rows[0] else 0
            found = [row[place].strip() for row in rows[1:] if len(row) > place and row[place].strip()]
    except Exception as error:  # Readers raise whatever a damaged file makes them stumble over.
        raise InputValueError(f"{path}: {error}", "a CSV or Parquet table of ids", "check the file") from error
    if not found:
        raise InputValueError(f"{path}: no ids", "at least one, below a heading", "check the file")
    return list(dict.fromkeys(found))
