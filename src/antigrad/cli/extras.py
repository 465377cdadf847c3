"""What of this package's extras is not installed, and the line that brings it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

from antigrad.core.packages import EXTRAS


def install_line(needs: Sequence[str]) -> str:
    """Say how to install the extras that are missing.

    Args:
        needs: Names of extras.

    Returns:
        `pip install 'antigrad[...]'` with those of which a package is missing; empty if none is.

    Example:
        >>> install_line([])
        ''
    """
    absent = [extra for extra in needs if is_missing(extra)]
    return f"pip install 'antigrad[{','.join(absent)}]'" if absent else ""


def line_for(module: str, needs: Sequence[str] = ()) -> str:
    """Say how to install what brings a module.

    Args:
        module: What could not be imported.
        needs: Extras of the command that wanted it, which come first where several bring it.

    Returns:
        `pip install` with all extras that the command still misses where one of them brings it, else with the extra of
        this package that does, or with the package itself where none does.

    Example:
        >>> line_for("reasoning_gym.utils", ["train"]), line_for("sklearn", ["unlearning"]), line_for("nvjpeg")
        ("pip install 'antigrad[posttraining]'", "pip install 'antigrad[unlearning]'", 'pip install nvjpeg')
    """
    top = module.partition(".")[0]
    package = _NAMES.get(top, top.replace("_", "-"))
    if any(_brings(extra, package) for extra in needs) and (line := install_line(needs)):
        return line
    known = [extra for extra, brought in EXTRAS.items() if package in brought]
    found = [extra for extra in needs if extra in known] or known
    return f"pip install 'antigrad[{found[0]}]'" if found else f"pip install {package}"


_NAMES = {"PIL": "pillow", "sklearn": "scikit-learn", "google": "protobuf", "yaml": "PyYAML"}
"""Modules that are called otherwise than their packages."""


@cache
def is_missing(extra: str) -> bool:
    """Look whether a package of an extra is not installed; once, as packages do not come and go while this runs.

    Args:
        extra: Its name.

    Returns:
        True if one is missing.
    """
    return not all(map(_installed, _packages(extra))) or any(map(is_missing, _inside(extra)))


def _brings(extra: str, package: str) -> bool:
    return package in map(str.lower, _packages(extra)) or any(_brings(one, package) for one in _inside(extra))


def _packages(extra: str) -> list[str]:
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in _lines(extra)]


def _inside(extra: str) -> list[str]:
    # `antigrad[report]; extra == "lab"`: an extra brings others.
    found = [re.match(r"antigrad\[([\w,-]+)\]", line) for line in _lines(extra)]
    return [name for one in found if one for name in one[1].split(",")]


def _lines(extra: str) -> list[str]:
    # From the metadata of the installation: there is no list to keep beside the one in pyproject.toml.
    try:
        lines = requires("antigrad") or []
    except PackageNotFoundError:  # run from a folder of sources
        return []
    return [line for line in lines if re.search(rf"""extra == ['"]{extra}['"]""", line)]


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
