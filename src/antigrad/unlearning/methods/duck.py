r"""DUCK: forget samples are pulled to the nearest centroid of a class that is not theirs.

Symbols: Ψ backbone, Γ head, Φ = Γ∘Ψ; c_i centroid of retain class i under the original; d cosine distance;
T temperature.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, pad

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, along_forget
from antigrad.unlearning.methods.method import Batch, Context, Optimizer, Phase, UnlearningMethod, zero
from antigrad.unlearning.outputs import evaluated
from antigrad.vision.split import SplitModel

LOW = "low regime"
_LOW_EPOCHS, _LOW_RATE, _LOW_RETAIN, _LOW_STEPS, _LOW_SHARE = 2, 1e-4, 512, 20, 10


@dataclass(frozen=True)
class Centroids:
    """Centroids of the retain classes under the original, and where each forget sample is pulled to.

    Args:
        vectors: (C, D), one per class that has retain samples.
        classes: (C,) their classes.
        assigned: (N,) row of `vectors` for each forget sample, by its place in the forget set.
    """

    vectors: Tensor
    classes: Tensor
    assigned: Tensor


@dataclass(frozen=True)
class Duck(UnlearningMethod):
    r"""DUCK: distance-based unlearning via centroid kinematics.

    $$\mathcal L=\lambda_{FGT}\frac1{N_f}\sum_{B_f}d(\Psi_\theta(x_j),\mathbf c_{i^\ast_j})
    +\lambda_{RET}\,CE\Big(\frac{\Phi_\theta(B_r)}T\Big),\qquad
    i^\ast_j=\mathrm{argmin}_{i\ne y_j}d(\Psi_{\theta_o}(x_j),\mathbf c_i)$$

    Args:
        learning_rate: Of Adam; halved at epochs 25 and 40.
        epochs: At most.
        batch_size: Of forget and retain batches.
        optimizer: Adam in the paper.
        stop: End when the accuracy on the forget set is at most .01 (class removal), or at most the original's test
            accuracy (homogeneous).
        forget_weight: λ_FGT.
        retain_weight: λ_RET.
        temperature: T; logits are divided by it, without a factor T².
        ratio: Steps with the same forget batch, each with a fresh retain batch.
        assign: `original`: once, under the original; `step`: under the model as it is, at every step.
        low_regime: Add a second phase, as the authors' code of 2024: two epochs of Adam at 1e-4 under a cosine,
            one joint pass over forget samples and 512 cropped and flipped retain samples, a tenth of λ_FGT.

    Raises:
        InputValueError: An option is out of range, or there is no class to go to.

    Sign: minimising `down` moves forget features to a wrong class, so that their label loses likelihood; `up` raises
        the likelihood of retained labels.

    Source: Cotogni et al. 2023, arXiv 2312.02052, Sections 3.2 and 3.3.

    Deviations: centroids from all retain samples; assignments once, by sample; the class of a centroid, not its
        position in a list, is compared with the label; no batch is dropped; the target counts as reached at equality.

    Example:
        >>> Duck().ratio, Duck(low_regime=True).low_regime
        (5, True)
    """

    learning_rate: float = 1e-3
    epochs: int = 30
    batch_size: int = 256
    optimizer: Optimizer = "adam"
    stop: bool = True
    forget_weight: float = 1.0
    retain_weight: float = 1.4
    temperature: float = 2.0
    ratio: int = 5
    assign: Literal["original", "step"] = "original"
    low_regime: bool = False
    milestones: ClassVar[tuple[int, int]] = (25, 40)

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputValueError: An option is out of range.
        """
        super().__post_init__()
        if not self.temperature > 0 or self.ratio < 1:
            raise InputValueError(
                f"temperature={self.temperature}, ratio={self.ratio}", "above 0, and at least 1", "2 and 5 are usual"
            )
        if self.assign not in ("original", "step"):
            raise InputValueError(f"assign={self.assign!r}", "original or step", "choose one")

    def prepare(self, model: SplitModel, context: Context) -> Centroids:  # noqa: D102
        vectors, classes = centroids(context)
        assigned = [nearest(evaluated(context.original, piece.images)[0], vectors, classes, piece.labels)
                    for piece in context.pieces(context.forget)]  # fmt: skip
        return Centroids(vectors, classes, torch.cat(assigned))

    def phases(self, context: Context) -> Sequence[Phase]:  # noqa: D102
        first = self.phase("main", self.epochs, self.learning_rate, milestones=self.milestones)
        if not self.low_regime or self.forget_weight == 0 or self.retain_weight == 0:
            return [first]
        steps = _LOW_EPOCHS * _LOW_STEPS * math.ceil(len(context.forget) / self.batch_size)
        each = sum(1 for _ in self.draws(context, LOW, 0, torch.Generator()))

        def rate(epoch: int, step: int) -> float:
            return _LOW_RATE * (1 + math.cos(math.pi * (epoch * each + step) / steps)) / 2

        return [first, Phase(LOW, _LOW_EPOCHS, lambda given: torch.optim.Adam(given, _LOW_RATE), rate)]

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        forget, retain = len(context.forget), len(context.retain)
        if phase != LOW:
            yield from along_forget(forget, retain, self.batch_size, generator, ratio=self.ratio)
            return
        once = context.deletion.scenario == "class"  # One forget batch alone, with a full pass over the retain set.
        ratio = max(1, math.ceil(retain / _LOW_RETAIN)) if once else _LOW_STEPS
        some = along_forget(forget, retain, self.batch_size, generator, ratio=ratio, retain_size=_LOW_RETAIN)
        for number, draw in enumerate(some):
            if once and number >= ratio:
                return
            yield Draw(draw.forget, draw.retain, LOW)

    def parts(self, batch: Batch, model: SplitModel, memory: Centroids) -> Parts:  # noqa: D102
        if batch.kind == LOW:
            images = torch.cat([batch.forget.images, cropped(batch.retain.images, batch.generator)])
            features, logits = model.both(images)
            features, logits = features[: len(batch.forget)], logits[len(batch.forget) :]
        else:
            features, logits = model.features(batch.forget.images), model(batch.retain.images)
        if self.assign == "step":
            rows = nearest(features.detach(), memory.vectors, memory.classes, batch.forget.labels)
        else:
            rows = memory.assigned[batch.forget.places]
        distance = 1 - (normalize(features, dim=1) * normalize(memory.vectors[rows], dim=1)).sum(1)
        forget, retain = distance.mean(), cross_entropy(logits / self.temperature, batch.retain.labels)
        if batch.kind == LOW:
            return Parts(up=retain, down=self.forget_weight / _LOW_SHARE * forget, anchor=zero(model))
        return Parts(up=self.retain_weight * retain, down=self.forget_weight * forget, anchor=zero(model))


