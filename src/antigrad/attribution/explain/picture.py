"""One picture: its class, its maps by every method, and what metrics and controls say of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from antigrad.attribution.explain.settings import ExplainConfig
from antigrad.attribution.metrics import MapMetric
from antigrad.attribution.metrics.controls import model_free
from antigrad.attribution.views import View, to_map
from antigrad.core.errors import InputValueError
from antigrad.core.progress import within
from antigrad.vision.classifier import Classifier
from antigrad.vision.images import Picture

Figures = dict[str, dict[str, float]]
"""Of each map, its figures."""


@dataclass(frozen=True)
class Explained:
    """What is known of one picture.

    Args:
        image: (3, H, W) in [0, 1], as the model saw it.
        target: The class explained.
        predicted: The model's first choice.
        probability: Of the target.
        maps: Method and (H, W) map of magnitudes, in [0, 1].
        signed: Method and (H, W) map in [−1, 1], of methods that have a sign.
        figures: Of maps and controls.
    """

    image: Tensor
    target: int
    predicted: int
    probability: float
    maps: dict[str, Tensor]
    signed: dict[str, Tensor]
    figures: Figures

    def row(self, place: int, picture: Picture, labels: list[str]) -> dict[str, Any]:
        """Row of the ledger.

        Args:
            place: Number of the picture.
            picture: Where it came from.
            labels: Names of the classes, if known.

        Returns:
            Plain values.
        """
        facts = {"target": self.target, "predicted": self.predicted}
        names = {f"{key}_name": labels[number] for key, number in facts.items() if labels}
        head: dict[str, Any] = {"kind": "image", "place": place, "image": picture.name, "label": picture.label}
        return head | facts | names | {"probability": self.probability, "figures": self.figures}


def explain_picture(config: ExplainConfig, classifier: Classifier, picture: Picture, place: int) -> Explained:
    """Make and judge the maps of one picture.

    Args:
        config: Which methods and metrics, and what is explained.
        classifier: The model.
        picture: The picture.
        place: Its number; with `config.seed` it decides the noise.

    Returns:
        Maps and figures.

    Raises:
        InputValueError: The model has no such class.
    """
    image = classifier.view(picture.open()).to(config.device)
    chances = classifier.probabilities(image[None])[0]
    if not torch.isfinite(chances).all():
        raise InputValueError(
            f"{picture.name}: class probabilities with NaN or inf", "finite ones", "check the model's weights"
        )
    predicted = int(chances.argmax())
    target = _target(config, picture, predicted, len(chances))
    numbers = torch.Generator().manual_seed(config.seed * 1_000_003 + place)
    inputs, targets = classifier.normalise(image[None]), torch.tensor([target], device=config.device)
    maps: dict[str, Tensor] = {}
    signed: dict[str, Tensor] = {}
    methods, metrics = config.made_methods(), config.made_metrics()
    for number, (name, method) in enumerate(methods.items()):
        within(number / (len(methods) + len(metrics)), name)
        attribution = method(classifier, inputs, targets, numbers).detach()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A constant map is seen in its figures: they are 0.
            maps[name] = to_map(attribution, cast(View, config.view))[0]
            if method.signed:
                signed[name] = to_map(attribution, "signed")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The same of a picture without edges.
        judged = maps | {name: one[0] for name, one in model_free(image[None].cpu(), numbers).items()}
    figures = _figures(metrics, classifier, image, targets, judged, len(methods))
    return Explained(image.cpu(), target, predicted, float(chances[target]), maps, signed, figures)


@torch.no_grad()
def _figures(
    metrics: Mapping[str, MapMetric],
    classifier: Classifier,
    image: Tensor,
    target: Tensor,
    maps: dict[str, Tensor],
    before: int,
) -> Figures:
    stack = torch.stack([one.to(image) for one in maps.values()])
    many, targets = image.expand(len(stack), -1, -1, -1), target.expand(len(stack))
    found: Figures = {name: {} for name in maps}
    for number, (spec, metric) in enumerate(metrics.items(), before):
        within(number / (before + len(metrics)), spec)
        alone = sum(type(other) is type(metric) for other in metrics.values()) == 1
        for figure, values in metric(classifier, many, stack, targets).items():
            for name, value in zip(maps, values.tolist(), strict=True):
                found[name][figure if alone else f"{figure} of {spec}"] = value
    return found


def _target(config: ExplainConfig, picture: Picture, predicted: int, classes: int) -> int:
    if config.target == "predicted":
        return predicted
    target = int(config.target) if config.target != "label" else int(picture.label or 0)
    if not 0 <= target < classes:
        raise InputValueError(f"class {target} of {picture.name}", f"0 to {classes - 1}", "choose another target")
    return target
