"""Settings of `antigrad unlearn compare`, checked all at once before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from antigrad.core.errors import raise_all
from antigrad.unlearning.methods import METHODS, VIT_MUL
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.metrics import METRICS, Metric
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
        model: `digits-cnn`, `digits-vit`, or `MODULE:FUNCTION`, a function that makes your network.
        weights: State of your network: `.safetensors`, or `.pt` with tensors alone.
        data: Training data: `digits`, or a `.safetensors` file with images and labels.
        test: Test data of the same form; not used for `digits`.
        split: Splits; each is a case of its own.
        methods: Unlearning methods; `all`, or `vit_mul` for the list of the ViT study (Choi & Na 2023).
        seeds: Seeds of each method.
        metrics: What is measured.
        search: Factors on a method's learning rate that are tried, on a seed of their own; the one with the least
            average gap to retraining is used for all seeds. None: no search.
        floor: Stop a method where retained accuracy falls below this share of the original's; 0 for no floor.
        recipe: How the original was trained, for the reference.
        twin: Train a second reference for each seed: how far two retrained models are apart.
        head: Name of the linear layer that gives the logits; empty finds the last one.
        output: Folder of the run.
        seed: First seed.
        device: Where models run.
        cache: Keep references for the next run.
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
    output: Path = Path("runs/unlearn-compare")
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
        if not 0 <= self.floor <= 1:
            problems.append(f"floor={self.floor}: from 0 to 1")
        if any(not factor > 0 for factor in self.search):
            problems.append(f"search={self.search}: factors above 0")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            problems.append(f"device {self.device}: torch sees none on this machine")
        raise_all("settings of unlearn compare", problems)

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
