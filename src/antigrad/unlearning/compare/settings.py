"""Settings of `antigrad unlearn compare`, checked all at once before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from antigrad.core.errors import raise_all
from antigrad.unlearning.asked import Asked, tried
from antigrad.unlearning.methods import METHODS, VIT_MUL
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.splits import SPLITS

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
class CompareConfig(Asked):
    """Settings of a comparison.

    Args:
        split: Splits; each is a case of its own.
        methods: Unlearning methods; `all`, or `vit_mul` for the list of the ViT study (Choi & Na 2023).
        seeds: Seeds of each method.
        search: Factors on a method's learning rate that are tried, on a seed of their own; the one with the least
            average gap to retraining is used for all seeds. None: no search.
        output: Folder of the run.
    """

    metrics: list[str] = field(default_factory=lambda: list(MEASURED))
    split: list[str] = field(default_factory=lambda: ["classes(names=[3])"])
    methods: list[str] = field(default_factory=lambda: [ALL])
    seeds: int = 5
    search: list[float] = field(default_factory=list[float])
    output: Path = Path("runs/unlearn-compare")

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = self.problems()
        methods = self.compared() if self.methods else []
        for name, specs in {"split": self.split, "methods": methods, "metrics": self.metrics}.items():
            problems += [] if specs else [f"{name}: at least one is needed"]
            problems += [f"{name}: {one} is given twice" for one in dict.fromkeys(specs) if specs.count(one) > 1]
        for catalog, specs in ((SPLITS, self.split), (METHODS, methods)):
            for spec in specs:
                tried(lambda: catalog.make(spec), problems)  # noqa: B023
        if self.seeds < 1:
            problems.append(f"seeds={self.seeds}: at least 1")
        if any(not factor > 0 for factor in self.search):
            problems.append(f"search={self.search}: factors above 0")
        raise_all("settings of unlearn compare", problems)

    def compared(self) -> list[str]:
        """Name the methods.

        Returns:
            As written; `all` is every method but retraining, which is the reference.
        """
        every = [name for name, kind in METHODS.classes.items() if not issubclass(kind, Retrain)]
        named = {ALL: every, "vit_mul": [name for name in every if name in VIT_MUL]}
        return named.get(self.methods[0], list(self.methods)) if len(self.methods) == 1 else list(self.methods)
