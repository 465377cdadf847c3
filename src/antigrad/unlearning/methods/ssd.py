r"""Selective synaptic dampening: shrink the weights that matter to the forget set more than to all.

Symbols: I importance, the diagonal of the Fisher information; D all training samples, f the forget set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from antigrad.core.errors import AntigradError
from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw
from antigrad.unlearning.methods.method import Batch, Context, Drawn, UnlearningMethod, zero
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

AT_ONCE = 64_000_000
"""Numbers of per-sample gradients that are held at once."""


@dataclass(frozen=True)
class Ssd(UnlearningMethod):
    r"""SSD: dampen what is more important to the forget set; no training.

    $$I=\mathbb E\big[(\partial_\theta\ell)^2\big],\qquad I_f>\alpha I_D:\quad
    \theta\leftarrow\theta\,\min\Big(\lambda\frac{I_D}{I_f},1\Big)$$

    Args:
        learning_rate: Not used.
        epochs: Not used.
        batch_size: Samples of a batch of the batch form.
        optimizer: Not used.
        stop: Not used.
        alpha: α, how much more important; 10, and 5 for a class of a ViT, in the paper. The forget set is part of all
            data, so I_f is at most N/N_f times I_D: of a class among ten, 10 selects nothing.
        dampening: λ.
        per_sample: Squares of each sample's gradient; False squares the mean gradient of each batch, as the authors'
            code, which depends on the order of the samples.

    Sign: shrinks weights towards 0; there are no parts.

    Source: Foster et al. 2023, arXiv 2308.07707, Eqs. 6 and 7; the per-sample form is SSD-Det, arXiv 2510.26714.

    Deviations: the per-sample form is the default.

    Example:
        >>> Ssd().alpha
        10.0
    """

    down: ClassVar[bool] = False

    epochs: int = 0
    alpha: float = 10.0
    dampening: float = 1.0
    per_sample: bool = True

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return iter(())

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts.zeros(zero(model))

    def apply(self, model: SplitModel, context: Context) -> bool:  # noqa: D102
        of_forget, forget = self.sums(model, context, context.forget), len(context.forget)
        of_retain, retain = self.sums(model, context, context.retain), len(context.retain)
        with torch.no_grad():
            for name, weight in model.module.named_parameters():
                most = of_forget[name] / forget
                whole = (of_forget[name] + of_retain[name]) / (forget + retain)
                dampened = weight * (self.dampening * whole / most).clamp(max=1)
                weight.copy_(torch.where(most > self.alpha * whole, dampened, weight))
        return True

    def sums(self, model: SplitModel, context: Context, samples: Samples) -> dict[str, Tensor]:
        """Sum squared gradients over a set, each batch counted with its samples.

        Args:
            model: The model, put into eval mode.
            context: What is given.
            samples: The set.

        Returns:
            Name of a parameter and the sum, of its shape.
        """
        model.module.eval()
        names = dict(model.module.named_parameters())
        sums = {name: torch.zeros_like(value, requires_grad=False) for name, value in names.items()}
        size = self.batch_size
        if self.per_sample:
            size = max(1, min(64, AT_ONCE // sum(value.numel() for value in names.values())))
        for piece in context.pieces(samples, size):
            found = squares(model, piece) if self.per_sample else self._of_batch(model, piece, names)
            for name, value in found.items():
                sums[name] += value
        return sums

    def _of_batch(self, model: SplitModel, piece: Drawn, names: dict[str, Any]) -> dict[str, Tensor]:
        loss = cross_entropy(model(piece.images), piece.labels)
        found: Any = torch.autograd.grad(loss, list(names.values()), allow_unused=True)
        pairs = zip(names, found, strict=True)
        return {name: value.square() * len(piece) for name, value in pairs if value is not None}


def squares(model: SplitModel, piece: Drawn) -> dict[str, Tensor]:
    """Sum the squares of each sample's own gradient.

    Args:
        model: The model, in eval mode.
        piece: The samples.

    Returns:
        Name of a parameter and the sum over samples, of its shape.

    Raises:
        AntigradError: The model cannot be mapped over samples.
    """
    values = {name: value.detach() for name, value in model.module.named_parameters()}
    buffers = dict(model.module.named_buffers())

    def loss(given: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        found = functional_call(model.module, (given, buffers), (image[None],))
        return cross_entropy(found if isinstance(found, Tensor) else found.logits, label[None])

    try:
        with sdpa_kernel(SDPBackend.MATH):  # The fused kernels of attention cannot be mapped.
            each = vmap(grad(loss), in_dims=(None, 0, 0))(values, piece.images, piece.labels)
    except RuntimeError as error:
        raise AntigradError(
            f"per-sample gradients of {type(model.module).__name__}: {error}",
            "a model that torch.func can map over samples",
            "use ssd(per_sample=false)",
        ) from error
    return {name: value.square().sum(0) for name, value in each.items()}
