"""Charts of an unlearning: where the models are, confusion, embeddings, ROCs, epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from antigrad.attacks.roc import Roc
from antigrad.core.page import Chart
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Metric

SHOWN = 300
"""Points of one group in the map of embeddings."""
PLANE = 5000
"""Retained samples that its plane is laid through."""


def place_of_models(case: Case, seen: Seen) -> Chart:
    """Draw accuracy on what stays against accuracy on what is forgotten, time beside it.

    Args:
        case: The deletion.
        seen: What the unlearned model says.

    Returns:
        The chart.
    """
    test = "test_retained" if case.context.deletion.scenario == "class" else "test"
    models = {"original": case.original, "unlearned": seen, "retrained": case.retrained, "retrained again": case.twin}
    data: list[dict[str, Any]] = []
    for name, one in models.items():
        if one is not None:
            spent, again = f", {one.cost.seconds:.1f} s" if one.cost.seconds else "", name.startswith("retrained")
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name + spent,
                    "x": [100 * case.accuracy(one, "forget")],
                    "y": [100 * case.accuracy(one, test)],
                    "marker": {
                        "size": 22 if again else 11,
                        "symbol": "star-open" if again else "circle",
                        "line": {"width": 2},
                    },
                }
            )
    layout = {
        "xaxis": {"title": {"text": "accuracy on forgotten samples, %"}, "range": [-5, 105]},
        "yaxis": {"title": {"text": "test accuracy on what is retained, %"}, "range": [-5, 112]},
    }
    text = "The star is where unlearning should end up. Beside each name: the seconds that this model took."
    return Chart("Accuracy, forgetting, time", {"data": data, "layout": layout}, text)


def confusion(case: Case, seen: Seen) -> list[Chart]:
    """Draw what test samples of each class are taken for, before and after.

    Args:
        case: The deletion.
        seen: What the unlearned model says.

    Returns:
        Two charts.
    """
    names = list(case.context.deletion.train.classes)
    found: list[Chart] = []
    for title, one in (("Confusion before", case.original), ("Confusion after", seen)):
        table = shares(case.labels["test"], one.logits["test"].argmax(1), len(names))
        data = [{
            "type": "heatmap",
            "x": names,
            "y": names,
            "z": table.tolist(),
            "zmin": 0,
            "zmax": 1,
            "autocolorscale": True,
            "hovertemplate": "class %{y} taken for %{x}: %{z:.1%}<extra></extra>",
        }]  # fmt: skip
        axis = {"type": "category"}
        layout = {
            "xaxis": {"title": {"text": "taken for"}, **axis},
            "yaxis": {"title": {"text": "class"}, "autorange": "reversed", **axis},
        }
        found.append(Chart(title, {"data": data, "layout": layout}, "Share of the test samples of a class."))
    return found


def shares(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Share of each class that is taken for each other.

    Args:
        labels: (N,).
        predicted: (N,).
        classes: K.

    Returns:
        (K, K), rows sum to 1, or to 0 where a class has no sample.

    Example:
        >>> shares(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2).tolist()
        [[0.5, 0.5], [0.0, 1.0]]
    """
    counts = torch.bincount(labels * classes + predicted.clamp(max=classes - 1), minlength=classes**2).double()
    table = counts.reshape(classes, classes)
    return table / table.sum(1, keepdim=True).clamp(min=1)


def embedding(case: Case, seen: Seen) -> Chart:
    """Draw features in the plane of the retained classes' centroids: where forgotten samples were, and where they are.

    Args:
        case: The deletion.
        seen: What the unlearned model says.

    Returns:
        The chart.
    """
    labels, names = case.labels["retain"], case.context.deletion.train.classes
    present = case.context.deletion.present
    features = torch.nn.functional.normalize(case.original.features["retain"].double(), dim=1)
    centroids = torch.stack([features[labels == k].mean(0) for k in present])
    middle = features.mean(0)
    plane = torch.linalg.svd(spaced(features, PLANE) - middle, full_matrices=False).Vh[:2].T

    def flat(some: Tensor) -> Tensor:
        return (torch.nn.functional.normalize(some.double(), dim=1) - middle) @ plane

    groups = {
        "retained, before": (flat(spaced(case.original.features["retain"], SHOWN)), "circle", 4),
        "forgotten, before": (flat(spaced(case.original.features["forget"], SHOWN)), "circle-open", 7),
        "forgotten, after": (flat(spaced(seen.features["forget"], SHOWN)), "x", 7),
    }
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": points[:, 0].tolist(),
            "y": points[:, 1].tolist(),
            "marker": {"symbol": symbol, "size": size, "opacity": 0.6},
        }
        for name, (points, symbol, size) in groups.items()
    ]
    middles = (centroids - middle) @ plane
    data.append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": "centroids of retained classes",
            "x": middles[:, 0].tolist(),
            "y": middles[:, 1].tolist(),
            "text": [names[k] for k in present],
            "textposition": "top center",
            "marker": {"symbol": "diamond", "size": 11},
        }
    )
    layout = {"xaxis": {"title": {"text": "first axis"}}, "yaxis": {"title": {"text": "second axis"}}, "height": 520}
    text = "Normalised features in the two directions in which retained samples differ most, of the original model."
    return Chart("Where the forgotten samples went", {"data": data, "layout": layout}, text)


