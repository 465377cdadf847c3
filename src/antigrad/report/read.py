"""Reading `artifacts/page.json` back into its dataclasses, with the place of the fault when it is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.ledger import from_json
from antigrad.core.page import ARTIFACT, Page, Section, Verdict
from antigrad.core.runs import RunFolder

# Takes a JSON value; gives it as its type of the schema, or raises ValueError with the place and the fault.
Decoder = Callable[[Any], Any]

_SECTIONS = {kind.__dataclass_fields__["kind"].default: kind for kind in get_args(Section)}
_FIX = ("the page as its job wrote it", "restore the file, or run the job again")
_LEAVES: dict[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (float, int),
    NoneType: (NoneType,),
}


def read_page(run: RunFolder) -> Page:
    """Read what the job says about itself.

    Args:
        run: The run.

    Returns:
        The page.

    Raises:
        AntigradError: The job has not written a page: it is not finished.
        InputValueError: The file is not the JSON of a page.
    """
    path = run.artifact(ARTIFACT)
    if not path.is_file():
        raise AntigradError(
            f"{run.path} has no artifacts/{ARTIFACT}: the run is not finished",
            "a finished run",
            f"run `antigrad {run.facts.get('job', 'JOB')}` again with the same settings, "
            f"--output {run.path} and --resume",
        )
    try:
        value = from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise InputValueError(f"damaged {path}: {error}", *_FIX) from error
    if isinstance(value, dict) and "lead" in value:  # written before pages had a verdict
        value = {**value, "verdict": value["lead"]}
        del value["lead"]
    try:
        return _decoder(Page)(value)
    except ValueError as error:
        raise InputValueError(f"damaged {path}: page{error}", *_FIX) from error
    except RecursionError as error:
        raise InputValueError(f"damaged {path}: nested too deep", *_FIX) from error


def _fault(value: Any, expected: str) -> ValueError:
    return ValueError(f" is {str(value)[:60]!r}, not {expected}")


@cache
def _decoder(hint: Any) -> Decoder:
    """Make the decoder of a type; once, since a page may hold a quarter of a million tokens.

    Args:
        hint: A dataclass, `Sequence`, `dict`, `Literal`, union or leaf type of the schema.

    Returns:
        The decoder.
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: value
    if hint == Section:
        return _section
    if hint == Verdict | str:
        return _verdict
    if is_dataclass(hint):
        return _record(cast(type, hint))
    if origin is Sequence:
        return _list(_decoder(args[0]))
    if origin is dict:
        return _dict(_decoder(args[1]))
    if origin is Literal:
        return _leaf(lambda value: value in args, f"one of {args}")
    options = args if origin in (Union, UnionType) else (hint,)
    kinds = tuple(kind for option in options for kind in _LEAVES[option])
    return _leaf(lambda value: isinstance(value, kinds), " or ".join(option.__name__ for option in options))


def _leaf(is_right: Callable[[Any], bool], expected: str) -> Decoder:
    def decode(value: Any) -> Any:
        if not is_right(value):
            raise _fault(value, expected)
        return value

    return decode


def _list(item: Decoder) -> Decoder:
    def decode(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _fault(value, "a list")
        done: list[Any] = []
        try:
            for one in value:
                done.append(item(one))  # noqa: PERF401 (its length is the place of a fault)
        except ValueError as error:
            raise ValueError(f"[{len(done)}]{error}") from None
        return done

    return decode


def _dict(item: Decoder) -> Decoder:
    def decode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _fault(value, "a mapping")
        return _items(value, dict.fromkeys(value, item))

    return decode


def _items(value: dict[str, Any], decoders: dict[str, Decoder]) -> dict[str, Any]:
    key, done = "", {}
    try:
        for key, one in value.items():
            done[key] = decoders[key](one)
    except ValueError as error:
        raise ValueError(f".{key}{error}") from None
    return done


def _record(kind: type) -> Decoder:
    decoders = {key: _decoder(hint) for key, hint in get_type_hints(kind).items()}
    needed = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _fault(value, f"a {kind.__name__}")
        if not needed <= value.keys() <= decoders.keys():
            wrong = sorted((needed - value.keys()) | (value.keys() - decoders.keys()))
            raise ValueError(f" is a {kind.__name__} with keys missing or unknown: {wrong}")
        return kind(**_items(value, decoders))

    return decode


def _verdict(value: Any) -> Any:
    return Verdict("", value, "", "") if isinstance(value, str) else _decoder(Verdict)(value)


def _section(value: Any) -> Any:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _SECTIONS:
        raise ValueError(f" is of kind {kind!r}, not one of {sorted(_SECTIONS)}")
    return _decoder(_SECTIONS[kind])(value)
