"""Small helps around the argument parser: comma lists, and all unknown keys at once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from antigrad.core.catalog import split_specs
from antigrad.core.errors import did_you_mean, raise_all


def as_lists(settings: type[Any], argv: Sequence[str]) -> list[str]:
    """Let list settings be written with commas: `--arms none,nthr(beta=0,anchor=others)`.

    Args:
        settings: The dataclass of the settings.
        argv: Arguments as typed.

    Returns:
        Arguments in which such values are JSON lists.

    Example:
        >>> from antigrad.posttraining.settings import DiagnoseConfig
        >>> as_lists(DiagnoseConfig, ["--arms", "none,nthr(beta=0)", "--step_sizes=1e-6,1e-5"])
        ['--arms', '["none", "nthr(beta=0)"]', '--step_sizes=[1e-6, 1e-5]']
    """
    kinds = {field.name: str(field.type) for field in dataclasses.fields(settings)}
    lists = {f"--{name}": "str" in kind for name, kind in kinds.items() if kind.startswith("list")}
    out: list[str] = []
    for place, word in enumerate(argv):
        before = argv[place - 1] if place else ""
        flag, equals, value = word.partition("=")
        if before in lists:
            out.append(_json_list(word, quoted=lists[before]))
        elif equals and flag in lists:
            out.append(f"{flag}={_json_list(value, quoted=lists[flag])}")
        else:
            out.append(word)
    return out


def _json_list(text: str, *, quoted: bool) -> str:
    if text.strip().startswith("["):
        return text
    items = [json.dumps(item) if quoted else item for item in split_specs(text)]
    return f"[{', '.join(items)}]"


def check_keys(argv: Sequence[str], known: Iterable[str]) -> None:
    """Refuse unknown flags and unknown keys of a `--config` file, all at once, with suggestions.

    Args:
        argv: Arguments as typed.
        known: Names of the settings.

    Raises:
        ManyInputsError: At least one is unknown, or the file can't be read.
    """
    names = [*known, "config", "json"]
    problems: list[str] = []
    for place, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--")
        if not flag.startswith("--"):
            continue
        if name not in names:
            problems.append(f"unknown option --{name}: {did_you_mean(name, names)}")
        if name == "config":
            path = Path(value if equals else next(iter(argv[place + 1 :]), ""))
            problems += _problems_of_file(path, names)
    raise_all("settings", problems)


def _problems_of_file(path: Path, names: list[str]) -> list[str]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return [f"--config {path}: {error}"]
    if content is None:
        return []
    if not isinstance(content, dict):
        return [f"--config {path}: a mapping of settings is expected, found {type(content).__name__}"]
    keys = [str(key) for key in cast(dict[Any, Any], content)]
    return [f"{path}: unknown setting {key}: {did_you_mean(key, names)}" for key in keys if key not in names]
