"""What every unlearning method is: an equation, kept in its parts, and a schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.draws import Draw
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

Optimizer = Literal["adam", "sgd"]
STOP_CLASS = 0.01
"""Accuracy on the forget set at which class removal is done."""


@dataclass(frozen=True)
class Drawn:
    """Samples of one set in a batch.

    Args:
        images: (B, C, H, W); B may be 0.
        labels: (B,).
        places: (B,) places in that set: the same sample has the same place in every epoch.
    """

    images: Tensor
    labels: Tensor
    places: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    Args:
        forget: Samples to be forgotten.
        retain: Samples to be kept.
        kind: Of the step, where a method has several.
        generator: Of whatever the step draws, on the CPU.
    """

    forget: Drawn
    retain: Drawn
    kind: str
    generator: torch.Generator


@dataclass(frozen=True)
class Context:
    """What a method is given besides the model that it changes.

    Args:
        original: The model as it was; nobody changes it.
        deletion: What is to be forgotten.
        forget: Its forget set.
        retain: Its retain set.
        target: Accuracy on the forget set that counts as forgotten.
        seed: Of everything random.
        fresh: Makes a model of this kind with new random weights, from a seed; None where nobody knows how.
        batch: Fetches samples by their places, onto the device of the model.
    """

    original: SplitModel
    deletion: Deletion
    forget: Samples
    retain: Samples
    target: float
    seed: int
    fresh: Callable[[int], SplitModel] | None
    batch: Callable[[Samples, Tensor], Drawn]

    def generator(self, *path: int) -> torch.Generator:
        """Make a random stream of its own, on the CPU.

        Args:
            path: Numbers that name it.

        Returns:
            The stream; the same for the same seed and path.
        """
        return torch.Generator().manual_seed(stream(self.seed, *path))

    def pieces(self, samples: Samples, size: int = 256) -> Iterator[Drawn]:
        """Fetch all samples of a set in order.

        Args:
            samples: The set.
            size: Of a piece.

        Yields:
            Pieces.
        """
        for places in torch.arange(len(samples)).split(size):
            yield self.batch(samples, places)

    def new_model(self) -> SplitModel:
        """Make a model with new random weights.

        Returns:
            The model, on the device of the original.

        Raises:
            InputValueError: Nobody knows how.
        """
        if self.fresh is None:
            raise InputValueError(
                "a method that needs fresh weights, without a factory of the model",
                "a factory, called with a seed",
                "give factory=; resetting modules would leave class tokens and positions trained",
            )
        device = next(self.original.module.parameters()).device
        return SplitModel(self.fresh(self.seed).module.to(device), self.original.head_name)


def stream(seed: int, *path: int) -> int:
    """Number of a random stream.

    Args:
        seed: Of the run.
        path: Numbers that name the stream.

    Returns:
        From 0 to 2⁶³ − 1.

    Example:
        >>> stream(0, 1) != stream(1, 0)
        True
    """
    import numpy as np

    return int(np.random.SeedSequence([seed, *path]).generate_state(1, np.uint64)[0] >> 1)


@dataclass(frozen=True)
class Phase:
    """A stretch of a method with one optimizer.

    Args:
        name: What it is called.
        epochs: At most.
        optimizer: Makes it.
        rate: Learning rate from the epoch and the step within the phase, both from 0.
        stop: End when the accuracy on the forget set reaches the target.
    """

    name: str
    epochs: int
    optimizer: Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]
    rate: Callable[[int, int], float]
    stop: bool = False


