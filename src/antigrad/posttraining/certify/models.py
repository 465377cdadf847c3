"""The two ends of a move: both models loaded, and checked to have the same weights by name and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from antigrad.core.errors import InputValueError, raise_all
from antigrad.geometry.dots import dot
from antigrad.language.adapters import is_tied, untie
from antigrad.language.policy import Policy, load_any
from antigrad.posttraining.certify.settings import CertifyConfig

_SHOWN = 5


@dataclass(frozen=True)
class Move:
    """From one model to another of the same architecture.

    Args:
        before: The model before, with its tokenizer.
        after: The model after.
        moved: Parameters that differ, in the order of the model: name, and the parameter at both ends.
        still: Names of the parameters that do not.
    """

    before: Policy
    after: Any
    moved: dict[str, tuple[nn.Parameter, nn.Parameter]]
    still: list[str]

    def fingerprint(self) -> list[float]:
        """Two numbers that tell this move from another.

        Returns:
            |θ|² before and |Δ|², over what moved.
        """
        ends = [(old.detach().cpu(), new.detach()) for old, new in self.moved.values()]
        sizes = [dot(old, old) for old, _ in ends]
        steps = [dot(delta := new - old, delta) for old, new in ends]
        return [float(torch.stack(sizes).sum()), float(torch.stack(steps).sum())]


def load_move(config: CertifyConfig) -> Move:
    """Load both models and compare them.

    Args:
        config: Names them.

    Returns:
        The move; the model before is on its device, the one after on the CPU.

    Raises:
        AntigradError: A model can't be read.
        ManyInputsError: Parameters differ in name or shape, or are not finite.
        InputValueError: No parameter moved.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    options: Any = {"dtype": config.dtype, "trust_remote_code": config.trust_remote_code}
    before = load_any(config.before, device=config.device, **options)
    after = load_any(config.after, device="cpu", with_tokenizer=False, base=config.before, **options).model
    names = [{name for name, _ in model.named_parameters()} for model in (before.model, after)]
    if is_tied(before.model) and not is_tied(after) and names[0] < names[1] and len(names[1] - names[0]) == 1:
        untie(before.model)  # an adapter has moved the head and the embedding apart
    olds: dict[str, nn.Parameter] = dict(before.model.named_parameters())  # tied weights are there once
    news: dict[str, nn.Parameter] = dict(after.named_parameters())
    raise_all(f"{config.after} as a fine-tune of {config.before}", _differences(olds, news))
    equal = {name for name, old in olds.items() if torch.equal(old.cpu(), news[name])}
    if len(equal) == len(olds):
        raise InputValueError(
            f"{config.after!r} has the weights of {config.before!r}", "a model that moved", "check the two names"
        )
    moved = {name: (old, news[name]) for name, old in olds.items() if name not in equal}
    return Move(before, after, moved, [name for name in olds if name in equal])


def _differences(olds: dict[str, nn.Parameter], news: dict[str, nn.Parameter]) -> list[str]:
    kinds = [
        [
            f"{name} has shape {tuple(old.shape)} before and {tuple(news[name].shape)} after"
            for name, old in olds.items()
            if name in news and old.shape != news[name].shape
        ],
        [f"{name} is in the model before only" for name in olds if name not in news],
        [f"{name} is in the model after only" for name in news if name not in olds],
    ]
    for end, tensors in (("before", olds), ("after", news)):
        broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
        kinds.append([f"{name} has NaN or infinite weights {end}" for name in broken])
    problems: list[str] = []
    for kind in kinds:
        more = len(kind) - _SHOWN
        problems += [*kind[:_SHOWN], *([f"and {more} more like the last one"] if more > 0 else [])]
    return problems
