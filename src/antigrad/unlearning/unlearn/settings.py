"""Settings of `antigrad unlearn`, checked all at once before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antigrad.core.devices import device_problems
from antigrad.core.errors import AntigradError, raise_all
from antigrad.unlearning.loop import Weight
from antigrad.unlearning.methods import METHODS, UnlearningMethod
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.metrics import METRICS, Metric
from antigrad.unlearning.sources import Given
from antigrad.unlearning.splits import SPLITS, Split

MEASURED = (
    "accuracy(on=forget)",
    "accuracy(on=retain)",
    "accuracy(on=test)",
    "accuracy(on=test_retained)",
    "accuracy(on=test_removed)",
    "aus",
    "average_gap",
    "tow",
    "nomus",
    "zrf",
    "js",
    "activation_distance",
    "svm_softmax_forget_vs_unseen",
    "svm_loss_forget_vs_unseen",
    "logistic_loss_forget_vs_unseen",
    "salun_forget_as_unseen",
    "salun_forget_as_unseen(feature=correctness)",
    "salun_forget_as_unseen(feature=entropy)",
    "salun_forget_as_unseen(feature=modified_entropy)",
    "salun_forget_as_unseen(feature=vector)",
    "entropy_forget_as_member",
    "lira_forget_above_unseen",
    "detection",
    "relearning",
    "quantisation(bits=8)",
    "quantisation(bits=4)",
    "cost(what=seconds)",
    "cost(what=steps)",
    "cost(what=passes)",
)
"""Everything; what needs shadow models is left out where there are none."""


@dataclass(frozen=True)
class UnlearnConfig:
    """Settings of an unlearning.

    Args:
        model: `digits-cnn`, `digits-vit`; `MODULE:FUNCTION`, a function that makes your network; `timm:NAME`,
            `torchvision:NAME`, a folder or hub name of a transformers image classifier.
        weights: State of your network: `.safetensors`, or `.pt` with tensors alone.
        data: Training data: `digits`; a folder with one folder a class; a `.parquet` table of encoded images; a
            `.safetensors` file of images and labels; a data set in Hugging Face's format.
        test: Test data of the same form; empty for `digits`, and for a table with a column `split`.
        forget: Splits, one deletion after the other: `classes(names=[3])`, `share(fraction=0.1)`,
            `named(file=ids.csv)`, `subject(column=person,value=17)`.
        method: An unlearning method, as `duck` or `npo(beta=0.5)`.
        metrics: What is measured, as `accuracy(on=test)`; those that lack what they need are left out.
        weight: Weight of the down part: a number, or `safe`.
        every: Certify one step in so many; 0 for none. The seconds that are reported are those of the other steps.
        payers: Retained samples of which it is followed what each part of the steps does to them, and predicted before;
            0 for none.
        floor: Stop where the accuracy on retained samples falls below this share of the original's; 0 for no floor.
        recipe: How the original was trained, for the reference: options of `retrain`, as `retrain(epochs=30)`.
        reference: Train the reference model, without the forgotten samples.
        twin: Train a second one with another seed: how far two retrained models are apart.
        shadows: Shadow models for LiRA; 0 for none.
        head: Name of the linear layer that gives the logits; empty finds it.
        size: Side of the images, for networks that do not say.
        mean: Of each channel in [0, 1], for networks that do not say; one for grey images.
        std: Of each channel in [0, 1], likewise.
        strict: Refuse damaged images instead of leaving them out.
        output: Folder of the run.
        seed: Of everything random.
        device: Where the model runs.
        cache: Keep references for the next run.
        resume: Go on with the run in `output`.
    """

    model: str = "digits-cnn"
    weights: str = ""
    data: str = "digits"
    test: str = ""
    forget: list[str] = field(default_factory=lambda: ["classes(names=[3])"])
    method: str = "duck"
    metrics: list[str] = field(default_factory=lambda: list(MEASURED))
    weight: str = "1"
    every: int = 2
    payers: int = 256
    floor: float = 0.5
    recipe: str = "retrain"
    reference: bool = True
    twin: bool = True
    shadows: int = 0
    head: str = ""
    size: int = 32
    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    std: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    strict: bool = False
    output: Path = Path("runs/unlearn")
    seed: int = 0
    device: str = "cpu"
    cache: bool = True
    resume: bool = False

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems: list[str] = []
        method = tried(lambda: METHODS.make(self.method), problems)
        recipe = tried(lambda: METHODS.make(self.recipe), problems)
        if recipe is not None and not isinstance(recipe, Retrain):
            problems.append(f"recipe {self.recipe!r}: retrain, with options")
        for catalog, specs in ((SPLITS, self.forget), (METRICS, self.metrics)):
            for spec in specs:
                tried(lambda: catalog.make(spec), problems)  # noqa: B023
        problems += [] if self.forget else ["forget: at least one split is needed"]
        least = {"every": 0, "payers": 0, "shadows": 0, "seed": 0}
        problems += [
            f"{name}={getattr(self, name)}: at least {low}" for name, low in least.items() if getattr(self, name) < low
        ]
        if self.size < 1 or len(self.mean) != len(self.std) or not all(one > 0 for one in self.std):
            problems.append(f"size={self.size}, mean={self.mean}, std={self.std}: from 1; one of each channel, above 0")
        if not 0 <= self.floor <= 1:
            problems.append(f"floor={self.floor}: from 0 to 1")
        weight = tried(self.made_weight, problems)
        if weight == "safe" and isinstance(method, UnlearningMethod) and method.down and not method.wanted:
            problems.append(
                f"weight safe for {self.method}: its steps only push down; choose a number, or neg_grad_plus"
            )
        if 0 < self.shadows < 4:
            problems.append(f"shadows={self.shadows}: 0, or at least 4, so that each sample is left out by two")
        problems += device_problems(self.device)
        raise_all("settings of unlearn", problems)

    def given(self) -> Given:
        """Name what is to be loaded.

        Returns:
            The names.
        """
        names = ("model", "weights", "head", "data", "test", "size", "strict", "device")
        named = {name: getattr(self, name) for name in names}
        return Given(**named, mean=tuple(self.mean), std=tuple(self.std))

    def made_weight(self) -> Weight:
        """Read the weight of the down part.

        Returns:
            A number, or `safe`.

        Raises:
            AntigradError: It is neither.
        """
        if self.weight == "safe":
            return "safe"
        try:
            found = float(self.weight)
        except ValueError:
            found = -1.0
        if not 0 <= found < float("inf"):
            raise AntigradError(f"weight={self.weight!r}", "a number from 0, or safe", "1 is the papers'")
        return found

    def made_splits(self) -> list[Split]:
        """Make the splits.

        Returns:
            In order.
        """
        return [SPLITS.make(spec) for spec in self.forget]

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
