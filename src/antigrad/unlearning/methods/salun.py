"""SalUn: random labels, within the weights that the forget set's gradient singles out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, along_forget
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, other_labels, zero
from antigrad.vision.split import SplitModel


@dataclass
class Saliency:
    """What SalUn knows of the original.

    Args:
        mask: Name of a parameter and where it may change.
        hooks: That keep gradients within the mask: what has none in any step never moves.
        context: Of the labels that are drawn.
    """

    mask: dict[str, Tensor]
    hooks: list[Any]
    context: Context


@dataclass(frozen=True)
class Salun(UnlearningMethod):
    r"""SalUn: the mask of the largest forget gradients, then random labels inside it.

    $$m=\mathbb 1\big[|\nabla_\theta CE_{\mathcal D_f}|_{\theta_o}\ge\gamma\big],\qquad
    \min_{m\odot\theta}\mathbb E_{\mathcal D_f}CE(\Phi_\theta(x),\tilde y)+\alpha\,\mathbb E_{\mathcal D_r}CE$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the forget set.
        batch_size: Of both batches.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.
        share: Of the weights that may change, over the whole network.
        retain_weight: α; 0 leaves the retain set out.

    Raises:
        InputValueError: The share is not in (0, 1].

    Sign: minimising `down` raises wrong labels of forget samples, and so lowers the likelihood of their own.

    Source: Fan et al. 2023, arXiv 2310.12508, Eqs. 3 to 5; half of the weights.

    Deviations: epochs and rate are ours; a sample's own label is never drawn.

    Example:
        >>> Salun().share
        0.5
    """

    epochs: int = 10
    share: float = 0.5
    retain_weight: float = 1.0

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputValueError: An option is out of range.
        """
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise InputValueError(f"share={self.share}", "above 0, at most 1", "0.5 is the paper's example")

    def prepare(self, model: SplitModel, context: Context) -> Saliency:  # noqa: D102
        model.module.eval()
        names = dict(model.module.named_parameters())
        sums = {name: torch.zeros_like(value, requires_grad=False) for name, value in names.items()}
        for piece in context.pieces(context.forget):
            loss = cross_entropy(model(piece.images), piece.labels, reduction="sum")
            found: Any = torch.autograd.grad(loss, list(names.values()), allow_unused=True)
            for name, value in zip(names, found, strict=True):
                sums[name] += 0 if value is None else value
        sizes = torch.cat([value.abs().flatten() for value in sums.values()])
        least = sizes.kthvalue(max(1, len(sizes) - round(self.share * len(sizes)) + 1)).values
        mask = {name: value.abs() >= least for name, value in sums.items()}
        hooks = [value.register_hook(lambda slope, on=mask[name]: slope * on) for name, value in names.items()]
        return Saliency(mask, hooks, context)

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return along_forget(len(context.forget), len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Saliency) -> Parts:  # noqa: D102
        labels = other_labels(batch.forget, memory.context, batch.generator)
        up = self.retain_weight * ce(model, batch.retain) if self.retain_weight else zero(model)
        return Parts(up=up, down=ce(model, batch.forget, labels), anchor=zero(model))

    def finish(self, model: SplitModel, memory: Saliency) -> None:  # noqa: D102
        for handle in memory.hooks:
            handle.remove()
