"""Objectives of your own outside the package, by `module:Name` or `file.py:Name`."""

from __future__ import annotations

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import InputValueError
from antigrad.core.own import attribute
from antigrad.lab.objective import Objective

__all__ = ["attribute", "objective"]


def objective(spec: str) -> Objective:
    """Make an objective by its name in the catalog, or by where its class is.

    Args:
        spec: `name(option=value,...)` or `module:Name(option=value,...)`.

    Returns:
        The objective.

    Raises:
        InputValueError: There is none, or an option is refused.

    Example:
        >>> objective("grpo").label, objective("antigrad.lab.objectives.dpo:Dpo(beta=0.5)").label
        ('GRPO', 'DPO(0.5)')
    """
    from antigrad.lab import OBJECTIVES

    name, options = parse_spec(spec)
    if ":" not in name:
        return OBJECTIVES.make(spec)
    kind = attribute(name)
    if not (isinstance(kind, type) and issubclass(kind, Objective)):
        hint = "derive it from antigrad.lab.Objective, as a frozen dataclass"
        raise InputValueError(f"{name!r}", "a class of an objective", hint)
    try:
        return kind(**options)
    except TypeError as error:
        raise InputValueError(f"{spec!r}: {error}", "options that it has", "see its dataclass") from error
