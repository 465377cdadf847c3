"""RCAP as a Quantus metric, for pipelines that have Quantus already; needs the package `quantus`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from quantus.helpers.enums import DataType, EvaluationCategory, ModelType, ScoreDirection
from quantus.metrics.base import Metric
from torch import Tensor

from antigrad.attribution.metrics.rcap import Base, Ties, calibrated, rcap
from antigrad.attribution.views import to_map


class RCAP(Metric[list[float]]):
    r"""`antigrad.attribution.metrics.rcap.rcap` under Quantus' interface.

    $$\mathrm{RCAP}=\frac1K\sum_kh_ks_k$$

    Args:
        mean: Mean of each channel, in [0, 1], that was subtracted from the images.
        std: What they were divided by after that: the base image is black in pixels, not in the model's numbers.
        base: What unrevealed pixels show.
        ties: See `rcap`.
        rank_only: Give the mean probability instead, which no sharpening of the map raises.
        calibrate: Give the score of the map with a uniform histogram.
        **kwargs: Quantus' own settings (`return_aggregate`, `disable_warnings`, …).

    Sign: higher is better.

    Source: Guided AbsoluteGrad, arXiv 2404.15564; see `rcap`.

    Deviations: maps are scaled image by image; Quantus' own normalisation, over the whole batch, is off.

    Example:
        >>> RCAP(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)).score_direction.value
        'higher'
    """

    name = "RCAP"
    data_applicability: ClassVar[Any] = {DataType.IMAGE}
    model_applicability: ClassVar[Any] = {ModelType.TORCH}
    score_direction = ScoreDirection.HIGHER
    evaluation_category = EvaluationCategory.FAITHFULNESS

    def __init__(
        self,
        mean: tuple[float, ...] = (0.485, 0.456, 0.406),
        std: tuple[float, ...] = (0.229, 0.224, 0.225),
        base: Base = "black",
        ties: Ties = "paper",
        *,
        rank_only: bool = False,
        calibrate: bool = False,
        **kwargs: Any,
    ) -> None:
        settings: dict[str, Any] = {
            "abs": False,
            "normalise": False,
            "normalise_func": None,
            "normalise_func_kwargs": None,
            "return_aggregate": False,
            "aggregate_func": np.mean,
            "default_plot_func": None,
            "disable_warnings": True,
            "display_progressbar": False,
        }
        super().__init__(**(settings | kwargs))
        self.mean, self.std = (torch.tensor(values)[:, None, None] for values in (mean, std))
        self.base: Base = base
        self.ties: Ties = ties
        self.rank_only, self.calibrate = rank_only, calibrate

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, model: Any, x_batch: Any, y_batch: Any, a_batch: Any = None, **kwargs: Any
    ) -> Any:
        """Score maps, as every Quantus metric does.

        Args:
            model: A torch module that gives logits.
            x_batch: (N, C, H, W) images as the model wants them, NumPy.
            y_batch: (N,) classes.
            a_batch: (N, C, H, W) or (N, H, W) attributions; None: made by `explain_func`.
            **kwargs: `s_batch`, `channel_first`, `explain_func`, `explain_func_kwargs`, `model_predict_kwargs`,
                `device`, `batch_size`.

        Returns:
            (N) scores, or their aggregate.
        """
        optional = ("s_batch", "channel_first", "explain_func", "explain_func_kwargs", "model_predict_kwargs")
        given = dict.fromkeys(optional) | {"softmax": True} | kwargs
        return super().__call__(model=model, x_batch=x_batch, y_batch=y_batch, a_batch=a_batch, **given)

    def evaluate_batch(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, model: Any, x_batch: Any, y_batch: Any, a_batch: Any, **_: Any
    ) -> list[float]:
        """Score one batch.

        Args:
            model: Quantus' wrapper of the model.
            x_batch: (B, C, H, W) images.
            y_batch: (B,) classes.
            a_batch: (B, C, H, W) or (B, H, W) attributions.

        Returns:
            One score an image.
        """
        inputs = torch.from_numpy(np.asarray(x_batch))
        attributions = torch.from_numpy(np.asarray(a_batch))
        attributions = attributions if attributions.ndim == 4 else attributions[:, None]
        maps = to_map(attributions)
        mean, std = self.mean.to(inputs), self.std.to(inputs)

        def probabilities(images: Tensor) -> Tensor:
            wanted = ((images - mean) / std).numpy()
            shaped = model.shape_input(wanted, wanted.shape, channel_first=True, batched=True)
            return torch.from_numpy(np.asarray(model.predict(shaped)))

        images, targets = inputs * std + mean, torch.from_numpy(np.asarray(y_batch)).long()
        maps, ties = (calibrated(maps), "rank") if self.calibrate else (maps, self.ties)
        found = rcap(probabilities, images, maps, targets, base=self.base, ties=ties)
        return (found.rank_only if self.rank_only else found.score).tolist()
