"""What every attribution method is: a frozen configuration that maps images and classes to attributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import torch
from captum.attr import Attribution
from torch import Tensor

from antigrad.attribution.methods.model_errors import check_statistics, in_plain_words
from antigrad.core.errors import InputTypeError, InputValueError, did_you_mean
from antigrad.vision.classifier import Classifier

IMAGES_AT_ONCE = 16
"""Images in one pass, whatever the number of samples or steps."""
_LEAST = {"n_samples": 1, "n_steps": 1, "noise_level": 0, "percentile": 0, "max_sigma": 0, "fraction": 0, "max_dist": 0}
_MOST = {"fraction": 1, "max_dist": 1}


@dataclass(frozen=True)
class AttributionMethod(ABC):
    """Base of the methods.

    Sign: where `signed` is true, an attribution above zero raises the target's logit.
    """

    signed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputTypeError: An option is of the wrong kind.
            InputValueError: An option is out of range or unknown.
        """
        kinds = get_type_hints(type(self))
        for field in fields(self):
            _check(field.name, getattr(self, field.name), kinds[field.name])

    def __call__(
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Check what is given, attribute, and check what comes out.

        Args:
            classifier: The model; its parameters and mode are left as they are.
            inputs: (B, C, H, W), normalised.
            targets: (B,) classes.
            generator: Of methods that draw noise.

        Returns:
            (B, C, H, W), or (B, 1, H, W) of methods that do not tell channels apart.

        Raises:
            InputValueError: Shapes, classes or numbers do not fit the model, or it cannot be differentiated.
            RuntimeError: The model raised it for another reason.
            IndexError: As before.
            AttributeError: As before.
            TypeError: As before.
        """
        problem = self.problem_with(classifier)
        if problem is not None:
            raise InputValueError(problem, "a method for this kind of model", "leave it out, or use saliency")
        _check_given(classifier, inputs, targets)
        check_statistics(classifier.model)
        try:
            with torch.enable_grad():
                found = self.attribute(classifier, inputs, targets, generator)
        except (RuntimeError, IndexError, AttributeError, TypeError) as error:
            clear = _of_class(error, classifier, targets) or in_plain_words(error, classifier.model, (inputs,), targets)
            if clear is None:
                raise
            raise clear from error
        if not torch.isfinite(found).all():
            raise InputValueError(
                f"gradients of {classifier.name} with NaN or inf", "finite ones", "check the weights of the model"
            )
        return found

    def problem_with(self, classifier: Classifier) -> str | None:
        """Say why the method does not apply to a model.

        Args:
            classifier: The model.

        Returns:
            The reason, or None where it applies.
        """
        return None

    @abstractmethod
    def attribute(
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Attribute the logits of the targets to the inputs.

        Args:
            classifier: The model; its parameters and mode are left as they are.
            inputs: (B, C, H, W), normalised.
            targets: (B,) classes.
            generator: Of methods that draw noise.

        Returns:
            (B, C, H, W), or (B, 1, H, W) of methods that do not tell channels apart.
        """


class AsAttribution(Attribution):
    """A method of the catalog in the place of a Captum attribution, for what aggregates over one.

    Args:
        method: The method.
        classifier: The model.
        generator: Of its own noise.
    """

    def __init__(
        self, method: AttributionMethod, classifier: Classifier, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(classifier.model)
        self.method, self.classifier, self.generator = method, classifier, generator

    def attribute(self, inputs: Tensor, target: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Attribute as the method does.

        Args:
            inputs: (B, C, H, W), normalised.
            target: (B,) classes.

        Returns:
            (B, C, H, W).
        """
        found = self.method(self.classifier, inputs.detach(), target, self.generator)
        return found.expand(-1, inputs.shape[1], -1, -1)


@contextmanager
def seeded(generator: torch.Generator | None) -> Generator[None]:
    """Let code that knows no generator draw from one; the default stream is put back.

    Args:
        generator: Where the seed comes from; None: the default stream goes on.

    Yields:
        Nothing.
    """
    if generator is None:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield


def _check_given(classifier: Classifier, inputs: Tensor, targets: Tensor) -> None:
    channels = len(classifier.mean)
    if inputs.ndim != 4 or inputs.shape[1] != channels or targets.shape != inputs.shape[:1]:
        raise InputValueError(
            f"inputs of shape {tuple(inputs.shape)} with targets of shape {tuple(targets.shape)}",
            f"(B, {channels}, H, W) with (B,)",
            "grey images need their channel repeated" if inputs.ndim == 4 and channels > 1 else "fix the shape",
        )
    if targets.is_floating_point():
        raise InputTypeError(f"targets of {targets.dtype}", "whole numbers", "give targets.long()")
    if (targets < 0).any():
        raise InputValueError(f"targets {targets.tolist()}", "classes from 0 up", "choose another target")
    if not torch.isfinite(inputs).all():
        raise InputValueError("inputs with NaN or inf", "finite numbers", "check how they were normalised")


def _of_class(error: Exception, classifier: Classifier, targets: Tensor) -> InputValueError | None:
    if "out of bounds" in str(error) or "out of range" in str(error):
        return InputValueError(
            f"targets {targets.tolist()}: {error}", f"classes of {classifier.name}", "choose another target"
        )
    return None


def _check(name: str, value: Any, kind: Any) -> None:
    literals = [part for part in (kind, *get_args(kind)) if get_origin(part) is Literal]
    if literals:
        known = [str(word) for part in literals for word in get_args(part)]
        if value is not None and value not in known:
            raise InputValueError(f"{name}={value!r}", f"one of {', '.join(known)}", did_you_mean(str(value), known))
        return
    expected = {int: "a whole number", float: "a number", bool: "true or false"}.get(kind)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    right = isinstance(value, bool) if kind is bool else is_number and (kind is float or isinstance(value, int))
    if expected is not None and not right:
        raise InputTypeError(f"{name}={value!r}", expected, "fix the option")
    if name in _LEAST and not _LEAST[name] <= value <= _MOST.get(name, float("inf")):
        most = f" to {_MOST[name]}" if name in _MOST else " or more"
        raise InputValueError(f"{name}={value}", f"{_LEAST[name]}{most}", "leave it out for the default")
