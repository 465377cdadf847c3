"""Small helps around the argument parser: what people type, and all unknown keys at once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import formatannotation
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import yaml

from antigrad.core.catalog import split_specs
from antigrad.core.errors import did_you_mean, raise_all
from antigrad.core.files import is_there
from antigrad.core.settings import Settings
from antigrad.core.unicode import half_character
from antigrad.core.yaml_text import UnboundedError, load_yaml


def kinds(settings: type[Any], above: str = "") -> dict[str, str]:
    """Name the type of each setting, of nested settings too.

    Args:
        settings: The dataclass of the settings.
        above: What its names begin with.

    Returns:
        Name, dotted for nested settings, and type as it is written.
    """
    types, out = get_type_hints(settings), dict[str, str]()
    for field in dataclasses.fields(settings):
        written = field.type if isinstance(field.type, str) else formatannotation(field.type)
        if get_origin(types[field.name]) is Literal:  # whatever name it goes by
            written = f"one of {', '.join(map(str, get_args(types[field.name])))}"
        out[f"{above}{field.name}"] = written.replace("typing.", "")
        if dataclasses.is_dataclass(types[field.name]):
            out |= kinds(types[field.name], f"{above}{field.name}.")
    return out


def as_typed(settings: type[Any], argv: Sequence[str]) -> list[str]:
    """Let settings be written as people write them.

    Lists may have commas (`--arms none,nthr(beta=0,anchor=others)`), switches need no value
    (`--resume`), and names may have dashes (`--step-sizes`).

    Args:
        settings: The dataclass of the settings.
        argv: Arguments as typed.

    Returns:
        Arguments as the parser wants them.

    Example:
        >>> from antigrad.posttraining.diagnose.settings import DiagnoseConfig
        >>> as_typed(DiagnoseConfig, ["--arms", "none,nthr(beta=0)", "--step-sizes=1e-6,1e-5", "--resume"])
        ['--arms', '["none", "nthr(beta=0)"]', '--step_sizes=[1e-6, 1e-5]', '--resume=true']
    """
    types = {f"--{name}": kind for name, kind in kinds(settings).items()}
    out: list[str] = []
    for place, word in enumerate(argv := in_our_words(settings, argv)):
        before = out[-1] if out else ""
        if types.get(before, "").startswith("list"):
            out.append(_json_list(word, quoted="str" in types[before]))
            continue
        flag, equals, value = word.partition("=")
        flag = f"--{flag[2:].replace('-', '_')}" if flag.startswith("--") else flag
        kind = types.get(flag, "")
        if kind == "bool" and not equals and [*argv, ""][place + 1].lower() not in ("true", "false"):
            out.append(f"{flag}=true")
        elif kind.startswith("list") and equals:
            out.append(f"{flag}={_json_list(value, quoted='str' in kind)}")
        else:
            out.append(f"{flag}{equals}{value}")
    return out


def in_our_words(settings: type[Any], argv: Sequence[str]) -> list[str]:
    """Put our names in the place of those that other libraries have for a setting.

    Args:
        settings: The dataclass of the settings.
        argv: Arguments as typed.

    Returns:
        The same arguments.

    Raises:
        ManyInputsError: A setting is given by both names.

    Example:
        >>> from antigrad.posttraining.diagnose.settings import DiagnoseConfig
        >>> in_our_words(DiagnoseConfig, ["--num-generations=4", "--limit", "8", "--seed", "1"])
        ['--rollouts=4', '--questions', '8', '--seed', '1']
    """
    known = {*kinds(settings), "config", "json", "help", "print_config"}
    out: list[str] = []
    ours: dict[str, str] = {}
    for word in argv:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if flag.startswith("--") and name.partition(".")[0].removesuffix("+") not in known:
            found: str | None = settings.our_name(name) if issubclass(settings, Settings) else None
            if found is not None:
                ours[name] = found
                word = f"--{found}{equals}{value}"
        out.append(word)
    typed = [word.partition("=")[0].removeprefix("--").replace("-", "_") for word in out if word.startswith("--")]
    doubled = [name for name, found in ours.items() if typed.count(found) > 1]
    raise_all("settings", [f"{name} is given twice: it is {ours[name]} here" for name in doubled])
    return out


def with_names(positional: Sequence[str], argv: Sequence[str]) -> list[str]:
    """Give words without a flag the names of the settings they stand for.

    Args:
        positional: Names of the settings, in the order they are typed; none changes nothing. One that ends in `…`
            takes all words from its place on, as a list.
        argv: Arguments as the parser wants them: a flag has its value after `=`, or as the next word.

    Returns:
        Arguments without such words.

    Raises:
        ManyInputsError: There are more words than names, or a setting is given both ways.

    Example:
        >>> with_names(["before", "after"], ["old", "--seed", "1", "new", "--json"])
        ['--before=old', '--seed', '1', '--after=new', '--json']
        >>> with_names(["images…"], ["a.jpg", "--seed", "1", "b, c.jpg"])
        ['--seed', '1', '--images=["a.jpg", "b, c.jpg"]']
    """
    if positional and positional[-1].endswith("…"):
        return _with_list(positional[-1].removesuffix("…"), argv)
    out: list[str] = []
    bare: list[str] = []
    for word in argv:
        if word.startswith("-") or (out and out[-1].startswith("--") and _needs_value(out[-1])) or not positional:
            out.append(word)
            continue
        if len(bare) < len(positional):
            out.append(f"--{positional[len(bare)]}={word}")
        bare.append(word)
    problems = [
        f"unexpected {word!r}: only {', '.join(positional)} go without a name" for word in bare[len(positional) :]
    ]
    flags = [word.partition("=")[0] for word in out]
    doubled = [name for name in positional[: len(bare)] if flags.count(f"--{name}") > 1]
    problems += [f"{name} is given twice, with its name and without" for name in doubled]
    raise_all("settings", problems)
    return out


def _with_list(name: str, argv: Sequence[str]) -> list[str]:
    # The words without a flag, wherever they are, as one list.
    out: list[str] = []
    bare: list[str] = []
    for word in argv:
        is_value = word.startswith("-") or (out and out[-1].startswith("--") and _needs_value(out[-1]))
        (out if is_value else bare).append(word)
    doubled = bare and any(word.partition("=")[0] == f"--{name}" for word in out)
    raise_all("settings", [f"{name} is given twice, with its name and without"] if doubled else [])
    return [*out, f"--{name}={json.dumps(bare, ensure_ascii=False)}"] if bare else out


def _needs_value(flag: str) -> bool:
    return "=" not in flag and flag not in ("--json", "--help", "--print_config")


def file_first(argv: Sequence[str]) -> list[str]:
    """Put `--config FILE` before all other words: the parser lets what comes later win.

    Args:
        argv: Arguments.

    Returns:
        The same words.

    Example:
        >>> file_first(["--seed", "1", "--config", "a.yaml", "--json"])
        ['--config', 'a.yaml', '--seed', '1', '--json']
    """
    first: list[str] = []
    rest: list[str] = []
    for place, word in enumerate(argv):
        belongs = word.partition("=")[0] == "--config" or (place > 0 and argv[place - 1] == "--config")
        (first if belongs else rest).append(word)
    return [*first, *rest]


def wrong_kinds(settings: type[Any], parse: Callable[[list[str]], Any], argv: Sequence[str]) -> list[str]:
    """Find every value of the wrong kind; a parser stops at the first.

    Args:
        settings: The dataclass of the settings.
        parse: The parser's: raises an exception that names the key.
        argv: Arguments as the parser wants them, `--config` first.

    Returns:
        What was given and what is expected, one a setting.
    """
    types = kinds(settings)
    given: list[tuple[str, str]] = []
    for place, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        value = value if equals else next(iter(argv[place + 1 :]), "")
        if flag == "--config":
            content = _flat(load_yaml(Path(value).read_text(encoding="utf-8")) or {}, types)
            given += [
                (key, one if isinstance(one, str) else json.dumps(one, default=str)) for key, one in content.items()
            ]
        elif flag.startswith("--"):
            given.append((flag.removeprefix("--").removesuffix("+"), value))
    problems: list[str] = []
    for name, value in given:
        try:
            parse([f"--{name}={value}"] if name in types else [])
        except Exception as error:
            if f'"{name}"' in str(error):
                problems.append(f"{name}={value}: expected {types[name]}")
    return problems


def unusable(value: Any, name: str = "") -> list[str]:
    """Find what no setting has a use for: whole numbers of more than 64 bits, and texts with half of a character.

    Args:
        value: Settings: a dataclass, mapping, list or leaf.
        name: Its dotted name.

    Returns:
        One sentence each.

    Example:
        >>> unusable({"seed": 2**63, "steps": 3})
        ['seed=9223372036854775808: from -9223372036854775808 to 9223372036854775807']
    """
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        items = cast(dict[Any, Any], value).items()
        return [problem for key, one in items for problem in unusable(one, f"{name}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [problem for one in cast(list[Any], value) for problem in unusable(one, name)]
    if isinstance(value, str | Path):
        half = half_character(str(value))
        return [f"{name}={str(value)!r}: half of a character, {half}, or a name that is not UTF-8"] if half else []
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        shown = str(value) if abs(value) < 10**100 else "a number of more than 100 digits"
        return [f"{name}={shown}: from {-(2**63)} to {2**63 - 1}"]
    return []


def _json_list(text: str, *, quoted: bool) -> str:
    if text.strip().startswith("["):
        return text
    items = [json.dumps(item) if quoted else item for item in _whole_paths(split_specs(text))]
    return f"[{', '.join(items)}]"


def _whole_paths(items: Sequence[str]) -> list[str]:
    """Put pieces together again that are one path with commas in it.

    Args:
        items: What stood between commas.

    Returns:
        The items; the longest run of pieces that is there under its whole name is one.
    """
    out: list[str] = []
    rest = list(items)
    while rest:
        lengths = range(len(rest), 1, -1)
        whole = ((n, comma.join(rest[:n])) for n in lengths for comma in (",", ", "))
        count, name = next((found for found in whole if is_there(found[1])), (1, rest[0]))
        out.append(name)
        rest = rest[count:]
    return out


def check_keys(
    argv: Sequence[str], known: Iterable[str], named: Callable[[str], str | None] = lambda name: None
) -> None:
    """Refuse unknown flags and unknown keys of a `--config` file, all at once, with suggestions.

    Args:
        argv: Arguments as typed.
        known: Names of the settings.
        named: Finds our name for that of another library.

    Raises:
        ManyInputsError: At least one is unknown, or the file can't be read.
    """
    names = [*known, "config", "json"]
    problems: list[str] = []
    for place, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").removesuffix("+")  # the parser appends to a list with `--arms+`
        if not flag.startswith("--"):
            continue
        # `--trl.beta` sets one key of the setting `trl`, a mapping; the keys of nested settings are known.
        above = name.partition(".")[0]
        free = above in names and not any(one.startswith(f"{above}.") for one in names)
        if name not in (*names, "print_config") and not free:
            problems.append(f"unknown option --{name}: {did_you_mean(name, names)}")
        value = value if equals else next(iter(argv[place + 1 :]), "")
        problems += (
            _problems_of_file(Path(value), names, named) if name == "config" else _problems_of_value(name, value)
        )
    raise_all("settings", problems)


def _problems_of_value(name: str, value: str) -> list[str]:
    # The parser reads values as YAML, and some of them without its loader.
    try:
        load_yaml(value)
    except UnboundedError as error:
        return [f"--{name}: {error}"]
    except yaml.YAMLError:
        pass  # a text, or a value of the wrong kind: the parser says so
    return []


def _problems_of_file(path: Path, names: list[str], named: Callable[[str], str | None]) -> list[str]:
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [f"--config {path}: {error}"]
    if content is None:
        return []
    if not isinstance(content, dict):
        return [f"--config {path}: a mapping of settings is expected, found {type(content).__name__}"]
    keys = _flat(cast(dict[Any, Any], content), names)
    ours = {key: named(str(key)) for key in keys if key not in names}
    return [
        f"{path}: unknown setting {key}: {f'it is {own} here' if own else did_you_mean(key, names)}"
        for key, own in ours.items()
    ]


def _flat(content: Mapping[Any, Any], names: Iterable[str], above: str = "") -> dict[str, Any]:
    # The keys of nested settings with dots; a setting that is a mapping is left whole.
    out: dict[str, Any] = {}
    for key, value in content.items():
        name = f"{above}{key}"
        nested = isinstance(value, dict) and any(one.startswith(f"{name}.") for one in names)
        out |= _flat(cast(dict[Any, Any], value), names, f"{name}.") if nested else {name: value}
    return out
