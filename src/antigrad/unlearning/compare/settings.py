"""Settings of `antigrad unlearn compare`, checked all at once before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from antigrad.core.devices import device_problems
from antigrad.core.errors import raise_all
from antigrad.core.spread import Where
from antigrad.unlearning.methods import METHODS, VIT_MUL
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.metrics import METRICS, Metric
from antigrad.unlearning.sources import Given
from antigrad.unlearning.splits import SPLITS
from antigrad.unlearning.unlearn.settings import tried

ALL = "all"
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
    "js",
    "svm_softmax_forget_vs_unseen",
    "logistic_loss_forget_vs_unseen",
    "salun_forget_as_unseen",
    "entropy_forget_as_member",
    "relearning",
    "quantisation(bits=4)",
    "cost(what=seconds)",
    "cost(what=steps)",
    "cost(what=passes)",
)


@dataclass(frozen=True)
class CompareConfig:
    """Settings of a comparison.

    Args:
        model: `digits-cnn`, `digits-vit`; `MODULE:FUNCTION`, a function that makes your network; `timm:NAME`,
            `torchvision:NAME`, a folder or hub name of a transformers image classifier.
        weights: State of your network: `.safetensors`, or `.pt` with tensors alone.
        data: Training data: `digits`; a folder with one folder a class; a `.parquet` table of encoded images; a
            `.safetensors` file of images and labels; a data set in Hugging Face's format.
        test: Test data of the same form; empty for `digits`, and for a table with a column `split`.
        split: Splits; each is a case of its own.
        methods: Unlearning methods; `all`, or `vit_mul` for the list of the ViT study (Choi & Na 2023).
        seeds: Seeds of each method.
        metrics: What is measured.
        search: Factors on a method's learning rate that are tried, on a seed of their own; the one with the least
            average gap to retraining is used for all seeds. None: no search.
        floor: Stop a method where retained accuracy falls below this share of the original's; 0 for no floor.
        recipe: How the original was trained, for the reference.
        twin: Train a second reference for each seed: how far two retrained models are apart.
        head: Name of the linear layer that gives the logits; empty finds it.
        size: Side of the images, for networks that do not say.
        mean: Of each channel in [0, 1], for networks that do not say; one for grey images.
        std: Of each channel in [0, 1], likewise.
        strict: Refuse damaged images instead of leaving them out.
        output: Folder of the run.
        seed: First seed.
        device: Where models run.
        cache: Keep references for the next run.
        engine: `local`, or `ray`.
        workers: Pieces of work at the same time.
        address: Of a Ray cluster; empty starts Ray on this machine.
        resume: Go on with the run in `output`.
    """

    model: str = "digits-cnn"
    weights: str = ""
    data: str = "digits"
    test: str = ""
    split: list[str] = field(default_factory=lambda: ["classes(names=[3])"])
    methods: list[str] = field(default_factory=lambda: [ALL])
    seeds: int = 5
    metrics: list[str] = field(default_factory=lambda: list(MEASURED))
    search: list[float] = field(default_factory=list[float])
    floor: float = 0.0
    recipe: str = "retrain"
    twin: bool = True
    head: str = ""
    size: int = 32
    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    std: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    strict: bool = False
    output: Path = Path("runs/unlearn-compare")
    seed: int = 0
    device: str = "cpu"
    cache: bool = True
    engine: str = "local"
    workers: int = 1
    address: str = ""
    resume: bool = False

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems: list[str] = []
        for name, catalog, specs in (
            ("split", SPLITS, self.split),
            ("methods", METHODS, self.compared() if self.methods else []),
            ("metrics", METRICS, self.metrics),
        ):
            problems += [] if specs else [f"{name}: at least one is needed"]
            problems += [f"{name}: {one} is given twice" for one in dict.fromkeys(specs) if specs.count(one) > 1]
            for spec in specs:
                tried(lambda: catalog.make(spec), problems)  # noqa: B023
        recipe = tried(lambda: METHODS.make(self.recipe), problems)
        if recipe is not None and not isinstance(recipe, Retrain):
            problems.append(f"recipe {self.recipe!r}: retrain, with options")
        if self.seeds < 1 or self.seed < 0:
            problems.append(f"seeds={self.seeds}, seed={self.seed}: at least 1, and 0")
        if self.size < 1 or len(self.mean) != len(self.std) or not all(one > 0 for one in self.std):
            problems.append(f"size={self.size}, mean={self.mean}, std={self.std}: from 1; one of each channel, above 0")
        if not 0 <= self.floor <= 1:
            problems.append(f"floor={self.floor}: from 0 to 1")
        problems += self.where().problems()
        if any(not factor > 0 for factor in self.search):
            problems.append(f"search={self.search}: factors above 0")
        problems += device_problems(self.device)
        raise_all("settings of unlearn compare", problems)

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

    def compared(self) -> list[str]:
        """Name the methods.

        Returns:
            As written; `all` is every method but retraining, which is the reference.
        """
        every = [name for name, kind in METHODS.classes.items() if not issubclass(kind, Retrain)]
        named = {ALL: every, "vit_mul": [name for name in every if name in VIT_MUL]}
        return named.get(self.methods[0], list(self.methods)) if len(self.methods) == 1 else list(self.methods)

    def made_metrics(self) -> dict[str, Metric]:
        """Make the metrics.

        Returns:
            As written, and the metric.
        """
        return {spec: METRICS.make(spec) for spec in self.metrics}
