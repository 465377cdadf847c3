"""From the rows of the study to its kept figures: means, errors, paired differences."""

from __future__ import annotations

from typing import Any

import torch
from studies.attribution.facts import BASES, CONTROLS, SPEC_IMAGES
from torch import Tensor

from antigrad.attribution.metrics.paired import above_controls, paired

COMPETITORS = (
    "saliency", "smoothgrad", "vargrad", "guided_backprop", "integrated_gradients", "guided_ig", "blur_ig",
)  # fmt: skip
"""The seven methods that the paper compares with."""
PAIRS = (
    *(("gag_0.85", other) for other in (*COMPETITORS, "gradcam", "absolute_grad", *CONTROLS, "sobel^4")),
    *((f"absolute_{sign}", "smoothgrad") for sign in ("positive", "negative", "grad")),
    ("smoothgrad_guided", "smoothgrad"),
    ("absolute_grad^8", "gag_0.85"), ("vargrad^4", "gag_0.85"), ("gag_relative", "gag_0.85"),
    ("gag_0.85_blurred", "gag_0.85"), ("gag_logits_x100", "gag_0.85"), ("gag_hard", "gag_0.85"),
)  # fmt: skip
Columns = dict[str, dict[str, Tensor]]


def tables(rows: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    """Means, standard errors and paired differences.

    Args:
        rows: Of the ledger.
        facts: What was run.

    Returns:
        Tables as JSON.
    """
    images, sweep, grids, randomised = (of_kind(rows, kind) for kind in ("image", "sweep", "grid", "randomised"))
    if [row["place"] for row in sweep] != [row["place"] for row in images]:
        sweep = []  # Not all of them yet: nothing of it is paired.
    values = columns(images, sweep, grids, randomised)
    maps = {name: {figure: of_column(values, name, figure) for figure in own} for name, own in values.items()}
    chosen = [round(place * (len(images) - 1) / (SPEC_IMAGES - 1)) for place in range(SPEC_IMAGES)]
    some = sorted(set(chosen)) if len(images) >= SPEC_IMAGES else range(len(images))
    of_spec = columns(*([rows_[place] for place in some] for rows_ in (images, sweep) if rows_))
    pairs = {
        f"{ours} - {theirs}, {figure}": vars(paired(values[ours][figure], values[theirs][figure], theirs))
        for ours, theirs in PAIRS
        for figure in ("rcap/black", "rcap_s/black", "rcap_calibrated/black", "dauc", "iauc")
        if figure in values[ours] and figure in values[theirs]
    }
    counts = {"images": len(images), "grids": len(grids), "randomised": len(randomised), "spec_images": len(some)}
    counts |= {"swept": len(sweep)}
    found = {"maps": maps, "pairs": pairs, "spec": spec_rows(of_spec)}
    return {"name": "attribution_study", **counts, **facts, **found}


def of_kind(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Rows of a kind, in the order of their places.

    Args:
        rows: Of the ledger.
        kind: Which.

    Returns:
        Those rows.
    """
    return sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["place"])


def columns(*kinds: list[dict[str, Any]]) -> Columns:
    """Turn rows into one column a map and figure.

    Args:
        *kinds: Rows of each kind, in order.

    Returns:
        Name of the map, then of the figure, and its values.
    """
    values: Columns = {}
    for some in kinds:
        for name in some[0]["scores"] if some else ():
            own = values.setdefault(name, {})
            for figure in some[0]["scores"][name]:
                own[figure] = torch.tensor([row["scores"][name][figure] for row in some], dtype=torch.float64)
    return values


def of_column(values: Columns, name: str, figure: str) -> dict[str, Any]:
    """Mean and standard error of one figure; of those that sharpening cannot raise, the best control's difference too.

    Args:
        values: All columns.
        name: Of the map.
        figure: Which.

    Returns:
        `mean`, `error`, and perhaps `above_best_control`.
    """
    column = values[name][figure]
    found: dict[str, Any] = {
        "mean": float(column.mean()),
        "error": float(column.std() / len(column) ** 0.5) if len(column) > 1 else None,
    }
    if figure.startswith(("rcap_s/", "rcap_calibrated/")):
        controls = {control: values[control][figure] for control in CONTROLS}
        found["above_best_control"] = vars(above_controls(column, controls))
    return found


def spec_rows(values: Columns) -> dict[str, dict[str, float]]:
    """The figures of the specification's table, on its images.

    Args:
        values: Columns of those images.

    Returns:
        Name of the map with its base, and its figures.
    """
    found: dict[str, dict[str, float]] = {}
    for name, own in values.items():
        for base in BASES:
            if f"rcap/{base}" in own:
                gap = paired(own[f"rcap_calibrated/{base}"], values["sobel"][f"rcap_calibrated/{base}"])
                means = {
                    key: float(own[f"{key}/{base}"].mean()) for key in ("rcap", "rcap_h", "rcap_s", "rcap_calibrated")
                }
                if name.startswith("gradcam"):  # Its ties are broken there.
                    means["rcap_s"] = float(own[f"rcap_s_untied/{base}"].mean())
                found[f"{name}/{base}"] = means | {"above_sobel": gap.mean}
    return found
