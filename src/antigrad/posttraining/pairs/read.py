"""Reading pairs as people post them, and saying of every row that is left out why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any, NoReturn

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import InputValueError
from antigrad.core.files import is_there
from antigrad.core.unicode import half_character
from antigrad.posttraining.pairs.generate import Count
from antigrad.posttraining.pairs.pair import Messages, Pair, Text, Tokens, tokenize, words_of

NUMBERS = ("pvi", "reward_gap")
OPTIONS = ("tools", "chat_template_kwargs")
COLUMNS = ("prompt", "chosen", "rejected", "answer", "paraphrase", "system", *NUMBERS, *OPTIONS)


@dataclass(frozen=True)
class Excluded:
    """A row that is left out.

    Args:
        row: Its number in the source, from 1.
        reason: Why, in a word or two; the same words for the same reason.
        detail: What was found.
    """

    row: int
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class PairSet:
    """Pairs, and rows that are none.

    Args:
        pairs: The pairs.
        tokens: Their token ids.
        excluded: Rows that were left out.
        counts: What became of each question, where pairs were made from answers.
    """

    pairs: tuple[Pair, ...]
    tokens: tuple[Tokens, ...]
    excluded: tuple[Excluded, ...]
    counts: tuple[Count, ...] = ()

    def reasons(self) -> dict[str, list[int]]:
        """Rows by the reason they were left out.

        Returns:
            Reason, and row numbers.
        """
        names = Counter(one.reason for one in self.excluded)
        return {name: [one.row for one in self.excluded if one.reason == name] for name, _ in names.most_common()}


def read_rows(source: str) -> Iterator[Mapping[str, Any]]:
    """Read rows of a Parquet, JSON Lines or JSON file, or of a data set.

    Args:
        source: A path, or `hf:NAME(split=train,config=…)` for a data set by name or a folder of one.

    Yields:
        One mapping a row.

    Raises:
        InputValueError: It can't be read.
    """
    if source.startswith("hf:"):
        yield from _data_set(source.removeprefix("hf:"))
        return
    path = Path(source).expanduser()
    try:
        if path.suffix == ".parquet":
            yield from _parquet(path)
        elif path.suffix == ".json":
            yield from _objects(path, json.loads(path.read_text(encoding="utf-8-sig")))
        else:
            yield from _lines(path)
    except InputValueError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        _refuse(str(path), error)


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(256):
            yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        _refuse(str(path), error)


def _refuse(name: str, error: Exception) -> NoReturn:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    given = f"{name}: {reason}"
    raise InputValueError(given, "Parquet, JSON, JSON Lines, or hf:NAME", "check the name and the file") from error


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                yield {}
                continue
            try:
                yield from _objects(path, [json.loads(line)])
            except InputValueError:
                raise
            except (ValueError, RecursionError) as error:
                where = isinstance(error, json.JSONDecodeError)
                reason = f"{error.msg} at column {error.colno}" if where else str(error)
                given = f"{path}, line {number}: not JSON ({reason})"
                raise InputValueError(given, "one JSON object a line", "fix the line") from error


def _objects(path: Path, items: Any) -> Iterator[Mapping[str, Any]]:
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, dict):
            raise InputValueError(
                f"{path}: a {type(item).__name__}", "objects with chosen and rejected", "fix the file"
            )
        yield item


def _data_set(spec: str) -> Iterator[Mapping[str, Any]]:
    from datasets import Dataset, load_dataset, load_from_disk

    name, options = parse_spec(spec)
    split = str(options.pop("split", "train"))
    folder = Path(name).expanduser()
    try:
        if is_there(folder / "dataset_info.json") or is_there(folder / "dataset_dict.json"):
            found: Any = load_from_disk(str(folder))
            rows: Any = found if isinstance(found, Dataset) else found[split]
        else:
            rows = load_dataset(name, options.get("config"), split=split)
        yield from rows
    except Exception as error:  # the library raises what its readers raise
        _refuse(f"data set {name!r}", error)


def read_pairs(rows: Iterable[Mapping[str, Any]], tokenizer: Any, *, max_length: int | None) -> PairSet:
    """Make pairs of rows.

    A row has `chosen` and `rejected`, texts or lists of messages, and mostly `prompt`; without it the prompt is what
    both begin with. `answer`, `paraphrase`, `system`, `pvi`, `reward_gap`, `tools` and `chat_template_kwargs` are used
    where they are there.

    Args:
        rows: Mappings.
        tokenizer: What the pairs are for.
        max_length: Longest sequence in tokens; longer pairs are left out whole, none is cut. Default: all.

    Returns:
        Pairs, and for every row that is none, why.

    Raises:
        InputValueError: There is no row, a needed column is missing everywhere, or no row is a pair.
        AntigradError: The tokenizer does not take the messages.
    """
    pairs: list[Pair] = []
    ids: list[Tokens] = []
    excluded: list[Excluded] = []
    seen: dict[str, int] = {}
    number, keys = 0, set[str]()
    for number, row in enumerate(rows, 1):
        keys |= set(row)
        found = make_pair(number, row)
        if isinstance(found, Pair):
            tokens = tokenize(found, tokenizer)
            found = _refused(found, tokens, seen, max_length) or (found, tokens)
        if isinstance(found, Excluded):
            excluded.append(found)
        else:
            pairs.append(found[0])
            ids.append(found[1])
    if not number:
        raise InputValueError("no rows", "at least one pair", "check the source")
    missing = [name for name in ("chosen", "rejected") if name not in keys]
    if missing:
        given = f"columns {sorted(keys)}"
        raise InputValueError(given, f"{' and '.join(missing)} too", "rename the columns; prompt may be left out")
    if not pairs:
        reasons = Counter(one.reason for one in excluded)
        given = f"{number} rows, none of which is a pair: {', '.join(f'{n} {why}' for why, n in reasons.items())}"
        raise InputValueError(given, "at least one pair", f"row {excluded[0].row}: {excluded[0].detail}")
    return PairSet(tuple(pairs), tuple(ids), tuple(excluded))


def _refused(pair: Pair, tokens: Tokens, seen: dict[str, int], max_length: int | None) -> Excluded | None:
    if not tokens.prompt:
        return Excluded(pair.row, "empty prompt", "no token comes before both responses")
    if not tokens.chosen or not tokens.rejected:
        return Excluded(pair.row, "empty", "a response without tokens of its own")
    if max_length is not None and tokens.longest > max_length:
        return Excluded(pair.row, "over-long", f"{tokens.longest} tokens, the limit is {max_length}")
    key = json.dumps([pair.prompt, pair.chosen, pair.rejected], sort_keys=True, default=str)
    first = seen.setdefault(key, pair.row)
    return Excluded(pair.row, "repeated", f"the same as row {first}") if first != pair.row else None


def make_pair(number: int, row: Mapping[str, Any]) -> Pair | Excluded:
    """Make a pair of a row.

    Args:
        number: Of the row, from 1.
        row: The row.

    Returns:
        The pair, or why it is none.
    """
    chosen, rejected, prompt = (row.get(name) for name in ("chosen", "rejected", "prompt"))
    if not row:
        return Excluded(number, "blank", "nothing in it")
    if half := half_character(row):
        return Excluded(number, "half of a character", half)
    sides: dict[str, Any] = {"chosen": chosen, "rejected": rejected}
    absent = [name for name, value in sides.items() if value is None]
    if absent:
        return Excluded(number, "one-sided", f"no {' and no '.join(absent)}")
    kinds = {name: _kind(value) for name, value in sides.items()}
    if set(kinds.values()) not in ({"text"}, {"messages"}):
        return Excluded(number, "malformed", f"chosen is {kinds['chosen']}, rejected {kinds['rejected']}")
    if prompt is not None and _kind(prompt) not in ("text", "messages"):
        return Excluded(number, "malformed", f"prompt is {_kind(prompt)}")
    empty = [name for name, value in sides.items() if not words_of(value).strip()]
    if empty:
        return Excluded(number, "empty", f"empty {' and '.join(empty)}")
    if chosen == rejected:
        return Excluded(number, "identical", "chosen and rejected are the same")
    numbers = {name: _float(row[name]) for name in NUMBERS if isinstance(row.get(name), int | float)}
    bad = [f"{name}={value}" for name, value in numbers.items() if not isfinite(value)]
    if bad:
        return Excluded(number, "not a number", ", ".join(bad))
    texts = _with_prompt(prompt, chosen, rejected)
    if isinstance(texts, str):
        return Excluded(number, "malformed", texts)
    first, up, down = texts
    if row.get("system") and isinstance(first, list) and (not first or first[0].get("role") != "system"):
        first = [{"role": "system", "content": str(row["system"])}, *first]
    options = _options(row)
    if isinstance(options, str):
        return Excluded(number, "malformed", options)
    text = {name: "" if row.get(name) is None else str(row[name]) for name in ("answer", "paraphrase")}
    return Pair(number, first, up, down, text["answer"], numbers, text["paraphrase"], options)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, list) and value and all(isinstance(one, dict) and "role" in one for one in value):
        return "messages"
    return f"a {type(value).__name__}"


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return inf


def _options(row: Mapping[str, Any]) -> dict[str, Any] | str:
    # What goes to the chat template; or what is wrong with it.
    tools, more = row.get("tools"), row.get("chat_template_kwargs")
    try:
        tools = json.loads(tools) if isinstance(tools, str) else tools
    except (ValueError, RecursionError) as error:
        return f"tools is not JSON ({error})"
    if more is not None and not isinstance(more, dict):
        return f"chat_template_kwargs is a {type(more).__name__}, not a mapping"
    return ({} if tools is None else {"tools": tools}) | (more or {})


def _with_prompt(prompt: Any, chosen: Any, rejected: Any) -> tuple[Text, Text, Text] | str:
    """Tell prompt and responses apart.

    Args:
        prompt: Text, messages, or None.
        chosen: Text or messages, with or without the prompt before them.
        rejected: Likewise.

    Returns:
        Prompt, chosen, rejected, all of one kind; or what is wrong.
    """
    if isinstance(chosen, str):
        if isinstance(prompt, list):
            up, down = ([{"role": "assistant", "content": side}] for side in (chosen, rejected))
            return prompt, up, down
        place = len(prompt) if prompt and chosen.startswith(prompt) and rejected.startswith(prompt) else None
        if prompt and place is None:
            return prompt, chosen, rejected
        place = _text_prefix(chosen, rejected) if place is None else place
        return chosen[:place], chosen[place:], rejected[place:]
    place = next((n for n, (one, two) in enumerate(zip(chosen, rejected, strict=False)) if one != two), None)
    place = min(len(chosen), len(rejected)) if place is None else place
    before, up, down = chosen[:place], chosen[place:], rejected[place:]
    if not up or not down:
        return "one side is the beginning of the other"
    # A prompt in its own column may be there as the first turns too, as text or as messages.
    if prompt is None or (before and words_of(before).endswith(words_of(prompt))):
        return before, up, down
    turns: Messages = list[dict[str, Any]]([{"role": "user", "content": prompt}]) if isinstance(prompt, str) else prompt
    return [*turns, *before], up, down


def _text_prefix(chosen: str, rejected: str) -> int:
    """Where two texts part, at the beginning of a word.

    Args:
        chosen: A text.
        rejected: A text.

    Returns:
        Length of what they share; both are longer.
    """
    place = 0
    for place, (one, other) in enumerate(zip(chosen, rejected, strict=False)):  # noqa: B007
        if one != other:
            break
    else:
        place = min(len(chosen), len(rejected)) - 1
    while place and not chosen[place - 1].isspace():
        place -= 1
    # The space goes with the word behind it, as tokenizers have it.
    return place - 1 if place and chosen[place - 1] == " " else place
