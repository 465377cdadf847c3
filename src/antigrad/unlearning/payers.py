r"""Who pays, and to which part of the steps it is owed.

A step of SGD or Adam is linear in the gradients of the parts once the preconditioner is known: with momentum kept for
each part on its own, the parts' shares of the step add up to it. The loss of a retained sample then changes by the sum
over parts of its slope along each share; what the slopes miss (curvature, running means) is the remainder.

Symbols: g_a gradient of part a with its weight, m_a its momentum, D the optimizer's diagonal, ℓ_i loss of sample i.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from antigrad.core.errors import AntigradError
from antigrad.core.parts import Parts
from antigrad.unlearning.methods.method import Context, Drawn
from antigrad.vision.split import SplitModel

PARTS = ("up", "down", "anchor")
STREAM = 41
Shares = dict[str, dict[str, Tensor]]
"""Part, then name of a parameter, and its share of a step."""


class Payers:
    r"""Follows the steps of a method, and adds up what each part does to retained samples.

    $$\Delta\theta=\sum_a\Delta_a,\quad\Delta_a=-\eta\,D\,\hat m_a,\qquad
    \Delta\ell_i\approx\sum_a\nabla\ell_i\cdot\Delta_a$$

    Args:
        model: The model that is changed.
        context: Of the deletion.
        samples: Retained samples that are followed, drawn at random; all where there are fewer.

    Sign: above zero where a part raised the loss of a sample: what the sample pays.

    Source: ours; effects of parts as in the certificates.

    Deviations: none.
    """

    def __init__(self, model: SplitModel, context: Context, samples: int) -> None:
        count = len(context.retain)
        self.model, self.places = model, torch.randperm(count, generator=context.generator(STREAM))[:samples].sort()[0]
        self.drawn = context.batch(context.retain, self.places)
        self.sums = {part: torch.zeros(len(self.places), dtype=torch.float64) for part in PARTS}
        self._gradients: Shares = {}
        self._momentum: Shares = {}
        self._old: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Forget the momentum: a new optimizer begins."""
        self._momentum = {}

    def state(self) -> dict[str, Tensor]:
        """What a resumed run needs.

        Returns:
            Names and tensors.
        """
        sums = {f"sum/{part}": value for part, value in self.sums.items()}
        return sums | {
            f"momentum/{part}/{name}": value for part, kept in self._momentum.items() for name, value in kept.items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state.

        Args:
            state: What `state` returned.
        """
        self._momentum = {}
        for key, value in state.items():
            kind, part, name = (*key.split("/", 2), "")[:3]
            if kind == "sum":
                self.sums[part] = value.clone()
            else:
                self._momentum.setdefault(part, {})[name] = value.to(self.drawn.images.device)

    def before(self, parts: Parts, weight: float) -> None:
        """Take the gradients of the parts, before `backward`; the graph is kept.

        Args:
            parts: The parts.
            weight: Of the down part.
        """
        self._gradients = gradients(self.model, parts, weight)
        self._old = {name: value.detach().clone() for name, value in _trained(self.model).items()}

    def after(self, optimizer: torch.optim.Optimizer) -> None:
        """Share the step out, after `step`, and add what each share does.

        Args:
            optimizer: SGD or Adam as the methods make them.
        """
        # Slopes in the middle of the step leave an error of third order in its length, where its start leaves one of
        # second order.
        now = _trained(self.model)
        middle = {name: (value + now[name].detach()) / 2 for name, value in self._old.items()}
        for part, share in self._shares(optimizer).items():
            self.sums[part] += slopes(self.model, self.drawn, middle, share)

    def _shares(self, optimizer: torch.optim.Optimizer) -> Shares:
        # With momentum for each part; the diagonal is that of the sum.
        group = optimizer.param_groups[0]
        adam = isinstance(optimizer, torch.optim.Adam)
        beta = group["betas"][0] if adam else group["momentum"]
        scale = 1 - beta if adam else 1.0
        found: Shares = {}
        for part in PARTS:
            kept = self._momentum.setdefault(part, {})
            for name, value in _trained(self.model).items():
                state: Any = optimizer.state[value]
                if not state and adam:
                    continue
                new = self._gradients.get(part, {}).get(name)
                new = torch.zeros_like(value) if new is None else new
                kept[name] = beta * kept[name] + scale * new if name in kept else scale * new
                found.setdefault(part, {})[name] = -group["lr"] * _diagonal(group, state, adam) * kept[name]
        return found


@torch.no_grad()
def _diagonal(group: Mapping[str, Any], state: Mapping[str, Any], adam: bool) -> Tensor | float:
    if not adam:
        return 1.0
    step, (first, second) = float(state["step"]), group["betas"]
    spread = (state["exp_avg_sq"] / (1 - second**step)).sqrt() + group["eps"]
    return 1 / (spread * (1 - first**step))


def gradients(model: SplitModel, parts: Parts, weight: float) -> Shares:
    """Gradients of the parts with their weights; the graph is kept.

    Args:
        model: The model.
        parts: The parts.
        weight: Of the down part.

    Returns:
        Part, and name and gradient; parts without a graph are left out.
    """
    names = _trained(model)
    found: Shares = {}
    for part, loss in parts.items():
        if loss.requires_grad:
            given: Any = torch.autograd.grad(loss, list(names.values()), retain_graph=True, allow_unused=True)
            factor = weight if part == "down" else 1.0
            pairs = zip(names, given, strict=True)
            found[part] = {name: factor * value for name, value in pairs if value is not None}
    return found


def slopes(model: SplitModel, drawn: Drawn, at: Mapping[str, Tensor], along: Mapping[str, Tensor]) -> Tensor:
    """Slope of each sample's loss along a direction, in one forward-mode pass.

    Args:
        model: The model; its mode is put back.
        drawn: The samples.
        at: Names and values of parameters; others are as they are.
        along: Name and direction.

    Returns:
        (B,) float64 on the CPU.

    Raises:
        AntigradError: The model has no forward-mode derivative.
    """
    rest = {**dict(model.module.named_parameters()), **dict(model.module.named_buffers())}
    rest = {name: value.detach() for name, value in rest.items()}
    names = [name for name in at if name in along]
    training = model.module.training

    def losses(values: Sequence[Tensor]) -> Tensor:
        given = {**rest, **{name: at[name] for name in at}, **dict(zip(names, values, strict=True))}
        found = functional_call(model.module, given, (drawn.images,))
        logits = found if isinstance(found, Tensor) else found.logits
        return cross_entropy(logits, drawn.labels, reduction="none")

    model.module.eval()
    try:
        with sdpa_kernel(SDPBackend.MATH), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Of torch's own forward-mode rules, when first used.
            values, directions = [at[name] for name in names], [along[name] for name in names]
            tangent: Any = jvp(losses, (values,), (directions,))[1]
    except (RuntimeError, NotImplementedError) as error:
        raise AntigradError(
            f"slopes of losses of {type(model.module).__name__}: {error}",
            "a model with forward-mode derivatives",
            "run with --payers 0",
        ) from error
    finally:
        model.module.train(training)
    return tangent.detach().double().cpu()


def _trained(model: SplitModel) -> dict[str, nn.Parameter]:
    return {name: value for name, value in model.module.named_parameters() if value.requires_grad}


@dataclass(frozen=True)
class Preflight:
    """What the first steps would do to retained samples, before anything is changed.

    Args:
        places: (n,) places in the retain set.
        along: Part, and (n,) slope of each sample's loss along a unit step down that part.
        safe: Weight of the down part at which both parts are equally long; None without one of them.
    """

    places: Tensor
    along: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    safe: float | None = None

    def rise(self, weight: float) -> Tensor:
        """Predicted rise of each sample's loss, per unit of step size.

        Args:
            weight: Of the down part.

        Returns:
            (n,); above zero: the sample would pay.
        """
        zero = torch.zeros(len(self.places), dtype=torch.float64)
        return sum((weight if part == "down" else 1.0) * value for part, value in self.along.items()) + zero


def preflight(model: SplitModel, context: Context, batches: Sequence[Parts], samples: int) -> Preflight:
    r"""Predict which retained samples will pay: slopes of their losses along each part's descent at the original.

    $$-\nabla\ell_i\cdot\nabla\mathcal L_a$$

    Args:
        model: A copy of the original, as the first step finds it.
        context: Of the deletion.
        batches: Parts of the first batches, with their graphs.
        samples: Retained samples that are looked at.

    Returns:
        The prediction.

    Sign: above zero where a step down the part raises the loss of the sample.

    Source: ours: influence to first order, without a preconditioner.

    Deviations: none.
    """
    follower = Payers(model, context, samples)
    sums: Shares = {}
    for parts in batches:
        for part, given in gradients(model, parts, 1.0).items():
            kept = sums.setdefault(part, {})
            for name, value in given.items():
                kept[name] = kept[name] + value if name in kept else value
    down = {part: {name: -value / len(batches) for name, value in given.items()} for part, given in sums.items()}
    values = {name: value.detach() for name, value in _trained(model).items()}
    along = {part: slopes(model, follower.drawn, values, given) for part, given in down.items()}
    sizes = {part: sum(float(value.square().sum()) for value in given.values()) for part, given in down.items()}
    wanted = sum(size for part, size in sizes.items() if part != "down")
    pushed = sizes.get("down", 0.0)
    return Preflight(follower.places, along, min(1.0, (wanted / pushed) ** 0.5) if pushed and wanted else None)