def spaced(rows: Tensor, most: int) -> Tensor:
    """Take rows at equal distances: the first ones alone may be of one class.

    Args:
        rows: (N, D).
        most: Of them.

    Returns:
        (n, D), n at most `most`.

    Example:
        >>> spaced(torch.arange(10), 4).tolist()
        [0, 3, 6, 9]
    """
    return rows[:: max(1, -(-len(rows) // most))]


def rocs(case: Case, seen: Seen, metrics: Iterable[Metric]) -> Chart | None:
    """Draw the ROC of each attack, with its twin on the retrained model and on the original.

    Args:
        case: The deletion.
        seen: What the unlearned model says.
        metrics: Those that were measured; what is no attack is left out.

    Returns:
        The chart; None without an attack.
    """
    models = {"unlearned": (seen, "solid"), "retrained": (case.retrained, "dot"), "original": (case.original, "dash")}
    attacks = {one.title().removeprefix("attack: "): one for one in metrics if one.attack and one.applies(case)}
    data: list[dict[str, Any]] = []
    for title, metric in attacks.items():
        for model, (one, dash) in models.items():
            # What compares with the retrained model compares that with its twin.
            given = replace(case, retrained=case.twin) if metric.relative and one is case.retrained else case
            curve = None if one is None or not metric.applies(given) else metric.curve(given, one)
            if curve is not None:
                data.append(_line(title, model, curve, dash) | {"visible": title == next(iter(attacks))})
    if not data:
        return None
    own = [line["legendgroup"] for line in data]
    line = {"color": "grey", "width": 1}
    data.append({"type": "scatter", "mode": "lines", "name": "chance", "x": [0, 1], "y": [0, 1], "line": line})
    buttons = [
        {"label": title, "method": "update", "args": [{"visible": [*(title == one for one in own), True]}]}
        for title in dict.fromkeys(own)
    ]
    layout = {
        "xaxis": {"title": {"text": "others taken for forgotten samples"}, "range": [0, 1]},
        "yaxis": {"title": {"text": "forgotten samples found"}, "range": [0, 1]},
        "height": 640,
        "margin": {"t": 70},
        "legend": {"orientation": "v", "x": 0, "xanchor": "left", "y": -0.12, "yanchor": "top"},
        "updatemenus": [
            {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.16, "yanchor": "top", "font": {"size": 11}}
        ],
    }
    text = (
        "Each attack at all its thresholds; choose one above the plot. The dotted curve is the same attack on the "
        "retrained model: what lies on it tells nothing. Trained attackers are asked about samples they were not "
        "fitted to."
    )
    return Chart("Attacks", {"data": data, "layout": layout}, text)


def _line(title: str, model: str, curve: Roc, dash: str) -> dict[str, Any]:
    area = f"{curve.auc.value:.2f} ({curve.auc.low:.2f} to {curve.auc.high:.2f})"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{model}: AUC {area}",
        "legendgroup": title,
        "x": curve.false_positive.tolist(),
        "y": curve.true_positive.tolist(),
        "line": {"dash": dash, "shape": "hv"},
    }


def epochs(history: Sequence[Mapping[str, Any]], target: float) -> Chart:
    """Draw accuracies over the epochs of the method.

    Args:
        history: One row an epoch.
        target: Accuracy on the forget set that ends it.

    Returns:
        The chart.
    """
    x = [f"{row['phase']} {row['epoch'] + 1}" if row["phase"] != "main" else row["epoch"] + 1 for row in history]
    lines = {"forgotten samples": "forget", "retained samples": "retain"}
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": x,
            "y": [100 * row[key] for row in history],
        }
        for name, key in lines.items()
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "target",
            "x": x,
            "y": [100 * target] * len(x),
            "line": {"dash": "dot", "color": "grey"},
        }
    )
    layout = {"xaxis": {"title": {"text": "epoch"}}, "yaxis": {"title": {"text": "accuracy, %"}}}
    return Chart("Epochs of the method", {"data": data, "layout": layout})
