"""Who pays: retained classes and samples that lose, to which part of the steps they owe it, and was it predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import cross_entropy

from antigrad.core.page import Column, Section, Table
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.payers import PARTS
from antigrad.unlearning.unlearn.settings import UnlearnConfig

MOST = 40
"""Samples in the table of those that lost most."""
Paid = Mapping[str, Any]


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


def used_weight(config: UnlearnConfig, certificates: Sequence[Mapping[str, Any]]) -> float:
    """Weight of the down part in the run.

    Args:
        config: Settings.
        certificates: Of its steps.

    Returns:
        The weight; of a safe one its mean over certified steps.
    """
    found = [row["down_weight"] for row in certificates if row.get("down_weight") is not None]
    return (sum(found) / len(found) if found else 1.0) if config.weight == "safe" else float(config.weight)


def who_pays(case: Case, seen: Seen, paid: Paid | None, before: Paid | None, weight: float) -> list[Section]:
    """Tell who lost, and by what.

    Args:
        case: The deletion.
        seen: What the unlearned model says.
        paid: What each part did to the samples that were followed; None where none were.
        before: What was predicted; None where nothing was.
        weight: Of the down part in the run.

    Returns:
        Tables.
    """
    sections: list[Section] = [class_table(case, seen)]
    if paid is not None:
        sections.append(parts_table(case, seen, paid))
    return [*sections, sample_table(case, seen, paid, before, weight)]


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


def parts_table(case: Case, seen: Seen, paid: Paid) -> Table:
    """Tell what each part of the steps did to each retained class.

    Args:
        case: The deletion.
        seen: What the unlearned model says.
        paid: Of the samples that were followed.

    Returns:
        The table.
    """
    places = torch.tensor(paid["places"])
    rise = (losses(case, seen, "retain") - losses(case, case.original, "retain"))[places]
    labels, names = case.labels["retain"][places], case.context.deletion.train.classes
    owed = {part: torch.tensor(paid[part], dtype=torch.float64) for part in PARTS}
    rows: list[dict[str, Any]] = []
    for place in case.context.deletion.present:
        mask = labels == place
        if bool(mask.any()):
            row: dict[str, Any] = {
                "class": names[place],
                "samples": int(mask.sum()),
                "change": float(rise[mask].mean()),
            }
            row |= {part: float(value[mask].mean()) for part, value in owed.items()}
            rows.append({**row, "rest": row["change"] - sum(row[part] for part in PARTS)})
    columns = [
        Column("class", "class"),
        Column("samples", "samples followed", "integer"),
        Column("change", "loss, change", "signed", "Mean over retained training samples, nats."),
        *(Column(part, f"owed to {part}", "signed") for part in PARTS),
        Column("rest", "remainder", "signed", "Curvature, and running means of batch normalisation."),
    ]
    text = (
        "Each step is the sum of its parts' shares, momentum and preconditioner included; above zero: raised the loss."
    )
    return Table("Who pays, and for what", columns, sorted(rows, key=lambda row: -row["change"]), text)


def sample_table(case: Case, seen: Seen, paid: Paid | None, before: Paid | None, weight: float) -> Table:
    """Name the retained samples whose loss rose most, and say whether that was predicted.

    Args:
        case: The deletion.
        seen: What the unlearned model says.
        paid: What each part did to the samples that were followed; None where none were.
        before: What was predicted; None where nothing was.
        weight: Of the down part in the run.

    Returns:
        The table.
    """
    was, now = losses(case, case.original, "retain"), losses(case, seen, "retain")
    again = None if case.retrained is None else losses(case, case.retrained, "retain")
    names, context = case.context.deletion.train.classes, case.context
    rows: dict[int, dict[str, Any]] = {}
    # Those that were followed, where some were: of the others it is not known to what they owe it.
    asked = torch.arange(len(was)) if paid is None else torch.tensor(paid["places"])
    for place in asked[torch.argsort((now - was)[asked], descending=True)][:MOST].tolist():
        predicted = min(int(seen.logits["retain"][place].argmax()), len(names) - 1)
        row: dict[str, Any] = {"id": context.retain.ids[place], "class": names[int(case.labels["retain"][place])]}
        row |= {"predicted": names[predicted], "before": float(was[place]), "after": float(now[place])}
        rows[place] = row | {"retrained": None if again is None else float(again[place])}
    for number, place in enumerate(asked.tolist()):
        if place in rows and paid is not None:
            rows[place] |= {part: paid[part][number] for part in PARTS}
    columns = [
        Column("id", "sample"),
        Column("class", "class"),
        Column("predicted", "taken for, after"),
        Column("before", "loss before", "number"),
        Column("after", "loss after", "number"),
        Column("retrained", "retrained", "number"),
        *((Column(part, f"owed to {part}", "signed") for part in PARTS) if paid is not None else ()),
    ]
    text = "" if paid is None else f"Of {len(asked)} that were followed of {len(was)} (--payers). "
    if before is not None:
        columns += [
            Column(
                "foreseen", "predicted", "signed", "Slope before the run, at the weight of the run; per unit of step."
            ),
            Column(
                "foreseen safe", "at the safe weight", "signed", "The same at the weight that the geometry calls safe."
            ),
        ]
        text += _foreseen(rows, now - was, before, weight)
    return Table("Who pays: retained samples that lost most", columns, list(rows.values()), text.strip())


def _foreseen(rows: dict[int, dict[str, Any]], rise: Tensor, before: Paid, weight: float) -> str:
    along = {part: torch.tensor(value, dtype=torch.float64) for part, value in before["along"].items()}
    places: list[int] = before["places"]

    def at(chosen: float) -> Tensor:
        shares = [(chosen if part == "down" else 1.0) * value for part, value in along.items()]
        return torch.stack(shares).sum(0)

    balanced: float | None = before["safe"]
    ours, safe = at(weight), None if balanced is None else at(balanced)
    for number, place in enumerate(places):
        if place in rows:
            rows[place] |= {"foreseen": float(ours[number])}
            rows[place] |= {} if safe is None else {"foreseen safe": float(safe[number])}
    real = rise[torch.tensor(places)]
    if len(places) < 3 or float(ours.std()) == 0 or float(real.std()) == 0:
        return ""
    rank: Any = spearmanr(ours.numpy(), real.numpy())
    most = min(MOST, len(places) // 4)
    chosen, lost = (set(torch.argsort(one, descending=True)[:most].tolist()) for one in (ours, real))
    text = f"Predicted from the first batches, before anything changed: rank correlation {float(rank.statistic):.2f} "
    text += f"with what happened; of the {most} samples predicted to pay most, {len(chosen & lost)} are among the "
    text += f"{most} that "
    text += f"did (by chance {most * most / len(places):.0f})."
    if safe is not None and balanced is not None and balanced < weight:
        spared = float(safe.clamp(min=0).sum() / ours.clamp(min=1e-300).sum())
        text += f" At the safe weight {balanced:.3g} of the down part, {100 * spared:.0f}% of that rise is predicted."
    return text
