"""What of this package's extras is not installed, and the line that brings it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version


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


@cache
def is_missing(extra: str) -> bool:
    """Look whether a package of an extra is not installed; once, as packages do not come and go while this runs.

    Args:
        extra: Its name.

    Returns:
        True if one is missing.
    """
    return not all(map(_installed, _packages(extra)))


def _packages(extra: str) -> list[str]:
    # From the metadata of the installation: there is no list to keep beside the one in pyproject.toml.
    try:
        lines = requires("antigrad") or []
    except PackageNotFoundError:  # run from a folder of sources
        return []
    marked = [line for line in lines if re.search(rf"""extra == ['"]{extra}['"]""", line)]
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in marked]


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
