"""What every unlearning job is asked about model, data and reference, checked together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from antigrad.core.devices import device_problems
from antigrad.core.errors import AntigradError, raise_all
from antigrad.core.files import is_there
from antigrad.core.settings import Settings
from antigrad.core.spread import Where
from antigrad.unlearning.methods import METHODS
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.metrics import METRICS, Metric
from antigrad.unlearning.sources import Given
from antigrad.vision.split import SplitModel

PATHS = ("data", "test", "weights")
PLACE = ("engine", "workers", "address")
"""Settings that say where something is computed, and change no figure."""


@dataclass(frozen=True)
class Asked(Settings):
    """Settings that the jobs of unlearning share.

    Args:
        model: `digits-cnn`, `digits-vit`; `MODULE:FUNCTION`, a function that makes your network; `timm:NAME`,
            `torchvision:NAME`, a folder or hub name of a transformers image classifier.
        weights: State of your network: `.safetensors`, or `.pt` with tensors alone.
        data: Training data: `digits`; a folder with one folder a class; a `.parquet` table of encoded images; a
            `.safetensors` file of images and labels; a data set in Hugging Face's format.
        test: Test data of the same form; empty for `digits`, and for a table with a column `split`.
        metrics: What is measured, as `accuracy(on=test)`; those that lack what they need are left out.
        floor: Stop a method where the accuracy on retained samples falls below this share of the original's; 0 for no
            floor.
        recipe: How the original was trained, for the reference: options of `retrain`, as `retrain(epochs=30)`.
        twin: Train a second reference with another seed: how far two retrained models are apart.
        head: Name of the linear layer that gives the logits; empty finds it.
        size: Side of the images, for networks that do not say.
        mean: Of each channel in [0, 1], for networks that do not say; one for grey images.
        std: Of each channel in [0, 1], likewise.
        strict: Refuse damaged images instead of leaving them out.
        seed: Of everything random; the first one where there are several.
        device: Where models run.
        engine: `local`, or `ray`: where references, and the pieces of a comparison, are computed.
        workers: Pieces of work at the same time.
        address: Of a Ray cluster; empty starts Ray on this machine.
        cache: Keep references for the next run.
        resume: Resume the run in `output`.
    """

    model: str = "digits-cnn"
    weights: str = ""
    data: str = "digits"
    test: str = ""
    metrics: list[str] = field(default_factory=list[str])
    floor: float = 0.0
    recipe: str = "retrain"
    twin: bool = True
    head: str = ""
    size: int = 32
    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    std: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    strict: bool = False
    seed: int = 0
    device: str = "cpu"
    engine: str = "local"
    workers: int = 1
    address: str = ""
    cache: bool = True
    resume: bool = False

    def problems(self) -> list[str]:
        """Check what is shared.

        Returns:
            One problem each.
        """
        problems: list[str] = []
        recipe = tried(lambda: METHODS.make(self.recipe), problems)
        if recipe is not None and not isinstance(recipe, Retrain):
            problems.append(f"recipe {self.recipe!r}: retrain, with options")
        for spec in self.metrics:
            tried(lambda: METRICS.make(spec), problems)  # noqa: B023
        if self.seed < 0:
            problems.append(f"seed={self.seed}: at least 0")
        if self.size < 1 or len(self.mean) != len(self.std) or not all(one > 0 for one in self.std):
            problems.append(f"size={self.size}, mean={self.mean}, std={self.std}: from 1; one of each channel, above 0")
        if not 0 <= self.floor <= 1:
            problems.append(f"floor={self.floor}: from 0 to 1")
        problems += device_problems(self.device)
        return [*problems, *self.where().problems()]

    def where(self) -> Where:
        """Say where pieces are computed.

        Returns:
            The engine, and how many at a time.
        """
        return Where(self.engine, self.workers, self.address)

    def given(self) -> Given:
        """Name what is to be loaded.

        Returns:
            The names.
        """
        names = ("model", "weights", "head", "data", "test", "size", "strict", "device")
        named = {name: getattr(self, name) for name in names}
        return Given(**named, mean=tuple(self.mean), std=tuple(self.std))

    def recorded(self) -> dict[str, Any]:
        """Say what a run is known by: its settings, paths absolute.

        Returns:
            Plain values.
        """
        return asdict(self) | {name: _absolute(getattr(self, name)) for name in PATHS}

    def made_metrics(self) -> dict[str, Metric]:
        """Make the metrics.

        Returns:
            As written, and the metric.
        """
        return {spec: METRICS.make(spec) for spec in self.metrics}

    def made_recipe(self) -> Retrain:
        """Make the recipe of the reference.

        Returns:
            Retraining with its options.

        Raises:
            AntigradError: It is another method.
        """
        found = METHODS.make(self.recipe)
        if not isinstance(found, Retrain):
            raise AntigradError(f"recipe {self.recipe!r}", "retrain, with options", "give epochs and learning_rate")
        return found


def check_methods(specs: Sequence[str], model: SplitModel) -> None:
    """Refuse methods of which none can work on a model of this many layers, before a run begins.

    Args:
        specs: Methods as written; a comparison leaves those out that do not fit, where another one does.
        model: The model.

    Raises:
        ManyInputsError: None fits it.
    """
    problems: list[str] = []
    for spec in specs:
        tried(lambda: METHODS.make(spec).trained(model), problems)  # noqa: B023
    raise_all("methods", problems if len(problems) == len(specs) else [])


def tried(work: Callable[[], Any], problems: list[str]) -> Any:
    """Do something, and note what is wrong with it.

    Args:
        work: What to do.
        problems: Where to note it.

    Returns:
        What it returned, or None.
    """
    try:
        return work()
    except AntigradError as error:
        problems.append(str(error))
    except TypeError as error:  # An option of a kind that the check of its range cannot compare.
        problems.append(str(error))
    return None


def _absolute(path: str) -> str:
    return str(Path(path).resolve()) if path and is_there(path) else path
