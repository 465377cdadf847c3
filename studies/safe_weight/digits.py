"""Unlearning by gradient ascent on scikit-learn's digits, with a retain loss as the anchor."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.core.errors import AntigradError
from antigrad.core.parts import Parts
from antigrad.geometry import Watch

FORGET = ("class", "rows")
"""What is forgotten: one digit of ten, or a tenth of the training rows."""
BATCH = 64
EARLY = 50
"""Steps of the first comparison at equal steps; the second is at the end."""
Data = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Split:
    """What to forget, what to keep, and what neither has seen.

    Args:
        forget: Training rows to forget.
        retain: The other training rows.
        test: Test rows; without the forgotten digit, when a digit is.
    """

    forget: Data
    retain: Data
    test: Data


@cache
def _digits() -> tuple[Tensor, Tensor]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise AntigradError(
            "no scikit-learn", "its digits, to unlearn some of", "pip install scikit-learn, or the extra antigrad[dev]"
        ) from error
    points, labels = load_digits(return_X_y=True)
    return torch.tensor(points / 16, dtype=torch.float32), torch.tensor(labels)  # pyright: ignore[reportOperatorIssue]


def _split(kind: str, seed: int) -> Split:
    points, labels = _digits()
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))
    train, test = order[:1078], order[1078:]
    if kind == "class":
        digit = seed % 10
        gone, test = labels[train] == digit, test[labels[test] != digit]
    else:
        gone = torch.arange(len(train)) < len(train) // 10
    parts = [(points[rows], labels[rows]) for rows in (train[gone], train[~gone], test)]
    return Split(*parts)


def _network(split: Split, seed: int) -> nn.Module:
    """Train a small classifier on all training rows.

    Args:
        split: The data.
        seed: Decides weights and batches.

    Returns:
        The classifier, right on nearly all of them.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
        points, labels = (torch.cat(pair) for pair in zip(split.forget, split.retain, strict=True))
        optimizer = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=1e-4)
        for _ in range(60):
            for rows in torch.randperm(len(points)).split(BATCH):
                optimizer.zero_grad()
                cross_entropy(net(points[rows]), labels[rows]).backward()
                optimizer.step()
    return net


def unlearn(kind: str, weight: Any, seed: int, steps: int) -> dict[str, float]:
    """Train a classifier, then forget by ascent while a retain loss holds it. Ascent has no end: most arms go too far.

    Args:
        kind: One of `FORGET`.
        weight: Of the ascent: a number, or `safe`.
        seed: Decides data, classifier and batches.
        steps: Updates, every one watched.

    Returns:
        Accuracies at the start, after `EARLY` and after all steps, and at the first step at which the forgotten
        rows are no more right than asked for (a digit: 1 in 100; random rows: as test rows were at the start).
    """
    split = _split(kind, seed)
    net = copy.deepcopy(_trained(kind, seed))
    start = _accuracies(net, split)
    target = 0.01 if kind == "class" else start["test"]
    optimizer = torch.optim.SGD(net.parameters(), 1e-2, momentum=0.9)
    draw = torch.Generator().manual_seed(seed)
    reached: dict[str, float] | None = None
    early = start
    with Watch(optimizer, model=net, every=1, independent="none", weight=weight) as watch:
        for step in range(1, steps + 1):
            optimizer.zero_grad()
            forget, retain = (_loss(net, data, draw) for data in (split.forget, split.retain))
            watch.backward(Parts(up=torch.zeros(()), down=-forget, anchor=retain))
            optimizer.step()
            here = _accuracies(net, split)
            early = here if step == EARLY else early
            if reached is None and here["forget"] <= target:
                reached = here | {"step": step}
    end = _accuracies(net, split)
    nan = dict.fromkeys(("forget", "retain", "test", "step"), float("nan"))
    return {
        **{f"{name}_before": value for name, value in start.items()},
        **{f"{name}_early": value for name, value in early.items()},
        **{f"{name}_after": value for name, value in end.items()},
        **{f"{name}_at_target": value for name, value in (reached or nan).items()},
        "reached": float(reached is not None),
        "diverged": float(not all(bool(p.isfinite().all()) for p in net.parameters())),
        **_effects(watch.rows),
    }


@cache
def _trained(kind: str, seed: int) -> nn.Module:
    return _network(_split(kind, seed), seed)


def _loss(net: nn.Module, data: Data, draw: torch.Generator) -> Tensor:
    rows = torch.randint(len(data[0]), (BATCH,), generator=draw)
    return cross_entropy(net(data[0][rows]), data[1][rows])


@torch.no_grad()
def _accuracies(net: nn.Module, split: Split) -> dict[str, float]:
    found = {"forget": split.forget, "retain": split.retain, "test": split.test}
    # A network that overflowed is right about nothing, whatever class argmax makes of NaN.
    return {
        name: float(((scores := net(x)).isfinite().all(1) & (scores.argmax(1) == t)).double().mean())
        for name, (x, t) in found.items()
    }


def _effects(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    known = [row for row in rows if row["effect"] is not None]
    cosines = [
        found["up_down"] / (found["up_up"] * found["down_down"]) ** 0.5
        for row in known
        if (found := row["interaction"]) is not None and found["up_up"] * found["down_down"] > 0
    ]
    return {
        "parts_cos_start": statistics.median(cosines[:20]),
        "parts_cos_then": statistics.median(cosines[20:EARLY] or cosines),
        "anchor_gains_share": statistics.mean(float(row["effect"]["anchor"] > 0) for row in known),
        "every_part_gains_share": statistics.mean(float(min(row["effect"].values()) > 0) for row in known),
        "weight_first": known[0]["down_weight"],
        "weight_median": statistics.median(row["down_weight"] for row in known),
        "weight_last": known[-1]["down_weight"],
    }