@dataclass(frozen=True)
class UnlearningMethod(ABC):
    """Base of the methods.

    Args:
        learning_rate: Of the optimizer.
        epochs: At most.
        batch_size: Samples of a batch.
        optimizer: `adam`, or `sgd` with momentum .9.
        stop: End an epoch at which the accuracy on the forget set has reached its target.

    Raises:
        InputValueError: An option is out of range.
    """

    wanted: ClassVar[bool] = True
    """Every step of it has an `up` or `anchor` part: the down part can be weighed against it."""
    down: ClassVar[bool] = True
    """It has a down part."""
    fresh: ClassVar[bool] = False
    """It needs new random weights."""
    vit_mul: ClassVar[bool] = False
    """It is on the list of the study that the ViT comparison follows (Choi & Na 2023)."""

    learning_rate: float = 1e-2
    epochs: int = 5
    batch_size: int = 64
    optimizer: Optimizer = "sgd"
    stop: bool = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputValueError: An option is out of range.
        """
        if self.optimizer not in ("adam", "sgd"):
            raise InputValueError(f"optimizer={self.optimizer!r}", "adam or sgd", "choose one")
        least: dict[str, float] = {"epochs": 0, "batch_size": 2}
        for field in fields(self):
            value = getattr(self, field.name)
            low = least.get(field.name, 0)
            if isinstance(value, int | float) and not isinstance(value, bool) and not value >= low:
                raise InputValueError(f"{field.name}={value}", f"at least {low}", "change the option")
            if isinstance(value, str) and field.type in ("float", "int"):
                raise InputValueError(f"{field.name}={value!r}", "a number", "change the option")

    def prepare(self, model: SplitModel, context: Context) -> Any:
        """Look at the original once, before the first step; may change the model.

        Args:
            model: The copy that will be changed.
            context: What is given.

        Returns:
            What `parts` needs to know; recomputed when a run is resumed.
        """
        return None

    def phases(self, context: Context) -> Sequence[Phase]:
        """Say which optimizers run for how long.

        Args:
            context: What is given.

        Returns:
            The phases, in order.
        """
        return [self.phase("main", self.epochs, self.learning_rate)]

    @abstractmethod
    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:
        """Say what the steps of one epoch see.

        Args:
            context: What is given.
            phase: Name of the phase.
            epoch: Within the phase, from 0.
            generator: Of the order.

        Yields:
            One draw a step.
        """

    @abstractmethod
    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:
        """Compute the loss of a batch: the forget set pushes down, the retain set pulls up, the original anchors.

        Args:
            batch: What the step sees.
            model: The model as it is.
            memory: What `prepare` returned.

        Returns:
            The parts.
        """

    def trained(self, model: SplitModel) -> list[str]:
        """Name the parameters that it may change.

        Args:
            model: The model.

        Returns:
            Their names in `model.module`.
        """
        return [name for name, _ in model.module.named_parameters()]

    def score(self, forget_accuracy: float, context: Context) -> float | None:
        """Judge the state at an epoch's end; the best is what is kept.

        Args:
            forget_accuracy: Accuracy on the forget set.
            context: What is given.

        Returns:
            Higher is better; None keeps the last.
        """
        return None

    def finish(self, model: SplitModel, memory: Any) -> None:  # noqa: B027
        """Change the model after the last step.

        Args:
            model: The model.
            memory: What `prepare` returned.
        """

    def apply(self, model: SplitModel, context: Context) -> bool:
        """Change the model in one shot.

        Args:
            model: The copy to change.
            context: What is given.

        Returns:
            Whether that was all; False asks for the phases.
        """
        return False

    def phase(
        self, name: str, epochs: int, rate: float, *, milestones: Sequence[int] = (), gamma: float = 0.5
    ) -> Phase:
        """Make a phase with this method's optimizer, the rate cut at milestones.

        Args:
            name: What it is called.
            epochs: At most.
            rate: Learning rate.
            milestones: Epochs from which it is multiplied by gamma once more.
            gamma: Factor.

        Returns:
            The phase.
        """

        def make(parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
            if self.optimizer == "adam":
                return torch.optim.Adam(parameters, rate)
            return torch.optim.SGD(parameters, rate, momentum=0.9)

        return Phase(
            name, epochs, make, lambda epoch, _: rate * gamma ** sum(epoch >= m for m in milestones), self.stop
        )


def zero(model: SplitModel) -> Tensor:
    """Nothing, on the device of a model.

    Args:
        model: The model.

    Returns:
        A scalar.
    """
    like = next(model.module.parameters())
    return torch.zeros((), device=like.device, dtype=like.dtype)


def ce(model: SplitModel, drawn: Drawn, labels: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of samples, 0 of none.

    Args:
        model: The model.
        drawn: The samples.
        labels: (B,) other labels than their own.

    Returns:
        Scalar.
    """
    return cross_entropy(model(drawn.images), drawn.labels if labels is None else labels) if len(drawn) else zero(model)


def other_labels(drawn: Drawn, context: Context, generator: torch.Generator) -> Tensor:
    """Draw a random label for each sample: of a class with retained samples, and not its own.

    Args:
        drawn: The samples.
        context: What is given.
        generator: Of the draw.

    Returns:
        (B,) labels.

    Raises:
        InputValueError: There is no other class.
    """
    present = torch.tensor(context.deletion.present)
    own = drawn.labels.cpu()
    if len(present) == 1 and bool((own == present[0]).any()):
        raise InputValueError("one class alone with retained samples", "another to draw from", "use another method")
    # Skip the own class: a draw from the others, shifted past it.
    place = torch.searchsorted(present, own)
    stays = present[place.clamp(max=len(present) - 1)] == own
    drawn_place = (torch.rand(len(own), generator=generator) * (len(present) - stays.long())).long()
    return present[drawn_place + (stays & (drawn_place >= place)).long()].to(drawn.labels)