def centroids(context: Context) -> tuple[Tensor, Tensor]:
    r"""Mean feature of each class that has retain samples, under the original, in one streamed pass.

    $$\mathbf c_i=\frac1{|\mathcal D_r^{(i)}|}\sum_{y_j=i}\Psi_{\theta_o}(x_j)$$

    Args:
        context: What is given.

    Returns:
        (C, D) and (C,) classes. A class without retain samples has no centroid.
    """
    count = len(context.deletion.train.classes)
    sums: Tensor | None = None
    sizes = torch.zeros(count, dtype=torch.float64)
    for piece in context.pieces(context.retain):
        features = evaluated(context.original, piece.images)[0].double()
        sums = features.new_zeros(count, features.shape[1]) if sums is None else sums
        sums.index_add_(0, piece.labels, features)
        sizes += torch.bincount(piece.labels.cpu(), minlength=count)
    assert sums is not None  # noqa: S101 (a deletion keeps at least one sample)
    there = sizes > 0
    like = next(context.original.module.parameters())
    means = sums[there.to(sums.device)] / sizes[there].to(sums.device)[:, None]
    return means.to(like.dtype), there.nonzero()[:, 0].to(sums.device)


def nearest(features: Tensor, vectors: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
    """Find the nearest centroid of another class, by cosine distance.

    Args:
        features: (N, D).
        vectors: (C, D) centroids.
        classes: (C,) their classes.
        labels: (N,) classes of the samples.

    Returns:
        (N,) rows of `vectors`.

    Raises:
        InputValueError: A sample has no other class to go to.
    """
    distance = 1 - normalize(features, dim=1) @ normalize(vectors, dim=1).T
    own = labels[:, None] == classes[None]
    if bool(own.all(1).any()):
        raise InputValueError(
            "a single class with retain samples", "a centroid of another class to go to", "keep samples of two classes"
        )
    return distance.masked_fill(own, math.inf).argmin(1)


def cropped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each image by up to an eighth of its side within a black frame, and mirror every other one.

    Args:
        images: (B, C, H, W).
        generator: Of the draws.

    Returns:
        (B, C, H, W); vectors come back as they are.
    """
    if images.ndim != 4:
        return images
    margin, (high, wide) = max(1, images.shape[-1] // 8), images.shape[-2:]
    framed = pad(images, (margin,) * 4)
    tops, lefts = torch.randint(2 * margin + 1, (2, len(images)), generator=generator).tolist()
    moved = torch.stack(
        [framed[k, :, a : a + high, b : b + wide] for k, (a, b) in enumerate(zip(tops, lefts, strict=True))]
    )
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], moved.flip(-1), moved)
