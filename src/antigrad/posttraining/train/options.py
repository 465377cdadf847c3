"""Options of other libraries, checked before anything is loaded: their own checks come late, and one at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from antigrad.core.errors import AntigradError, did_you_mean
from antigrad.language.adapters import adapter_of


def check_trl(
    options: Mapping[str, Any], kind: type[Any], ours: Mapping[str, str], *, whole: Sequence[str] = ()
) -> list[str]:
    """Check options of one of TRL's configurations: that they exist, are not settings of ours, and are of their kind.

    Args:
        options: As they were given.
        kind: TRL's configuration, a dataclass.
        ours: Its options that are settings of ours, and which.
        whole: Its options that take a whole number from 1, though their defaults do not say so.

    Returns:
        Problems.
    """
    defaults = {one.name: one.default for one in fields(kind) if one.init}
    problems = [
        f"trl.{key}: set --{ours[key]} instead" if key in ours else f"trl.{key}: {did_you_mean(key, defaults)}"
        for key in options
        if key in ours or key not in defaults
    ]
    written = {one.name: str(one.type) for one in fields(kind)}
    for name, value in options.items():
        default = defaults.get(name)
        if value is None:
            continue
        number = isinstance(default, int | float) or _NUMBER.fullmatch(written.get(name, "")) is not None
        if isinstance(default, bool):
            if not isinstance(value, bool):
                problems.append(f"trl.{name}={value!r}: true or false is needed")
        elif number and (isinstance(value, bool) or not isinstance(value, int | float)):
            problems.append(f"trl.{name}={value!r}: a number is needed")
    problems += _trackers(options.get("report_to"))
    for name in whole:
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            problems.append(f"trl.{name}={value!r}: a whole number from 1 is needed")
    return problems


_NUMBER = re.compile(r"(typing\.)?(Optional\[)?(int|float)( \| (int|float))*( \| None)?\]?")
"""A kind of option whose default, None, does not say that it is a number."""


def _trackers(asked: Any) -> list[str]:
    # transformers finds out when the model is loaded, or questions were answered.
    names = [one for one in (asked if isinstance(asked, list) else [asked]) if one not in (None, "all", "none")]
    if not names:
        return []
    from transformers.integrations.integration_utils import (
        INTEGRATION_TO_CALLBACK,
        get_available_reporting_integrations,
    )

    there = get_available_reporting_integrations()
    return [
        f"trl.report_to={name}: the package is missing; pip install {str(name).replace('_', '-')}"
        if name in INTEGRATION_TO_CALLBACK
        else f"trl.report_to={name}: {did_you_mean(str(name), INTEGRATION_TO_CALLBACK)}"
        for name in names
        if name not in there
    ]


def check_lora(options: Mapping[str, Any]) -> list[str]:
    """Check options of PEFT's `LoraConfig`.

    Args:
        options: As they were given.

    Returns:
        Problems.
    """
    if not options:
        return []
    try:
        from peft import LoraConfig
    except ImportError:
        return ["lora: the package peft is missing; pip install 'antigrad[train]'"]
    names = [one.name for one in fields(LoraConfig) if one.init]
    problems = [f"lora.{key}: {did_you_mean(key, names)}" for key in options if key not in names]
    rank = options.get("r", 8)
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        problems.append(f"lora.r={rank!r}: a whole number from 1 is needed")
    if problems:
        return problems
    try:
        LoraConfig(**options)
    except (ValueError, TypeError) as error:
        return [f"PEFT refuses its options: {error}"]
    return []


def check_adapter(model: str, lora: Mapping[str, Any]) -> list[str]:
    """Refuse a second adapter on top of one: what it is saved with would name a model that is nowhere.

    Args:
        model: The model that is trained, as it was named.
        lora: Options of a new adapter.

    Returns:
        Problems.
    """
    try:
        adapter = adapter_of(model)
        if adapter is None:
            return []
        adapter.base()
    except AntigradError as error:
        return [f"model={model}: {error}"]
    if not lora:
        return []
    return [f"lora with model={model}, an adapter: it is trained on as it is; leave lora out, or merge it first"]
