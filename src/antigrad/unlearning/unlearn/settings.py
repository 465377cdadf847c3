"""Settings of `antigrad unlearn`, checked all at once before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from antigrad.core.errors import AntigradError, raise_all
from antigrad.unlearning.asked import Asked, tried
from antigrad.unlearning.loop import Weight
from antigrad.unlearning.methods import METHODS, UnlearningMethod
from antigrad.unlearning.splits import SPLITS, Split

MEASURED = (
    "accuracy(on=forget)",
    "accuracy(on=retain)",
    "accuracy(on=gone)",
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
class UnlearnConfig(Asked):
    """Settings of an unlearning.

    Args:
        forget: Splits, one deletion after the other: `classes(names=[3])`, `share(fraction=0.1)`,
            `named(file=ids.csv)`, `subject(column=person,value=17)`.
        method: An unlearning method, as `duck` or `npo(beta=0.5)`.
        weight: Weight of the down part: a number, or `safe`.
        every: Certify one step in this many; 0 for none. The seconds that are reported are those of the other steps.
        payers: Retained samples that are followed: what each part of the steps does to them, and what was predicted;
            0 for none.
        reference: Train the reference model, without the forgotten samples.
        shadows: Shadow models for LiRA; 0 for none.
        output: Folder of the run.
    """

    metrics: list[str] = field(default_factory=lambda: list(MEASURED))
    floor: float = 0.5
    forget: list[str] = field(default_factory=lambda: ["classes(names=[3])"])
    method: str = "duck"
    weight: str = "1"
    every: int = 2
    payers: int = 256
    reference: bool = True
    shadows: int = 0
    output: Path = Path("runs/unlearn")

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        problems = self.problems()
        method = tried(lambda: METHODS.make(self.method), problems)
        for spec in self.forget:
            tried(lambda: SPLITS.make(spec), problems)  # noqa: B023
        problems += [] if self.forget else ["forget: at least one split is needed"]
        low = [name for name in ("every", "payers", "shadows") if getattr(self, name) < 0]
        problems += [f"{name}={getattr(self, name)}: at least 0" for name in low]
        weight = tried(self.made_weight, problems)
        if weight == "safe" and isinstance(method, UnlearningMethod) and method.down and not method.wanted:
            problems.append(
                f"weight safe for {self.method}: its steps only push down; choose a number, or neg_grad_plus"
            )
        if 0 < self.shadows < 4:
            problems.append(f"shadows={self.shadows}: 0, or at least 4, so that each sample is left out by two")
        raise_all("settings of unlearn", problems)

    @property
    def references(self) -> int:
        """How many references there are."""
        return (2 if self.twin else 1) if self.reference else 0

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
