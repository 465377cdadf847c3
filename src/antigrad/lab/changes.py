"""Settings of a study that are different: what may take the place of what, inside of mappings and lists too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from antigrad.core.errors import did_you_mean

_FROM_ZERO = ("centre", "centres", "trap", "places")
"""Whole numbers that are places and no counts: the first place is 0."""

_SPARE = ("boundaries",)
"""Lists that a study can do without: further cases beside a main one."""


def misfits(own: Any, base: Any, place: str) -> list[str]:
    """Look for what can't take the place of settings.

    Args:
        own: What is to be different.
        base: What it replaces: kinds, lengths and the least of whole numbers are read off it.
        place: Name of the setting.

    Returns:
        One problem each: unknown names, words where numbers are, numbers that are not finite, counts below 1, empty
        lists, entries that lack something.

    Example:
        >>> misfits({"steps": 0, "levels": []}, {"steps": 10, "levels": [0.5]}, "settings")
        ['steps 0: at least 1', 'levels []: at least one entry']
    """
    if isinstance(base, dict):
        return _of_mapping(own, cast(dict[Any, Any], base), place)
    if isinstance(base, list):
        return _of_list(own, cast(list[Any], base), place)
    number = isinstance(base, int | float) and not isinstance(base, bool)
    fits = isinstance(own, int | float) and not isinstance(own, bool) if number else isinstance(own, type(base))
    if not fits or (isinstance(base, int) and isinstance(own, float)):
        return [f"{place} {own!r}: like {base!r}"]
    if not number:
        return []
    if not math.isfinite(own):
        return [f"{place} {own!r}: a finite number"]
    least = int(base >= 1 and place.removeprefix("an entry of ") not in _FROM_ZERO)
    return [f"{place} {own!r}: at least {least}"] if isinstance(base, int) and own < least else []


def _of_mapping(own: Any, base: dict[Any, Any], place: str) -> list[str]:
    known = {str(key): value for key, value in base.items()}
    if not isinstance(own, dict):
        return [f"{place} {own!r}: a mapping of {', '.join(known)}"]
    given = {str(key): value for key, value in cast(dict[Any, Any], own).items()}
    free = _by_number(base)  # `levels` by the centre of a peak: another peak has its own
    problems: list[str] = []
    for key, value in given.items():
        if key in known or (free and _is_number(key)):
            problems += misfits(value, known.get(key, next(iter(known.values()))), key if key in known else place)
        else:
            problems.append(f"unknown setting {key}: {did_you_mean(key, known)}")
    return problems


def _of_list(own: Any, base: list[Any], place: str) -> list[str]:
    if not isinstance(own, list):
        return [f"{place} {own!r}: a list"]
    items = cast(list[Any], own)
    if not base:
        return []
    if not items and place in _SPARE:
        return []
    if not items:
        return [f"{place} []: at least one entry"]
    name, first = f"an entry of {place}", base[0]
    if isinstance(first, dict):
        needed = set.intersection(*({str(key) for key in cast(dict[Any, Any], one)} for one in base))
        lacking = [
            f"{name} {item!r}: {', '.join(sorted(needed - set(map(str, item))))} is missing"
            for item in items
            if isinstance(item, dict) and not needed <= set(map(str, cast(dict[Any, Any], item)))
        ]
        return lacking + [problem for item in items for problem in misfits(item, first, name)]
    if isinstance(first, list):
        sizes = {len(cast(list[Any], one)) for one in base}
        odd = [item for item in items if not isinstance(item, list) or (len(sizes) == 1 and len(item) not in sizes)]
        if odd:
            return [f"{name} {odd[0]!r}: a list of {min(sizes)}"]
        pairs = [(one, like) for item in items for one, like in zip(item, cast(list[Any], first), strict=False)]
        return [problem for one, like in pairs for problem in misfits(one, like, name)]
    least = min(base) if isinstance(first, int) else first
    return [problem for item in items for problem in misfits(item, least, name)]


def _by_number(base: Mapping[Any, Any]) -> bool:
    return bool(base) and all(_is_number(key) for key in base)


def _is_number(key: Any) -> bool:
    try:
        return math.isfinite(float(key))
    except (TypeError, ValueError):
        return False


def changed(base: dict[Any, Any], own: Mapping[Any, Any]) -> dict[Any, Any]:
    """Change some settings, inside of mappings too.

    Args:
        base: All settings.
        own: Those that are different. A record of settings has numbers as texts for keys.

    Returns:
        All settings.
    """
    out, names = dict(base), {str(key): key for key in base}
    for name, value in own.items():
        key = names.get(str(name))
        if key is None:
            key = (float(name) if "." in str(name) else int(name)) if _by_number(base) else name
        here = out.get(key)
        out[key] = changed(cast(dict[Any, Any], here), value) if isinstance(here, dict) else value
    return out


def shifted(settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Add to every seed.

    Args:
        settings: With `seed`, or `seeds` as a list, anywhere.
        seed: What is added.

    Returns:
        The settings; a number of seeds stays.
    """
    out: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "seed":
            out[key] = value + seed
        elif key == "seeds" and isinstance(value, list):
            out[key] = [one + seed for one in cast(list[int], value)]
        else:
            out[key] = shifted(cast(dict[str, Any], value), seed) if isinstance(value, dict) else value
    return out
