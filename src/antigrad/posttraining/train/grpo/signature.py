"""The signature that a subclass shows: its base's, and its own options behind them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Init = Callable[..., None]


def shown_as(base: type[Any]) -> Callable[[Init], Init]:
    """Let an `__init__` with `*args` and `**kwargs` show its base's parameters in their place.

    Args:
        base: The class whose parameters are passed on.

    Returns:
        A decorator; only what `help`, editors and `inspect.signature` say changes.

    Example:
        >>> class Base:
        ...     def __init__(self, size, shape="round"): ...
        >>> class Ours(Base):
        ...     @shown_as(Base)
        ...     def __init__(self, *args, colour="red", **kwargs): ...
        >>> str(inspect.signature(Ours))
        "(size, shape='round', *, colour='red')"
    """

    def decorate(init: Init) -> Init:
        theirs = [
            one for one in inspect.signature(base.__init__).parameters.values() if one.kind is not one.VAR_KEYWORD
        ]
        own = inspect.signature(init).parameters.values()
        more = [one for one in own if one.kind is one.KEYWORD_ONLY]
        init.__signature__ = inspect.Signature([*theirs, *more])  # pyright: ignore[reportFunctionMemberAccess]
        return init

    return decorate
