"""Guided AbsoluteGrad: magnitudes of noisy gradients, kept where they vary most."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from captum._utils.common import (
    _expand_additional_forward_args,  # pyright: ignore[reportPrivateUsage]
    _expand_target,  # pyright: ignore[reportPrivateUsage]
    _format_additional_forward_args,  # pyright: ignore[reportPrivateUsage]
    _format_output,  # pyright: ignore[reportPrivateUsage]
    _format_tensor_into_tuples,  # pyright: ignore[reportPrivateUsage]
)
from captum._utils.gradient import apply_gradient_requirements, undo_gradient_requirements
from captum.attr import Attribution, GradientAttribution
from captum.log import log_usage  # pyright: ignore[reportAttributeAccessIssue] (its stubs lack it)
from torch import Tensor, nn

from antigrad.attribution.methods.guide import Guide, Pool, check_guide, guide_weights
from antigrad.attribution.methods.method import IMAGES_AT_ONCE, AsAttribution, AttributionMethod
from antigrad.attribution.methods.model_errors import check_statistics, in_plain_words
from antigrad.attribution.methods.moments import Moments
from antigrad.attribution.methods.noise import NoiseRange, draw, given_std, noise_std
from antigrad.core.errors import InputValueError
from antigrad.vision.classifier import Classifier

Inputs = Tensor | tuple[Tensor, ...]


class GuidedAbsoluteGrad(GradientAttribution):
    r"""Mean magnitude of the gradients at noisy copies of the input, weighted by a guide.

    $$A=\frac1n\sum_i\lvert g_i\rvert,\qquad g_i=\nabla_xf_c(x+\epsilon_i),\qquad
    V=\frac1{n-1}\sum_i(g_i-\bar g)^2,\qquad \text{map}=A\odot\tilde V$$

    with the guide of `guide_weights`. A Captum attribution: tensors or tuples in, the same shapes out.

    Args:
        forward_func: The model, or a function that returns logits.
        base: A Captum attribution to take the place of the gradient (IG, Guided Backprop, …); None: the gradient.

    Sign: the result is never negative: it says how much, not which way. `sign` chooses the sign that counts.

    Source: arXiv 2404.15564, Eqs. 5 and 6, as in the authors' code (which sums over samples; the mean differs by n).

    Deviations: noise range of each image instead of the batch; the default percentile is the reported .85, not the
        function's 0; an image whose gradients do not vary falls back to AbsoluteGrad instead of a map of ones.

    Example:
        >>> linear = nn.Linear(4, 2, bias=False).eval()
        >>> _ = nn.init.constant_(linear.weight, -3.0)
        >>> GuidedAbsoluteGrad(linear).attribute(torch.ones(1, 4), target=0, percentile=0.0).tolist()
        [[3.0, 3.0, 3.0, 3.0]]
    """

    def __init__(self, forward_func: Callable[..., Tensor], base: Attribution | None = None) -> None:
        super().__init__(forward_func)
        self.base = base

    @log_usage()  # pyright: ignore[reportUntypedFunctionDecorator]
    def attribute(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        inputs: Inputs,
        target: Any = None,
        n_samples: int = 20,
        noise_level: float = 0.15,
        percentile: float = 0.85,
        guide: Guide | None = "paper",
        *,
        absolute: bool = True,
        pool: Pool = "channel",
        noise_range: NoiseRange = "image",
        tolerance: float = 0.0,
        shared_noise: bool = False,
        stdevs: float | Tensor | tuple[float | Tensor, ...] | None = None,
        internal_batch_size: int | None = None,
        generator: torch.Generator | None = None,
        additional_forward_args: Any = None,
        **kwargs: Any,
    ) -> Inputs:
        """Attribute the target's logit to the inputs.

        Args:
            inputs: (B, ...) or a tuple of such, normalised as the model wants them.
            target: Class index, (B,) indices, or what Captum takes; None for models with one output.
            n_samples: Noisy copies n.
            noise_level: β, share of each image's range.
            percentile: p; 0 turns the guide off.
            guide: See `guide_weights`.
            absolute: Magnitudes; otherwise the signed mean (SmoothGrad, guided).
            pool: Whose pixels a threshold is taken over.
            noise_range: Whose range scales the noise.
            tolerance: See `guide_weights`; of the hard guide only.
            shared_noise: One draw for all images of the batch.
            stdevs: σ itself in the place of β times the range: a number, (B,) numbers, or one of these an input.
            internal_batch_size: Most images in one pass; None: 16, so that memory does not grow with `n_samples`.
            generator: Where the noise comes from.
            additional_forward_args: As in Captum.
            **kwargs: More arguments of `base.attribute`.

        Returns:
            Attributions of the same shapes.

        Raises:
            InputValueError: An option is out of range, the target does not fit, or a number is not finite.
        """
        given = _format_tensor_into_tuples(inputs)
        self._check(given, n_samples, guide if percentile > 0 else None, internal_batch_size)
        if kwargs and self.base is None:
            raise InputValueError(f"arguments {', '.join(kwargs)}", "none without a base", "look for a typing error")
        check_guide(percentile, guide, pool)
        if not len(given[0]):
            return _format_output(isinstance(inputs, tuple), tuple(torch.zeros_like(one) for one in given))
        asked = stdevs if isinstance(stdevs, tuple) else (stdevs,) * len(given)
        stds = [
            noise_std(one, noise_level, noise_range) if std is None else given_std(one, std)
            for one, std in zip(given, asked, strict=True)
        ]
        moments = [Moments() for _ in given]
        most = max(1, (internal_batch_size or IMAGES_AT_ONCE) // len(given[0]))
        for done in range(0, n_samples, most):
            count = min(most, n_samples - done)
            draws = [
                draw(one, std, count, generator, shared=shared_noise) for one, std in zip(given, stds, strict=True)
            ]
            noisy = tuple(one.flatten(0, 1) for one in draws)
            found = self._gradients(noisy, target, count, additional_forward_args, kwargs)
            for one, moment, gradient in zip(given, moments, found, strict=True):
                moment.add(gradient.detach().reshape(count, *one.shape))
        maps = tuple(
            self._guided(moment, percentile, guide, pool, absolute, tolerance).to(one.dtype)
            for one, moment in zip(given, moments, strict=True)
        )
        return _format_output(isinstance(inputs, tuple), maps)

    def has_convergence_delta(self) -> bool:
        """Tell that attributions do not add up to a difference of outputs.

        Returns:
            False.
        """
        return False

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether attributions are gradients times inputs: they are not."""
        return False

    def _guided(
        self, moment: Moments, percentile: float, guide: Guide | None, pool: Pool, absolute: bool, tolerance: float
    ) -> Tensor:
        size = moment.absolute if absolute else moment.mean
        if not torch.isfinite(size).all():
            raise InputValueError("gradients that are not finite", "finite ones", "check the inputs and the model")
        if guide is None or percentile == 0:
            return size
        variance = moment.variance
        still = (variance.flatten(1) == 0).all(1)
        if still.any():
            warnings.warn(
                f"gradients of {int(still.sum())} of {len(still)} inputs do not vary over the noise (a linear model, "
                "or no noise): their maps have no guide",
                stacklevel=3,
            )
        return size * guide_weights(variance, percentile, guide, pool, tolerance)

    def _gradients(
        self, noisy: tuple[Tensor, ...], target: Any, count: int, extra: Any, kwargs: dict[str, Any]
    ) -> tuple[Tensor, ...]:
        targets = _expand_target(target, count)
        arguments = _format_additional_forward_args(extra)
        arguments = None if arguments is None else _expand_additional_forward_args(arguments, count)
        required = apply_gradient_requirements(noisy, warn=False)
        try:
            if self.base is None:
                return self.gradient_func(self.forward_func, noisy, targets, arguments)
            more = kwargs if arguments is None else {**kwargs, "additional_forward_args": arguments}
            given: Any = noisy if len(noisy) > 1 else next(iter(noisy))
            found = self.base.attribute(given, target=targets, **more)
            return cast(tuple[Tensor, ...], _format_tensor_into_tuples(found))
        except (RuntimeError, AttributeError, TypeError, KeyError) as error:
            clear = in_plain_words(error, self.forward_func, noisy, targets)
            if clear is None:
                raise
            raise clear from error
        except (AssertionError, IndexError) as error:
            raise InputValueError(
                f"target {target!r}: {error}", "a class of the model's output", "give one class, or one an image"
            ) from error
        finally:
            undo_gradient_requirements(noisy, required)

    def _check(self, given: tuple[Tensor, ...], n_samples: int, guide: Guide | None, most: int | None) -> None:
        check_samples(n_samples, guide)
        if most is not None and most < 1:
            raise InputValueError(f"internal_batch_size={most}", "at least 1, or None", "leave it out for 16")
        for place, one in enumerate(given):
            if not one.is_floating_point():
                raise InputValueError(f"input {place} of {one.dtype}", "floating-point numbers", "normalise it first")
            if not torch.isfinite(one).all():
                raise InputValueError(f"input {place} with NaN or inf", "finite numbers", "check how it was normalised")
        if isinstance(self.forward_func, nn.Module):
            check_statistics(self.forward_func)
        if isinstance(self.forward_func, nn.Module) and getattr(self.forward_func, "training", False):
            warnings.warn("the model is in train mode: dropout and batch statistics are explained too", stacklevel=3)


