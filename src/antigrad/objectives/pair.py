"""What losses on preference pairs share: a function of one margin, split into what it does to either response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.parts import Parts


class PairLoss(ABC):
    r"""A loss $\ell(h)$ of the margin between a chosen and a rejected response.

    $$h=\log\frac{\pi_w}{\pi_{ref,w}}-\log\frac{\pi_l}{\pi_{ref,l}},\qquad
    \nabla\mathcal L=-c\,(\nabla\log\pi_w-\nabla\log\pi_l),\qquad c=-\ell'(h)$$

    Subclasses are frozen dataclasses, one a file. `losses` and `pushes` work element by element on margins
    of any shape, so that a table of all pairs is one call.
    """

    needs_reference: ClassVar[bool] = True

    @abstractmethod
    def losses(self, margin: Tensor) -> Tensor:
        """Loss of each pair.

        Args:
            margin: h, in nats, any shape.

        Returns:
            ℓ(h), the same shape, to be minimised.
        """

    @abstractmethod
    def pushes(self, margin: Tensor) -> Tensor:
        """Weight with which a pair pulls its chosen response up and pushes its rejected one down.

        Args:
            margin: h, in nats, any shape.

        Returns:
            c = −ℓ'(h), the same shape; below 0 where the loss wants a smaller margin.
        """

    def __call__(
        self,
        chosen: Tensor,
        rejected: Tensor,
        reference_chosen: Tensor | None = None,
        reference_rejected: Tensor | None = None,
    ) -> Parts:
        """Compute the loss of a batch of pairs.

        Each part holds half of the value and the whole gradient with respect to its own response, so that
        value and gradient of the sum are those of the loss. Second derivatives are not.

        Args:
            chosen: (B,) log-probabilities of the chosen responses, in nats, with a graph.
            rejected: (B,) the same of the rejected ones.
            reference_chosen: (B,) the same under the frozen reference; left out by losses without one.
            reference_rejected: (B,) likewise.

        Returns:
            The parts, means over pairs: `up` acts on chosen, `down` on rejected responses.

        Raises:
            InputTypeError: Shapes differ.
            InputValueError: A reference is missing or not wanted, or one of its probabilities is zero.
        """
        given = [value for value in (chosen, rejected, reference_chosen, reference_rejected) if value is not None]
        if len({value.shape for value in given}) != 1:
            raise InputTypeError(f"shapes {[tuple(v.shape) for v in given]}", "one shape (B,)", "one row a pair")
        if len(given) != (4 if self.needs_reference else 2):
            expected = (
                "both reference log-probabilities" if self.needs_reference else "none: this loss has no reference"
            )
            raise InputValueError(f"{len(given) - 2} reference tensors", expected, "see the formula of the loss")
        up, down = chosen - rejected.detach(), chosen.detach() - rejected
        if reference_chosen is not None and reference_rejected is not None:
            if not bool((reference_chosen.isfinite() & reference_rejected.isfinite()).all()):
                raise InputValueError(
                    "a response to which the reference gives probability zero (or no number)",
                    "finite reference log-probabilities",
                    "leave the pair out: its log-ratio does not exist",
                )
            shift = reference_chosen - reference_rejected
            up, down = up - shift, down - shift
        half = self.losses(up).detach() / 2
        return Parts((self.losses(up) - half).mean(), (self.losses(down) - half).mean(), half.new_zeros(()))
