"""What the files of methods say of themselves, read without importing them: names and first lines."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path


@dataclass(frozen=True)
class _Source:
    """A module as it is written.

    Args:
        classes: Name and definition of each class.
        imported: Name, and the module and the name there that it comes from.
    """

    classes: dict[str, ast.ClassDef]
    imported: dict[str, tuple[str, str]]


def outline(package: str, base: str) -> dict[str, str]:
    """List the methods of a package as its `Catalog` does, from the text of its files.

    Nothing is imported: not the package, not what it needs.

    Args:
        package: Dotted name of the package; also the entry-point group.
        base: Name of the class every method of this kind derives from.

    Returns:
        Name and first line of the documentation of each method, sorted. For a method of another package that
        is not found as a file, where it comes from.

    Example:
        >>> outline("antigrad.credit", "CreditRule")["none"]
        'GRPO as it is.'
    """
    found: dict[str, str] = {}
    home = _file(package)
    for item in pkgutil.iter_modules([str(home.parent)] if home else []):
        module = f"{package}.{item.name}"
        for node in _read(module).classes.values():
            if _is_concrete(node) and _derives(module, node, base):
                found[item.name] = _first_line(node)
    return dict(sorted((found | {point.name: _foreign(point) for point in entry_points(group=package)}).items()))


def _foreign(point: EntryPoint) -> str:
    module, _, name = point.value.partition(":")
    definition = _definition(module, name)
    return _first_line(definition[1]) if definition else f"from {point.value}"


def _first_line(node: ast.ClassDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _is_concrete(node: ast.ClassDef) -> bool:
    own = [item for item in node.body if isinstance(item, ast.FunctionDef)]
    abstract = any(_name(mark) == "abstractmethod" for item in own for mark in item.decorator_list)
    return not abstract and any(_name(mark) == "dataclass" for mark in node.decorator_list)


def _derives(module: str, node: ast.ClassDef, base: str) -> bool:
    # A parent is known by its name, or through the files it is defined in, of whatever package.
    parents = [_name(parent) for parent in node.bases]
    definitions = [_definition(module, name) for name in parents]
    return base in parents or any(found[1].name == base or _derives(*found, base) for found in definitions if found)


def _definition(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    source = _read(module)
    if name in source.classes:
        return module, source.classes[name]
    return _definition(*source.imported[name]) if name in source.imported else None


def _name(expression: ast.expr) -> str:
    # `dataclass`, `dataclasses.dataclass`, `dataclass(frozen=True)` and `Rule[int]` by their last name.
    while isinstance(expression, ast.Call | ast.Subscript):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


@cache
def _read(module: str) -> _Source:
    file = _file(module)
    body = ast.parse(file.read_bytes()).body if file else []
    package = module if file and file.stem == "__init__" else module.rpartition(".")[0]
    imported: dict[str, tuple[str, str]] = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            imported |= {item.asname or item.name: (origin, item.name) for item in node.names}
    return _Source({node.name: node for node in body if isinstance(node, ast.ClassDef)}, imported)


@cache
def _file(module: str) -> Path | None:
    # Only the top of a dotted name goes through Python's finders: for what is below, they import what is above.
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    places = [Path(place, *rest) for place in (spec.submodule_search_locations or [])] if spec else []
    files = [file for place in places for file in (place / "__init__.py", place.with_name(f"{place.name}.py"))]
    files += [Path(spec.origin)] if spec and spec.origin and not rest else []
    return next((file for file in files if file.is_file() and file.suffix == ".py"), None)