def check_samples(n_samples: int, guide: Guide | None) -> None:
    """Refuse too few samples for a variance.

    Args:
        n_samples: n.
        guide: The guide that needs it.

    Raises:
        InputValueError: Fewer than 2, or than 1 without guide.
    """
    if not isinstance(n_samples, int) or n_samples < (1 if guide is None else 2):
        raise InputValueError(
            f"n_samples={n_samples} with guide {guide!r}", "at least 2 (1 without guide)", "the paper uses 20"
        )


@dataclass(frozen=True)
class GuidedAbsoluteGradMethod(AttributionMethod):
    """Guided AbsoluteGrad, as a method among others; `percentile=0` is AbsoluteGrad.

    Args:
        n_samples: Noisy copies.
        noise_level: β.
        percentile: p.
        guide: See `guide_weights`.
        tolerance: See `guide_weights`; of the hard guide only.
        base: Another method in the place of the gradient, as `blur_ig`; it is computed `n_samples` times.

    Raises:
        InputValueError: An option is out of range, or there is no such method.

    Sign: never negative.

    Source: arXiv 2404.15564; see `GuidedAbsoluteGrad`. With a base: its ablation of the gradient process.

    Deviations: see `GuidedAbsoluteGrad`.
    """

    signed: ClassVar[bool] = False
    n_samples: int = 20
    noise_level: float = 0.15
    percentile: float = 0.85
    guide: Guide | None = "paper"
    base: str | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.base is not None:
            self._base()
        check_guide(self.percentile, self.guide, "channel")
        check_samples(self.n_samples, self.guide if self.percentile > 0 else None)

    def problem_with(self, classifier: Classifier) -> str | None:  # noqa: D102
        return None if self.base is None else self._base().problem_with(classifier)

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        base = None if self.base is None else AsAttribution(self._base(), classifier, generator)
        found = GuidedAbsoluteGrad(classifier.model, base).attribute(
            inputs,
            targets,
            self.n_samples,
            self.noise_level,
            self.percentile,
            self.guide,
            tolerance=self.tolerance,
            generator=generator,
        )
        return cast(Tensor, found)

    def _base(self) -> AttributionMethod:
        from antigrad.attribution.methods import METHODS  # The catalog that this file is in.

        return METHODS.make(str(self.base))
