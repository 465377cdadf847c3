"""Does a map notice that the model was randomised? Quantus' MPRT behind a typed function; needs `quantus`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal, cast

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from antigrad.attribution.methods import AttributionMethod
from antigrad.attribution.views import to_map
from antigrad.vision.classifier import Classifier

Order = Literal["top_down", "bottom_up", "independent"]


@dataclass(frozen=True)
class Randomised:
    """What is left of maps as layers are randomised.

    Args:
        layers: Names, in the order they were randomised.
        correlations: (L, B) Spearman rank correlation with the map of the intact model.
    """

    layers: list[str]
    correlations: Tensor

    @property
    def last(self) -> Tensor:
        """(B,) correlation once every layer is random; a map that still agrees shows the picture, not the model."""
        return self.correlations[-1]


def randomisation(
    method: AttributionMethod,
    classifier: Classifier,
    inputs: Tensor,
    targets: Tensor,
    *,
    order: Order = "top_down",
    only_last: bool = False,
    seed: int = 0,
) -> Randomised:
    r"""Randomise a model layer by layer and compare each image's maps with those of the intact model.

    $$\rho_l=\operatorname{Spearman}(M(f),M(f_{l\text{ layers random}}))$$

    Args:
        method: The method that is tested; its noise is the same at every layer.
        classifier: The model; a copy of it is randomised.
        inputs: (B, C, H, W), normalised.
        targets: (B,) classes.
        order: From the last layer down, adding up; from the first up; or one layer at a time.
        only_last: Look only once all layers are random: two explanations of each image instead of one per layer.
        seed: Of the noise and of the random weights.

    Returns:
        Correlations of each layer and image.

    Sign: near 1 is bad: the map did not notice.

    Source: Adebayo et al. 2018, arXiv 1810.03292; Quantus' `MPRT`.

    Deviations: signed maps are compared by magnitude, as RCAP does.
    """
    quantus: Any = import_module("quantus")

    def explain(model: Any, inputs: Any, targets: Any, **_: Any) -> Any:
        # Quantus hands over its randomised copy; the method looks at that, with the same noise every time.
        inner = replace(classifier, model=model, cam_layer=_same_layer(classifier, model))
        given = torch.as_tensor(np.asarray(inputs)), torch.as_tensor(np.asarray(targets)).long()
        maps = to_map(method(inner, *given, torch.Generator().manual_seed(seed)).detach())
        return maps[:, None].numpy()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = quantus.MPRT(
            similarity_func=quantus.similarity_func.correlation_spearman, layer_order=order, seed=seed, abs=False,
            normalise=False, disable_warnings=True, skip_layers=only_last,
        )  # fmt: skip
        found: dict[str, Any] = metric(
            model=classifier.model, x_batch=inputs.numpy(), y_batch=targets.numpy(), a_batch=None, device="cpu",
            explain_func=explain, batch_size=len(inputs), channel_first=True,
        )  # fmt: skip
    layers = [layer for layer in found if layer != "original"]  # Where nothing is random, the correlation is 1.
    return Randomised(layers, torch.tensor([list(found[layer]) for layer in layers], dtype=torch.float64))


def class_contrast(
    method: AttributionMethod, classifier: Classifier, inputs: Tensor, targets: Tensor, others: Tensor, *, seed: int = 0
) -> Tensor:
    r"""Compare the map of a class with that of another one.

    $$\rho=\operatorname{Spearman}(M_c,M_{c'})$$

    Args:
        method: The method that is tested; its noise is the same for both.
        classifier: The model.
        inputs: (B, C, H, W), normalised.
        targets: (B,) classes.
        others: (B,) other classes.
        seed: Of the noise.

    Returns:
        (B,) rank correlations of the maps of magnitudes.

    Sign: near 1 is bad: the map says where the network looks, not for which class.

    Source: ours.
    """
    maps = [
        to_map(method(classifier, inputs, classes, torch.Generator().manual_seed(seed)).detach())
        for classes in (targets, others)
    ]
    return rank_correlation(maps[0], maps[1])


def rank_correlation(maps: Tensor, others: Tensor) -> Tensor:
    r"""Spearman's correlation of each map with another one of the same picture.

    Args:
        maps: (B, H, W).
        others: (B, H, W).

    Returns:
        (B,); equal values share their mean rank. NaN where one of the two maps is constant.

    Example:
        >>> round(rank_correlation(torch.tensor([[[1.0, 2.0, 9.0]]]), torch.tensor([[[3.0, 2.0, 1.0]]])).item(), 6)
        -1.0
    """
    pairs = zip(maps.flatten(1).cpu().numpy(), others.flatten(1).cpu().numpy(), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A constant map, whose correlation is NaN.
        return torch.tensor([float(cast(Any, spearmanr(*pair)).statistic) for pair in pairs], dtype=torch.float64)


def _same_layer(classifier: Classifier, model: Any) -> Any:
    if classifier.cam_layer is None:
        return None
    name = next(name for name, module in classifier.model.named_modules() if module is classifier.cam_layer)
    return dict(model.named_modules())[name]
