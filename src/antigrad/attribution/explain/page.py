"""What `antigrad explain` says: maps over pictures, figures of methods beside those of controls."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from antigrad.attribution.explain.picture import Explained
from antigrad.attribution.explain.settings import ExplainConfig
from antigrad.attribution.metrics.controls import MODEL_FREE
from antigrad.attribution.metrics.metric import Better
from antigrad.attribution.metrics.paired import Difference, above_controls, clearly_above
from antigrad.attribution.metrics.rcap import STAGES, rcap
from antigrad.attribution.overlay import data_uri, layer, photograph
from antigrad.core.page import (
    Card,
    Cards,
    Chart,
    Column,
    Gallery,
    Layer,
    Page,
    PictureGroup,
    Section,
    Stage,
    Table,
    Verdict,
)
from antigrad.core.page_bounds import SHOWN, more, worst
from antigrad.core.runs import RunFolder
from antigrad.core.significance import LEAST, LEVEL
from antigrad.vision.classifier import Classifier

HEADLINE = ("rcap_s", "rcap_calibrated")
"""Figures that no sharpening of a map changes: only these are held against the controls."""
WORDS = {
    "rcap": ("RCAP", "Probability of the class times share of the map's mass, over five stages. Sharpening raises it."),
    "rcap_s": ("rank-only RCAP", "Mean probability of the class on the recovered images: the ranking of the pixels."),
    "rcap_calibrated": ("calibrated RCAP", "RCAP of the map with a uniform histogram; at most .49."),
    "rcap_h": ("concentration", "Mean share of the mass on what is recovered: it costs no explanation."),
    "iauc": ("insertion", "Area under the probability while salient pixels come back into a blurred image."),
    "dauc": ("deletion", "Area under the probability while salient pixels get the mean colour. Lower is better."),
}
_SIDE = 104
Scores = dict[str, dict[str, Tensor]]


def gallery_entry(classifier: Classifier, found: Explained, row: Mapping[str, Any]) -> PictureGroup:
    """One picture with its maps, and what RCAP recovers of it.

    Args:
        classifier: The model.
        found: What is known of the picture.
        row: Its row of the ledger.

    Returns:
        Its entry of the gallery.
    """
    device = next(classifier.model.parameters()).device
    stack = torch.stack(list(found.maps.values())).to(device)
    many = found.image.to(device).expand(len(stack), -1, -1, -1)
    targets = torch.full((len(stack),), found.target, device=device)
    again = rcap(classifier.probabilities, many, stack, targets, keep=True)
    pictures = cast(Tensor, again.recovered).cpu()
    layers: list[Layer] = []
    for place, (name, one) in enumerate(found.maps.items()):
        signed = data_uri(layer(found.signed[name]), lossless=True) if name in found.signed else ""
        stages = [
            Stage(
                data_uri(photograph(pictures[place, stage]), lossless=False, side=_SIDE),
                f"top {100 * (1 - share):.0f}%\np {float(again.probability[place, stage]):.2f}\n"
                f"mass {float(again.hit[place, stage]):.2f}",
            )
            for stage, share in enumerate(STAGES)
        ]
        shown = row["figures"][name]
        note = " · ".join(f"{_label(figure)} {value:.3f}" for figure, value in shown.items())
        layers.append(Layer(name, note, data_uri(layer(one.clamp(0, 1)), lossless=True), signed, stages))
    facts: dict[str, float | str | None] = {
        "explained class": _named(row, "target"),
        "probability": found.probability,
        "model's choice": _named(row, "predicted"),
    }
    label = "" if row["label"] is None else f" · label {row['label']}"
    picture = data_uri(photograph(found.image), lossless=False)
    return PictureGroup(f"{row['image']}{label}", picture, layers, facts)


def describe(run: RunFolder, config: ExplainConfig) -> None:
    """Write the page of a finished run.

    Args:
        run: The run.
        config: Its settings.
    """
    count, scores = _read(run)
    refused = refused_of(run)
    first = worst(run.ledger.stream("image", without=("figures",)), SHOWN, lambda row: row["place"])
    rows = sorted(first, key=lambda row: row["place"])
    places = sorted(row["place"] for row in run.ledger.stream("image") if row["place"] < config.shown)
    entries = cast(list[PictureGroup], [run.read_json(f"gallery/{place:05d}.json") for place in places])
    sections: list[Section] = []
    if entries:
        sections.append(Gallery("Maps", entries, _HOW_TO_READ))
    gaps = _gaps(scores)
    if gaps:
        sections += [_headline(gaps, scores, count), _bars(gaps)]
    if any(scores.values()):
        sections.append(_figures_table(scores, config, count))
    sections.append(_pictures_table(rows, count))
    if refused:
        shown = [{"image": row["image"], "reason": row["reason"]} for row in refused]
        columns = [Column("image", "picture"), Column("reason", "why")]
        sections.append(Table("Pictures that could not be explained", columns, shown))
    left = run.ledger.rows("left out")
    if left:
        shown = [{"method": row["method"], "reason": row["reason"]} for row in left]
        columns = [Column("method", "method"), Column("reason", "why")]
        sections.append(Table("Methods that do not apply to this model", columns, shown))
    Page("Where a decision comes from", _verdict(rows, count, refused, gaps, scores, config), sections).write(run)


def summary_of(run: RunFolder, config: ExplainConfig) -> dict[str, Any]:
    """Headline figures.

    Args:
        run: The run.
        config: Its settings.

    Returns:
        `METHOD/figure`: the mean; with `/error` its standard error; with `/above_control` the paired difference.
    """
    count, scores = _read(run)
    found: dict[str, Any] = {"pictures": count, "refused": len(refused_of(run)), "model": config.model}
    for name, figures in scores.items():
        for figure, values in figures.items():
            found |= {f"{name}/{figure}": float(values.mean()), f"{name}/{figure}/error": _error(values)}
    for (name, figure), gap in _gaps(scores).items():
        key = f"{name}/{figure}/above_control"
        found |= {key: gap.mean, f"{key}/error": gap.error, f"{key}/control": gap.against}
    return found


def refused_of(run: RunFolder) -> list[dict[str, Any]]:
    """Pictures that could not be explained, each once; a resumed run tries them again.

    Args:
        run: The run.

    Returns:
        Their last rows, in the order of the pictures.
    """
    done = {row["place"] for row in run.ledger.stream("image")}
    last = {row["place"]: row for row in run.ledger.stream("refused") if row["place"] not in done}
    return [last[place] for place in sorted(last)]


_HOW_TO_READ = (
    "Magnitude: how much the class depends on a pixel. Net: blue pulls the class up, orange pushes it down, channels "
    "added up; methods without a sign show their magnitude. Full colour is reached at the 99th percentile. Below a "
    "map: what is left of the picture when only its most salient pixels are shown, the probability p of the class "
    "then, and the share of the map's mass on them."
)


def _read(run: RunFolder) -> tuple[int, Scores]:
    """Read the figures of all pictures, eight bytes each.

    Args:
        run: The run.

    Returns:
        How many pictures there are; of each map and figure their values, in the order of the pictures.
    """
    places, columns = array("q"), dict[tuple[str, str], "array[float]"]()
    for row in run.ledger.stream("image"):
        places.append(row["place"])
        for name, figures in row["figures"].items():
            for figure, value in figures.items():
                columns.setdefault((name, figure), array("d")).append(float(value))
    order = torch.tensor(places).argsort() if places else torch.zeros(0, dtype=torch.long)
    scores: Scores = {}
    for (name, figure), values in columns.items():
        scores.setdefault(name, {})[figure] = torch.tensor(values, dtype=torch.float64)[order]
    return len(places), scores


def _error(values: Tensor) -> float | None:
    return float(values.std() / len(values) ** 0.5) if len(values) > 1 else None


def _gaps(scores: Scores) -> dict[tuple[str, str], Difference]:
    found: dict[tuple[str, str], Difference] = {}
    figures = [figure for figure in next(iter(scores.values()), {}) if figure.partition(" of ")[0] in HEADLINE]
    for name in scores:
        if name not in MODEL_FREE:
            for figure in figures:
                controls = {control: scores[control][figure] for control in MODEL_FREE}
                found[name, figure] = above_controls(scores[name][figure], controls)
    return found


def _verdict(
    rows: Sequence[Any],
    count: int,
    refused: Sequence[Any],
    gaps: Mapping[tuple[str, str], Difference],
    scores: Scores,
    config: ExplainConfig,
) -> Verdict:
    methods = len(config.methods)
    caveats = [f"{count} picture{'s' * (count != 1)}, {methods} method{'s' * (methods != 1)}, {config.model}."]
    caveats += [f"{len(refused)} pictures could not be read."] if refused else []
    caveats.append("A map that no model-free control beats explains the ranking of pixels, not whether it is right.")
    question = "Do the maps say more about the decision than a model-free map?"
    said = "; ".join(
        f"{row['image']}: {_named(row, 'target')}, probability {row['probability']:.0%}" for row in rows[:3]
    )
    if not gaps:
        answer = f"It was not judged ({said})." if said else "No picture could be explained."
        advice = "Name --metrics to judge the methods against controls." if said else "See below for why."
        return Verdict(question, answer, "", advice, caveats)
    if count < LEAST:
        answer = f"Too few pictures for a verdict on methods ({said})."
        advice = f"Give {LEAST} pictures or more; until then read the maps as hints."
        return Verdict(question, answer, f"{count} of the {LEAST} pictures needed.", advice, caveats)
    clear = _clear(scores, next(iter(gaps))[1])
    sure = f"Paired t over {count} pictures, p < {LEVEL:g} for all methods together."
    if clear:
        rank = "rank" if len(clear) > 1 else "ranks"
        answer = f"Yes: {', '.join(clear)} {rank} pixels better than every model-free map."
        return Verdict(question, answer, sure, f"Read the maps of {clear[0]}; leave the others.", caveats, "good")
    answer = "No: no method ranks pixels better than every model-free map."
    return Verdict(question, answer, sure, "Do not rely on these maps for this model.", caveats, "bad")


def _clear(scores: Scores, figure: str) -> list[str]:
    ours = {name: own[figure] for name, own in scores.items() if name not in MODEL_FREE}
    return clearly_above(ours, {name: scores[name][figure] for name in MODEL_FREE})


def _headline(gaps: Mapping[tuple[str, str], Difference], scores: Scores, count: int) -> Cards:
    cards: list[Card] = []
    above = _clear(scores, next(iter(gaps))[1])
    for name in dict.fromkeys(name for name, _ in gaps):
        own = {figure: gap for (other, figure), gap in gaps.items() if other == name}
        first, *rest = own
        gap, known = own[first], math.isfinite(own[first].error)
        tone = "good" if name in above else "neutral"
        notes = [f"± {gap.error:.3f}" if known else "no error from one picture"]
        notes += [f"against {gap.against}, better on {round(gap.won * count)} of {count}"]
        notes += [f"{_label(figure)}: {_signed(own[figure])}" for figure in rest]
        cards.append(Card(name, f"{gap.mean:+.3f}".replace("-", "−"), "; ".join(notes), tone))
    figure = _label(next(iter(gaps))[1])
    text = f"{figure[0].upper()}{figure[1:]}, minus that of the best model-free control on the same pictures; paired, "
    text += "with its standard error."
    text += " Green: above every control, beyond chance."
    return Cards("Better than a model-free map?", cards, text)


def _signed(gap: Difference) -> str:
    error = f" ± {gap.error:.3f}" if math.isfinite(gap.error) else ""
    return f"{gap.mean:+.3f}{error}".replace("-", "−")


def _bars(gaps: Mapping[tuple[str, str], Difference]) -> Chart:
    names = list(dict.fromkeys(name for name, _ in gaps))
    figures = list(dict.fromkeys(figure for _, figure in gaps))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": _label(figure),
            "y": names[::-1],
            "x": [gaps[name, figure].mean for name in names[::-1]],
            "error_x": {"type": "data", "array": [gaps[name, figure].error for name in names[::-1]]},
        }
        for figure in figures
    ]
    layout = {
        "height": 130 + 34 * len(names),
        "barmode": "group",
        "xaxis": {"title": {"text": "minus the best control"}, "zeroline": True},
        "yaxis": {"automargin": True},
    }
    return Chart("Against the controls", {"data": data, "layout": layout}, "Bars: one standard error.")


def _figures_table(scores: Scores, config: ExplainConfig, count: int) -> Table:
    better: dict[str, Better] = {}
    for metric in config.made_metrics().values():
        better |= metric.figures
    columns = [Column("map", "map"), Column("kind", "kind")]
    for figure in next(iter(scores.values())):
        plain = figure.partition(" of ")[0]
        arrow = {"higher": " ↑", "lower": " ↓"}.get(better.get(plain, "neither"), "")
        text = f"{WORDS.get(plain, ('', ''))[1]} ± standard error of the mean over pictures".strip()
        columns.append(Column(figure, _label(figure) + arrow, "number", text, spread=[f"{figure} error"]))
    shown: list[dict[str, Any]] = []
    for name, figures in scores.items():
        row: dict[str, Any] = {"map": name, "kind": "control" if name in MODEL_FREE else "method"}
        for figure, values in figures.items():
            row |= {figure: float(values.mean()), f"{figure} error": _error(values)}
        shown.append(row)
    return Table(
        "Figures of methods and controls",
        columns,
        shown,
        f"Means over {count} pictures. Controls are model-free: what does not beat them explains nothing.",
    )


def _pictures_table(rows: Sequence[Mapping[str, Any]], count: int) -> Table:
    columns = [
        Column("image", "picture"),
        Column("target", "explained class"),
        Column("predicted", "model's choice"),
        Column("probability", "probability", "percent"),
    ]
    shown = [
        {
            "image": row["image"],
            "target": _named(row, "target"),
            "predicted": _named(row, "predicted"),
            "probability": row["probability"],
        }
        for row in rows
    ]
    return Table("Pictures", columns, shown, more(count, len(rows), "pictures").strip())


def _named(row: Mapping[str, Any], key: str) -> str:
    name = row.get(f"{key}_name")
    return f"{name} ({row[key]})" if name else str(row[key])


def _label(figure: str) -> str:
    plain, _, spec = figure.partition(" of ")
    return WORDS.get(plain, (plain, ""))[0] + (f" of {spec}" if spec else "")
