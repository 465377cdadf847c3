"""The gradient of each part of an objective, taken apart beside the one backward pass that trains."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.parts import Parts
from antigrad.geometry.dots import dense
from antigrad.geometry.watch.watched import is_sharded, local


class PartGradients:
    """Gradients of `up`, `down` and `anchor`, accumulated over micro-batches.

    A part that has no graph (a constant) has no gradient and is left out. Costs one backward pass and
    one copy of the parameters a part; the pass that trains is not touched.
    """

    def __init__(self) -> None:
        self._parameters: list[nn.Parameter] = []
        self._sums: dict[str, dict[nn.Parameter, Tensor]] = {}
        self._taken = False

    def __bool__(self) -> bool:
        """Tell whether any part has a gradient.

        Returns:
            True if one has.
        """
        return bool(self._sums)

    @property
    def names(self) -> list[str]:
        """Parts that have a gradient, in the order up, down, anchor."""
        return [name for name in ("up", "down", "anchor") if name in self._sums]

    def take(
        self, parts: Parts, parameters: Sequence[nn.Parameter], *, scale: float = 1.0, loss_scale: float = 1.0
    ) -> None:
        """Add the gradients of the parts of one micro-batch; the graph is kept.

        A call while no parameter has a gradient starts over: the step of the batch before was skipped, as
        gradient scalers do.

        Args:
            parts: The parts, before they are summed.
            parameters: What is trained now.
            scale: What the loss is multiplied by before its backward (1/micro-batches).
            loss_scale: Factor against underflow in float16; it is divided out again.

        Raises:
            InputTypeError: These are no parts.
            InputValueError: A part's graph reaches none of the parameters, or is gone after a `backward`.
        """
        if not isinstance(parts, Parts):
            raise InputTypeError(
                f"a {type(parts).__name__} as the parts of an objective",
                "antigrad.core.Parts(up=..., down=..., anchor=...)",
                "keep the parts of the loss apart, before they are summed",
            )
        self._parameters = list(parameters)
        if all(parameter.grad is None for parameter in parameters):
            self._sums = {}
        self._taken = True
        for name, loss in parts.items():
            if not loss.requires_grad:
                continue
            taken = self._gradients(loss * loss_scale)
            if not taken:
                raise InputValueError(
                    f"part {name!r}, whose graph reaches none of the trained parameters",
                    "a loss of the model that the optimizer steps",
                    "compute the part with the same model",
                )
            sums = self._sums.setdefault(name, {})
            for parameter, gradient in taken.items():
                gradient = dense(gradient.detach()) * (scale / loss_scale)
                sums[parameter] = sums[parameter] + gradient if parameter in sums else gradient

    def averaged(self, group: object, world: int) -> None:
        """Average over processes that hold whole parameters, as their training gradients are.

        Args:
            group: The process group; None when there is one process.
            world: Number of processes.
        """
        if group is None or not self._taken:
            return
        for name in self._names_of_all(group):
            for parameter in self._parameters:
                if not is_sharded(parameter):
                    zero = torch.zeros_like(parameter, requires_grad=False)
                    gradient = self._sums.setdefault(name, {}).setdefault(parameter, zero)
                    torch.distributed.all_reduce(gradient, group=group)  # pyright: ignore[reportArgumentType]
                    gradient /= world

    def of(self, name: str, parameter: nn.Parameter) -> Tensor | None:
        """Gradient of a part with respect to a parameter.

        Args:
            name: The part.
            parameter: The parameter.

        Returns:
            What this process holds of it; None where the part does not depend on the parameter.
        """
        gradient = self._sums[name].get(parameter)
        return None if gradient is None else local(gradient)

    def clear(self) -> None:
        """Forget all: the next step starts over."""
        self._sums, self._taken, self._parameters = {}, False, []

    def forget(self, parameters: Sequence[nn.Parameter]) -> None:
        """Forget the gradients of parameters that have been stepped.

        Args:
            parameters: Those of one optimizer.
        """
        gone = set(parameters)
        kept = {
            name: {p: gradient for p, gradient in sums.items() if p not in gone} for name, sums in self._sums.items()
        }
        self._sums = {name: sums for name, sums in kept.items() if sums}
        self._taken = bool(self._sums)

    def _names_of_all(self, group: object) -> list[str]:
        # A process whose batch has nothing to push down still takes part in the reduction.
        device = self._parameters[0].device
        held = torch.tensor([float(name in self._sums) for name in ("up", "down", "anchor")], device=device)
        torch.distributed.all_reduce(held, group=group)  # pyright: ignore[reportArgumentType]
        return [name for name, count in zip(("up", "down", "anchor"), held.tolist(), strict=True) if count]

    def _gradients(self, loss: Tensor) -> Mapping[nn.Parameter, Tensor]:
        if any(map(is_sharded, self._parameters)):
            # Fully sharded parameters get their gradients from hooks of `backward`, not from their graph.
            with _without_gradients(self._parameters):
                loss.backward(retain_graph=True)
                return {p: p.grad for p in self._parameters if p.grad is not None}
        try:
            found = torch.autograd.grad(loss, self._parameters, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            if "a second time" not in str(error):
                raise
            raise InputValueError(
                "parts after their backward, which freed their graph",
                "parts before it",
                "call take(parts) first, then backward on their sum",
            ) from error
        pairs = cast("Iterable[tuple[nn.Parameter, Tensor | None]]", zip(self._parameters, found, strict=True))
        return {parameter: gradient for parameter, gradient in pairs if gradient is not None}


@contextmanager
def _without_gradients(parameters: Sequence[nn.Parameter]) -> Generator[None]:
    """Put the gradients aside, and back whatever happens."""
    kept = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient
