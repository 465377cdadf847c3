"""Which gradient a step is made of, whatever way it reaches the optimizer: before the step, or by its closure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.geometry.watch.given import Mark, given_gradients
from antigrad.geometry.watch.steps import Closure
from antigrad.geometry.watch.watched import Gradients, local

SAMPLE = 4096
"""About how many entries of a parameter are compared to see whether it has been moved."""


class Moment:
    """The gradient at the place where a step begins, taken from the optimizer's own call.

    Without a closure it is what the parameters hold when the step begins. With one it is what its first call leaves,
    if the parameters have not been moved by then: LBFGS, and closures that add to what is there. An optimizer that
    moves them first (SAM) was given its gradient before, if a backward pass has been there since the last step. The
    closure is never called an additional time.

    Args:
        parameters: What is stepped.
        mark: The gradient that the step before left behind; None at the first.
        copy: Whether the gradient is copied, because the optimizer may write over it.
        seen: Called with the gradient as soon as it is known.
        taking: Called with True before a closure whose parts are those of the step, and with False after it.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        mark: Mark | None,
        *,
        copy: bool,
        seen: Callable[[Gradients], None],
        taking: Callable[[bool], None],
    ) -> None:
        self._parameters, self._mark, self._copy, self._seen, self._taking = parameters, mark, copy, seen, taking
        self._stale = mark is not None and mark.stale()
        self.gradients: Gradients = {}
        self.known = False

    def begin(self, closure: Closure | None) -> Closure | None:
        """Look at what is there when the step begins.

        Args:
            closure: What the step was called with.

        Returns:
            The closure to call instead; it calls the one that was given, once each time.
        """
        if closure is None:
            found = given_gradients(self._parameters)
            self.gradients = _copied(found) if self._copy else found
            if not self._stale:
                self._tell(self.gradients)
            return None
        # Its first call will write over them, or leave them away.
        self.gradients = {} if self._stale else _copied(given_gradients(self._parameters))
        here = [_sample(parameter) for parameter in self._parameters]

        def once() -> Any:
            if self.known:
                return closure()
            moved = any(not torch.equal(*pair) for pair in zip(here, map(_sample, self._parameters), strict=True))
            before = moved and bool(self.gradients)
            self._taking(not before)
            try:
                result = closure()
            finally:
                self._taking(False)
            with torch.no_grad():
                if not before:
                    self.gradients = _copied(given_gradients(self._parameters))
                self._tell(self.gradients)
            return result

        return once

    def end(self) -> Gradients:
        """Say which gradient the step was made of.

        Returns:
            It; empty where it is not known: nothing was there, or the optimizer made its own.
        """
        if not self.known:
            if self._stale and self._mark is not None and self._mark.replaced():
                self.gradients = {}
            self._tell({} if self._stale else self.gradients)
        return self.gradients

    def _tell(self, gradients: Gradients) -> None:
        self.known = True
        self._seen(gradients)


def _sample(parameter: nn.Parameter) -> Tensor:
    flat = local(parameter).reshape(-1)
    return flat[:: flat.numel() // SAMPLE | 1].clone()


def _copied(gradients: Gradients) -> Gradients:
    return {parameter: gradient.clone() for parameter, gradient in gradients.items()}
