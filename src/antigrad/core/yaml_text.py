"""YAML that people write: bounded, and every fault in it is a `yaml.YAMLError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

DEEPEST = 100
"""Levels of lists and mappings in each other."""
GROWTH = 10
"""How many times larger a text may become by what its aliases repeat."""


class UnboundedError(yaml.YAMLError):
    """YAML that would not end: an alias of itself, one that repeats too much, or levels without number."""


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str, read: Callable[[str], Any] | None = None) -> Any:
    """Read YAML whose aliases and depth are bounded.

    Args:
        text: What was written.
        read: Reads it once its bounds are known; plain YAML when None.

    Returns:
        Plain values.

    Raises:
        UnboundedError: It would not end: an alias leads to itself or repeats too much, or it is nested too deep.
        YAMLError: It is no YAML, or a value is not of the kind that its tag or its form says, as the date 2020-99-99.

    Example:
        >>> load_yaml("arms: [none, nthr]")
        {'arms': ['none', 'nthr']}
    """
    try:
        _check(yaml.compose(text, Loader=_LOADER))
        return yaml.load(text, Loader=_LOADER) if read is None else read(text)  # noqa: S506 (a safe loader)
    except yaml.YAMLError:
        raise
    except RecursionError as error:
        raise UnboundedError("nested too deep") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # constructors raise what their values raise
        raise yaml.YAMLError(f"a value can't be read ({error})") from error


def _check(root: yaml.Node | None) -> None:
    # Sizes with every alias written out, from the leaves up; each node is met once, however often it is repeated.
    sizes: dict[int, int] = {}
    above: set[int] = set()

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key in above:
            raise UnboundedError(f"an alias leads to itself{_place(node)}")
        if len(above) > DEEPEST:
            raise UnboundedError(f"nested deeper than {DEEPEST} levels{_place(node)}")
        if key not in sizes:
            above.add(key)
            sizes[key] = 1 + sum(map(size, _below(node)))
            above.discard(key)
        return sizes[key]

    if root is not None and size(root) > GROWTH * len(sizes) + 1000:
        raise UnboundedError(f"aliases repeat too much: {len(sizes)} values become more than {GROWTH} times as many")


def _below(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _place(node: yaml.Node) -> str:
    return f", line {node.start_mark.line + 1}" if node.start_mark else ""
