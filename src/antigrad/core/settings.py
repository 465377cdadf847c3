"""Settings that check themselves when they are made, in a program as on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from antigrad.core.errors import raise_all


class Settings:
    """Base of the dataclasses of settings: made means checked.

    A path may be given as a text, and a number with a fraction as a whole one.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Own(Settings):
        ...     steps: int = 1
        ...     output: Path = Path("runs")
        >>> Own(output="elsewhere").output.name
        'elsewhere'
        >>> Own(steps="many")
        Traceback (most recent call last):
        antigrad.core.errors.ManyInputsError: settings (Own): 1 problem
          1. steps='many': expected int
    """

    # Without an annotation: the command line reads those of a class with the names that its own module knows.
    OTHER_NAMES = cast("Mapping[str, str]", {})
    """What other libraries call a setting, and what it is called here: both work as flags."""

    @classmethod
    def our_name(cls, name: str) -> str | None:
        """Find the setting that another library has a name for.

        Args:
            name: A flag without its dashes.

        Returns:
            What it is called here, or None.
        """
        return cls.OTHER_NAMES.get(name)

    def __post_init__(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All values of the wrong kind, or else all other problems, at once.
        """
        problems: list[str] = []
        for name, kind, written in _kinds(type(self)):
            value = _converted(getattr(self, name), kind)
            object.__setattr__(self, name, value)
            if not _fits(value, kind):
                problems.append(f"{name}={value!r}: expected {written}")
        raise_all(f"settings ({type(self).__name__})", problems)
        self._check_made()

    def _check_made(self) -> None:
        """Check what is beyond the kinds of the values: `check`, where there is one."""
        check: Callable[[], Any] | None = getattr(self, "check", None)
        if check is not None:
            check()


@cache
def _kinds(settings: type[Any]) -> list[tuple[str, Any, str]]:
    # Names that are imported for the type checker only can't be looked up: such a setting is left as it is.
    try:
        types = get_type_hints(settings)
    except NameError:
        return []
    return [(one.name, types[one.name], str(one.type)) for one in fields(settings) if one.init]


def _converted(value: Any, kind: Any) -> Any:
    # As YAML and people write it: a path as a text, 1 for 1.0, 1 for the text "1", a tuple for a list.
    choices = get_args(kind) if get_origin(kind) in (UnionType, Union) else (kind,)
    lists = [get_args(one)[0] for one in choices if get_origin(one) is list]
    if lists and isinstance(value, list | tuple):
        items: list[Any] = [*value]  # pyright: ignore[reportUnknownArgumentType]
        tried = [[_converted(one, inside) for one in items] for inside in lists]
        return next(
            (one for one, inside in zip(tried, lists, strict=True) if all(_fits(x, inside) for x in one)), items
        )
    if get_origin(kind) is dict and isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return {key: _converted(one, get_args(kind)[1]) for key, one in pairs}
    if isinstance(value, str) and Path in choices and str not in choices:
        return Path(value)
    if isinstance(value, int) and not isinstance(value, bool) and float in choices and int not in choices:
        return float(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and str in choices and not {int, float} & {*choices} else value


def _fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of a kind that settings have; of other kinds everything is.

    Args:
        value: The value.
        kind: A type as it is written in a dataclass.

    Returns:
        False if it is not.
    """
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        return any(_fits(value, one) for one in inside)
    if origin is list:
        return isinstance(value, list) and all(_fits(one, inside[0]) for one in value)  # pyright: ignore[reportUnknownVariableType]
    if origin is dict:
        pairs = cast("dict[Any, Any]", value).items() if isinstance(value, dict) else None
        return pairs is not None and all(_fits(one, inside[0]) and _fits(other, inside[1]) for one, other in pairs)
    if kind is bool or is_dataclass(kind) or kind is NoneType:
        return isinstance(value, kind)  # pyright: ignore[reportArgumentType]
    if kind in (int, float):
        return isinstance(value, kind) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (str, Path) else True
