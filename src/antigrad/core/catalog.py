"""Finding methods: one file in a folder is one method, without a list to keep."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

import yaml

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.core.yaml_text import load_yaml

Method = TypeVar("Method")


class Catalog(Generic[Method]):
    """The methods of one kind: every module of a package that defines a concrete subclass of a base.

    A method's name is the name of its file. Other packages add theirs through the entry-point group
    of the same name as the package (`antigrad.credit = {my_rule = "my_package.my_rule:MyRule"}`).

    Args:
        package: Dotted name of the package to scan; also the entry-point group.
        base: The class every method of this kind derives from.
        others: Packages whose methods are taken for those of this one, and what they are for.

    Example:
        >>> from antigrad.credit import CREDIT
        >>> "nthr" in CREDIT.names()
        True
    """

    def __init__(self, package: str, base: type[Method], others: Mapping[str, str] | None = None) -> None:
        self.package, self.base, self._others = package, base, dict(others or {})

    @cached_property
    def classes(self) -> dict[str, type[Method]]:
        """Name and class of each method, found by scanning once.

        Raises:
            InputValueError: A file defines two methods, or an entry point is not a method.
        """
        found: dict[str, type[Method]] = {}
        for module_info in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            module = importlib.import_module(f"{self.package}.{module_info.name}")
            here = [
                item for item in vars(module).values() if self._is_method(item) and item.__module__ == module.__name__
            ]
            if len(here) > 1:
                raise InputValueError(
                    f"{module.__name__} defines {len(here)} methods", "one file, one method", "split the file"
                )
            if here:
                found[module_info.name] = here[0]
        for point in entry_points(group=self.package):
            item = point.load()
            if point.name in found:
                raise InputValueError(
                    f"entry point {point.value!r} named {point.name!r}",
                    "a new name",
                    "rename it; that method exists here",
                )
            if not self._is_method(item):
                raise InputValueError(
                    f"entry point {point.value!r}",
                    f"a dataclass derived from {self.base.__name__}",
                    "fix the entry point",
                )
            found[point.name] = item
        return dict(sorted(found.items()))

    def _is_method(self, item: Any) -> bool:
        return (
            inspect.isclass(item)
            and issubclass(item, self.base)
            and item is not self.base
            and not inspect.isabstract(item)
            and is_dataclass(item)
        )

    def names(self) -> list[str]:
        """Names of all methods.

        Returns:
            Sorted names.
        """
        return list(self.classes)

    def name_of(self, method: Method | type[Method]) -> str:
        """Return the name under which a method's class was found.

        Args:
            method: An instance or a class.

        Returns:
            The name, or the class's own name if it is not in the catalog.
        """
        kind = method if inspect.isclass(method) else type(method)
        return next((name for name, known in self.classes.items() if known is kind), kind.__name__)

    def make(self, spec: str) -> Method:
        """Build a method from `name` or `name(option=value, ...)`.

        Args:
            spec: For example `nthr(beta=0.1,anchor=others)`. Values are read as YAML scalars.

        Returns:
            The method.

        Raises:
            InputValueError: The name or an option is unknown, or a value is refused.
        """
        name, options = parse_spec(spec)
        if name not in self.classes:
            hint = self._elsewhere(name) + did_you_mean(name, self.names())
            raise InputValueError(f"unknown method {name!r}", f"one of {self.package}", hint)
        known = [field.name for field in fields(self.classes[name])]  # pyright: ignore[reportArgumentType]
        for key in options:
            if key not in known:
                raise InputValueError(f"option {key!r} of {name}", "an option it has", did_you_mean(key, known))
        return self.classes[name](**options)

    def _elsewhere(self, name: str) -> str:
        # A method of another kind is no slip of the keyboard.
        return "".join(
            f"{name} is one of {package}, for {use}; "
            for package, use in self._others.items()
            if name.isidentifier() and find_spec(f"{package}.{name}") is not None
        )


def parse_spec(text: str) -> tuple[str, dict[str, Any]]:
    """Read `name` or `name(option=value, ...)`.

    Args:
        text: The spec. Values are read as YAML, so `[1,2]` is a list.

    Returns:
        The name, and the value of each option.

    Raises:
        InputValueError: The text is not of that form.

    Example:
        >>> parse_spec("chain_sum(min_terms=2, operators=['+','-'])")
        ('chain_sum', {'min_terms': 2, 'operators': ['+', '-']})
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] (a key of a YAML file)
        raise InputValueError(f"{text!r}", "name(option=value,...)", "write a name")
    name, bracket, rest = text.strip().partition("(")
    if bracket and not rest.endswith(")"):
        raise InputValueError(f"{text!r}", "name(option=value,...)", "close the bracket")
    options: dict[str, Any] = {}
    for item in split_specs(rest.removesuffix(")")):
        key, equals, value = (piece.strip() for piece in item.partition("="))
        if not equals or key in options:
            raise InputValueError(
                f"{item!r} in {text!r}", "option=value", "give it once" if equals else "name the option"
            )
        try:
            options[key] = _scalar(value)
        except yaml.YAMLError as error:
            raise InputValueError(f"{item!r} in {text!r}", "a YAML value", "put it in quotes") from error
    return name.strip(), options


def _scalar(text: str) -> Any:
    value = load_yaml(text)
    if value == text and text:
        with contextlib.suppress(ValueError):  # YAML takes 1e-3 and -inf for text
            return float(text)
    return value


def split_specs(text: str) -> list[str]:
    """Split `a,b(x=1,y=2),c` at the commas outside brackets.

    Args:
        text: Specs joined by commas.

    Returns:
        One text a spec, empty ones left out.

    Example:
        >>> split_specs("none, nthr(beta=0,anchor=others)")
        ['none', 'nthr(beta=0,anchor=others)']
    """
    pieces, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += sign
    return [piece.strip() for piece in pieces if piece.strip()]
