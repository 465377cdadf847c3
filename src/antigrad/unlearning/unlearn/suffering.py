"""Who pays: retained classes and samples that lose."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from antigrad.core.page import Column, Table
from antigrad.unlearning.metrics.case import Case, Seen, Set

MOST = 40
"""Samples in the table of those that lost most."""


def losses(case: Case, seen: Seen, which: Set) -> Tensor:
    """Cross-entropy of each sample of a set.

    Args:
        case: The deletion.
        seen: What a model says.
        which: The set.

    Returns:
        (N,) in nats.
    """
    return cross_entropy(seen.logits[which].double(), case.labels[which], reduction="none")


def class_table(case: Case, seen: Seen) -> Table:
    """Tell what each retained class lost, beside what it loses by retraining.

    Args:
        case: The deletion.
        seen: What the unlearned model says.

    Returns:
        The table.
    """
    names, labels = case.context.deletion.train.classes, case.labels["test"]
    rows: list[dict[str, Any]] = []
    for place in case.context.deletion.present:
        mask = labels == place
        if bool(mask.any()):
            row: dict[str, Any] = {"class": names[place], "samples": int(mask.sum())}
            models = (("before", case.original), ("after", seen), ("retrained", case.retrained))
            for key, one in models:
                if one is not None:
                    row[key] = float((one.logits["test"].argmax(1) == labels)[mask].double().mean())
                    row[f"{key} loss"] = float(losses(case, one, "test")[mask].mean())
            rows.append({**row, "change": row["after"] - row["before"]})
    columns = [
        Column("class", "class"),
        Column("samples", "test samples", "integer"),
        Column("before", "accuracy before", "percent"),
        Column("after", "after", "percent"),
        Column("retrained", "retrained", "percent"),
        Column("change", "change", "signed"),
        Column("before loss", "loss before", "number", "Mean cross-entropy, nats."),
        Column("after loss", "after", "number"),
        Column("retrained loss", "retrained", "number"),
    ]
    return Table("Who pays: retained classes", columns, sorted(rows, key=lambda row: row["change"]))


def sample_table(case: Case, seen: Seen) -> Table:
    """Name the retained samples whose loss rose most.

    Args:
        case: The deletion.
        seen: What the unlearned model says.

    Returns:
        The table.
    """
    before, after = losses(case, case.original, "retain"), losses(case, seen, "retain")
    again = None if case.retrained is None else losses(case, case.retrained, "retain")
    names, ids = case.context.deletion.train.classes, case.context.retain.ids
    order: list[int] = torch.argsort(after - before, descending=True)[:MOST].tolist()
    rows = [
        {
            "id": ids[place],
            "class": names[int(case.labels["retain"][place])],
            "predicted": names[min(int(seen.logits["retain"][place].argmax()), len(names) - 1)],
            "before": float(before[place]),
            "after": float(after[place]),
            "retrained": None if again is None else float(again[place]),
        }
        for place in order
    ]
    columns = [
        Column("id", "sample"),
        Column("class", "class"),
        Column("predicted", "taken for, after"),
        Column("before", "loss before", "number"),
        Column("after", "loss after", "number"),
        Column("retrained", "retrained", "number"),
    ]
    return Table("Who pays: retained samples that lost most", columns, rows)
