"""Settings of `antigrad explain`, checked all at once before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antigrad.attribution.methods import METHODS, AttributionMethod
from antigrad.attribution.metrics import METRICS, MapMetric
from antigrad.core.devices import device_problems
from antigrad.core.errors import AntigradError, ManyInputsError, did_you_mean, raise_all
from antigrad.core.settings import Settings
from antigrad.core.spread import Where
from antigrad.vision.images import Picture, find_pictures
from antigrad.vision.models import EMBEDDED

COMPARED = (
    "guided_absolute_grad",
    "saliency",
    "smoothgrad",
    "vargrad",
    "guided_backprop",
    "integrated_gradients",
    "guided_ig",
    "blur_ig",
    "gradcam",
)
"""Guided AbsoluteGrad, the seven methods it was compared with, and Grad-CAM."""
_VIEWS = ("absolute", "positive", "negative")


@dataclass(frozen=True)
class ExplainConfig(Settings):
    """Settings of an explanation.

    Args:
        images: Pictures, folders of such, Parquet tables with a column `image` (and `class_index` or `label`).
        model: `efficientnet-lite0`, `timm:NAME`, `torchvision:NAME`, or a hub name or folder of a transformers
            image classifier.
        methods: Attribution methods, as `guided_absolute_grad(percentile=0.5)`.
        metrics: Metrics of maps, as `rcap(base=grey)`; none leaves the maps unjudged.
        view: What of a signed map is judged: `absolute`, `positive` (what pulls up) or `negative` (what pushes down).
        target: What is explained: `predicted`, `label` (of tables) or the number of a class.
        output: Folder of the run.
        seed: Of the noise; each picture has its own stream, so that neither order nor engine matters.
        shown: Pictures on the page, at most; all of them are in the run folder.
        save_maps: Keep the maps as safetensors (some 400 kB per method and picture).
        engine: `local`, or `ray` for many pictures: workers on this machine or on a cluster.
        workers: Processes of the engine `ray`.
        address: Of a Ray cluster, `HOST:PORT` or `auto`; empty starts Ray on this machine.
        device: Where the model runs.
        resume: Resume the run in `output`; pictures that are done are kept.
    """

    images: list[str] = field(default_factory=list[str])
    model: str = EMBEDDED
    methods: list[str] = field(default_factory=lambda: list(COMPARED))
    metrics: list[str] = field(default_factory=lambda: ["rcap", "insertion", "deletion"])
    view: str = "absolute"
    target: str = "predicted"
    output: Path = Path("runs/explain")
    seed: int = 0
    shown: int = 12
    save_maps: bool = True
    engine: str = "local"
    workers: int = 2
    address: str = ""
    device: str = "cpu"
    resume: bool = False

    @property
    def where(self) -> Where:
        """Where pictures are computed: in this process, or by Ray's workers with a device each."""
        workers = self.workers if self.engine != "local" else 1
        return Where(self.engine, workers, self.address, gpus=float(self.engine == "ray" and self.device == "cuda"))

    def check(self) -> list[Picture]:
        """Check every setting and find the pictures.

        Returns:
            The pictures, in order.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems: list[str] = []
        pictures = _tried(lambda: find_pictures(self.images), problems) or []
        for catalog, specs in ((METHODS, self.methods), (METRICS, self.metrics)):
            for spec in specs:
                _tried(lambda: catalog.make(spec), problems)  # noqa: B023
        problems += [] if self.methods else ["methods: at least one is needed"]
        for name in ("methods", "metrics"):
            given: list[str] = getattr(self, name)
            problems += [f"{name}: {one} is given twice" for one in dict.fromkeys(given) if given.count(one) > 1]
        problems += self._problems_of_target(pictures)
        least = {"seed": 0, "shown": 0} | ({"workers": 1} if self.engine == "local" else {})
        problems += [
            f"{name}={getattr(self, name)}: at least {low}" for name, low in least.items() if getattr(self, name) < low
        ]
        if self.view not in _VIEWS:
            problems.append(f"view {self.view!r}: {did_you_mean(self.view, _VIEWS)}")
        problems += self.where.problems()
        if self.engine == "ray" and self.device.startswith("cuda:"):
            problems.append(f"device {self.device}: Ray gives each worker a device of its own; say cuda")
        problems += device_problems(self.device)
        raise_all("settings of explain", problems)
        return pictures

    def made_methods(self) -> dict[str, AttributionMethod]:
        """Make the methods.

        Returns:
            As written, and the method.
        """
        return {text: METHODS.make(text) for text in self.methods}

    def made_metrics(self) -> dict[str, MapMetric]:
        """Make the metrics.

        Returns:
            As written, and the metric.
        """
        return {text: METRICS.make(text) for text in self.metrics}

    def _problems_of_target(self, pictures: list[Picture]) -> list[str]:
        if self.target == "label":
            bare = [picture.name for picture in pictures if picture.label is None]
            return (
                [f"target label: {bare[0]} has no whole number as its label ({len(bare)} pictures without)"]
                if bare
                else []
            )
        if self.target == "predicted" or self.target.isdigit():
            return []
        return [f"target {self.target!r}: predicted, label, or the number of a class"]


def _tried(work: Callable[[], Any], problems: list[str]) -> Any:
    try:
        return work()
    except ManyInputsError as error:
        problems += error.problems
    except AntigradError as error:
        problems.append(str(error))
    return None
