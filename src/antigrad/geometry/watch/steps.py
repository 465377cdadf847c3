"""Where a step begins and ends: the outermost one, however an optimizer is built around others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from antigrad.core.errors import InputTypeError

Closure = Callable[[], Any]
SPLIT_STEPS = ("first_step", "second_step", "third_step")
"""Methods that make up one step when they are called by hand, as SAM and its kin are."""
_PASS_ON = ("accelerate.",)
"""Modules whose optimizers only pass a step on, at times of their own: the one inside is watched."""


class Steps:
    """Tells a listener of the outermost step of optimizers, each once.

    An optimizer around another (Lookahead, SAM) calls `step` of the one inside, and a subclass that of its base:
    those are parts of the step that is going on.

    Args:
        begin: Called with the optimizer and the closure it was given, if any, before the step; returns the closure
            to use instead.
        end: Called with the optimizer after the step.
        abandon: Called when a step that began turns out never to have ended.
    """

    def __init__(
        self,
        begin: Callable[[torch.optim.Optimizer, Closure | None], Closure | None],
        end: Callable[[torch.optim.Optimizer], None],
        abandon: Callable[[], None],
    ) -> None:
        self._begin, self._end, self._abandon = begin, end, abandon
        self._open: list[FrameType | None] = []
        self._by_hand = self._closed = False
        self._undo: list[Callable[[], None]] = []
        self.seen = 0

    def follow_all(self) -> None:
        """Follow whichever optimizers there are."""
        pre, post = register_optimizer_step_pre_hook(self._pre), register_optimizer_step_post_hook(self._post)
        self._undo += [pre.remove, post.remove]

    def follow(self, optimizer: Any) -> None:
        """Follow one optimizer.

        Args:
            optimizer: With torch's hooks, or with a method `step` that is wrapped on this object.
        """
        if has_hooks(optimizer):
            handles = optimizer.register_step_pre_hook(self._pre), optimizer.register_step_post_hook(self._post)
            self._undo += [handle.remove for handle in handles]
        else:
            self._wrap(optimizer, "step")
        names = [name for name in SPLIT_STEPS if callable(getattr(optimizer, name, None))]
        if len(names) > 1:
            for name in names:
                self._wrap(optimizer, name, names)

    def close(self) -> None:
        """Take everything away."""
        for undo in self._undo:
            undo()
        self._undo, self._open, self._by_hand, self._closed = [], [], False, True

    def _pre(
        self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if self._by_hand or (self._open and not self._running()):
            self._give_up()
        nested = bool(self._open)
        self._open.append(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        return None if nested else self._started(optimizer, args, kwargs)

    def _post(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        if self._open:
            self._open.pop()
        if not self._open:
            self._end(optimizer)

    def _give_up(self) -> None:
        self._abandon()
        self._by_hand = False
        self._open.clear()

    def _started(
        self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        # `args` begins with the optimizer itself, as for torch's hooks.
        given = kwargs.get("closure", args[1] if len(args) > 1 and callable(args[1]) else None)
        self.seen += 1
        used = self._begin(optimizer, given)
        if used is given or used is None:
            return None
        if "closure" in kwargs:
            return args, {**kwargs, "closure": used}
        return (*args[:1], used, *args[2:]), kwargs

    def _running(self) -> bool:
        # After an exception inside a step no hook says that it is over: its frame is then not below this one.
        frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        known = {id(one) for one in self._open if one is not None}
        while frame is not None:
            if id(frame) in known:
                return True
            frame = frame.f_back
        return None in self._open

    def _wrap(self, optimizer: Any, name: str, names: list[str] | None = None) -> None:
        """Wrap a method on one object: its class, and other objects of it, stay as they are.

        Args:
            optimizer: The object.
            name: Its method.
            names: The methods that make up one step by hand; None for `step` itself.
        """
        method, had = getattr(optimizer, name), name in vars(optimizer)

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._closed or self._open:  # A part of a step that is going on.
                return method(*args, **kwargs)
            if names is not None:
                return self._part(optimizer, method, names.index(name), len(names), args, kwargs)
            if self._by_hand:
                self._give_up()
            self._open.append(None)
            try:
                changed = self._started(optimizer, (optimizer, *args), kwargs)
                if changed is not None:
                    args, kwargs = changed[0][1:], changed[1]
                result = method(*args, **kwargs)
            except BaseException:
                self._give_up()
                raise
            self._open.pop()
            self._end(optimizer)
            return result

        def undo() -> None:
            if vars(optimizer).get(name) is call:  # Others may have wrapped it since: they call on through it.
                setattr(optimizer, name, method) if had else delattr(optimizer, name)

        setattr(optimizer, name, call)
        self._undo.append(undo)

    def _part(self, optimizer: Any, method: Any, place: int, count: int, args: Any, kwargs: Any) -> Any:
        if place == 0:
            if self._by_hand:  # The step before was not finished.
                self._give_up()
            self.seen += 1
            self._begin(optimizer, None)
            self._by_hand = True
        result = method(*args, **kwargs)
        if place == count - 1 and self._by_hand:
            self._by_hand = False
            self._end(optimizer)
        return result


def has_hooks(optimizer: Any) -> bool:
    """Whether torch's step hooks fire when an optimizer steps.

    Args:
        optimizer: Any.

    Returns:
        False for wrappers that never initialised torch's class.
    """
    return hasattr(optimizer, "_optimizer_step_pre_hooks") and getattr(type(optimizer).step, "hooked", False)


def outermost(optimizer: Any) -> Any:
    """Find which object to watch for what was given.

    Args:
        optimizer: An optimizer, or a wrapper around one.

    Returns:
        It itself, whose rule is what is applied, or the one inside a wrapper that only passes on, as accelerate's.

    Raises:
        InputTypeError: It is no optimizer and holds none, or it steps inside the backward pass.
    """
    while type(optimizer).__module__.startswith(_PASS_ON):
        optimizer = optimizer.optimizer
    holds = inside(optimizer) is not None and hasattr(optimizer, "step")
    if not isinstance(optimizer, torch.optim.Optimizer) and not holds:
        raise InputTypeError(
            f"a {type(optimizer).__name__} to watch",
            "a model or an optimizer with step hooks (torch.optim.Optimizer)",
            "make the optimizer a subclass of torch.optim.Optimizer",
        )
    if hasattr(optimizer, "fused_backward"):
        raise InputTypeError(
            f"{type(optimizer).__name__}, which steps while its backward pass runs",
            "an optimizer whose step() moves the weights",
            "there is no moment at which gradients and weights of one step are there: train it unwatched",
        )
    return optimizer


def inside(optimizer: Any) -> torch.optim.Optimizer | None:
    """Find the optimizer that a wrapper steps.

    Args:
        optimizer: Any.

    Returns:
        The one inside; None if there is none.
    """
    for name in ("optimizer", "base_optimizer"):
        found = getattr(optimizer, name, None)
        if isinstance(found, torch.optim.Optimizer):
            return found
    return None
