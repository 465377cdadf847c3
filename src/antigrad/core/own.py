"""Code of your own outside the package, by `module:name` or `file.py:name`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_file


def attribute(spec: str) -> Any:
    """Import something by name.

    Args:
        spec: `module:Name`; the working folder is looked at as Python's own `-m` does. Or `path/to/file.py:Name`.

    Returns:
        The attribute.

    Raises:
        InputValueError: There is no such module, file or name, or it can't be imported.

    Example:
        >>> attribute("antigrad.core.files:is_file").__name__
        'is_file'
    """
    where, _, name = spec.rpartition(":")
    if not where or not name:
        raise InputValueError(f"{spec!r}", "module:Name or file.py:Name", "name what is to be imported")
    try:
        module = _file(Path(where)) if where.endswith(".py") else _module(where)
    except InputValueError:
        raise
    except Exception as error:  # whatever the file does when it is read
        given = f"{spec!r}: {type(error).__name__}: {error}"
        raise InputValueError(given, "a module that can be imported", "run it with Python alone to see") from error
    if not hasattr(module, name):
        known = [one for one in vars(module) if not one.startswith("_")]
        raise InputValueError(f"{spec!r}", f"a name in {where}", f"it has {', '.join(known[:10]) or 'none'}")
    return getattr(module, name)


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    finally:
        if added:
            sys.path.remove(here)


def _file(path: Path) -> ModuleType:
    if not is_file(path):
        raise InputValueError(f"{path}", "a file of Python code", "check the path")
    name = f"antigrad_own_{path.stem}_{abs(hash(str(path.resolve())))}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputValueError(f"{path}", "a file of Python code", "check the path")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
