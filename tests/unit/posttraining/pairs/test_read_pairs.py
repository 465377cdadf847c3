"""Pairs in the forms people post them; rows that are none; tokens as TRL makes them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from antigrad.core import AntigradError, InputValueError
from antigrad.posttraining.pairs.pair import Pair, tokenize
from antigrad.posttraining.pairs.read import make_pair, read_pairs, read_rows
from helpers.models import make_tokenizer

TOKENIZER = make_tokenizer()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


EXPLICIT = {"prompt": "1+2=", "chosen": " 0a", "rejected": " 1b"}
CHAT = {"prompt": [user("1+2")], "chosen": [said("0a")], "rejected": [said("1b")]}
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "texts": (EXPLICIT, EXPLICIT),
    "whole texts": (EXPLICIT | {"chosen": "1+2= 0a", "rejected": "1+2= 1b"}, EXPLICIT),
    "no prompt": ({"chosen": "1+2= 0a", "rejected": "1+2= 1b"}, EXPLICIT),
    "messages": (CHAT, CHAT),
    "whole conversations": ({"chosen": [user("1+2"), said("0a")], "rejected": [user("1+2"), said("1b")]}, CHAT),
    "whole, and the prompt again": (
        {"prompt": "1+2", "chosen": [user("1+2"), said("0a")], "rejected": [user("1+2"), said("1b")]},
        CHAT,
    ),
    "prompt as text": ({"prompt": "1+2", "chosen": [said("0a")], "rejected": [said("1b")]}, CHAT),
    "responses as texts": ({"prompt": [user("1+2")], "chosen": "0a", "rejected": "1b"}, CHAT),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    row, expected = FORMS[form]
    pair = make_pair(1, row)
    assert isinstance(pair, Pair)
    assert {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected} == expected


def test_a_shared_beginning_ends_where_a_word_does() -> None:
    pair = make_pair(1, {"chosen": "Q: go\n\nA: gone", "rejected": "Q: go\n\nA: gods"})
    assert isinstance(pair, Pair)
    assert (pair.prompt, pair.chosen, pair.rejected) == ("Q: go\n\nA:", " gone", " gods")
    pair = make_pair(1, {"chosen": "so it is", "rejected": "so"})
    assert isinstance(pair, Pair) and (pair.chosen, pair.rejected) == ("so it is", "so")


def test_what_comes_with_a_row() -> None:
    row = CHAT | {"answer": 3, "pvi": -0.5, "reward_gap": 1, "system": "sum", "paraphrase": "a0", "tools": "[]", "x": 1}
    pair = make_pair(7, row)
    assert isinstance(pair, Pair)
    assert pair.answer == "3" and pair.facts == {"pvi": -0.5, "reward_gap": 1.0} and pair.paraphrase == "a0"
    assert pair.prompt == [{"role": "system", "content": "sum"}, user("1+2")] and pair.options == {"tools": []}
    assert pair.row == 7 and pair.chat


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "blank"),
    ({"chosen": "a", "rejected": None}, "one-sided"),
    ({"chosen": "a"}, "one-sided"),
    ({"chosen": "a", "rejected": ["b"]}, "malformed"),
    ({"chosen": "a", "rejected": [said("b")]}, "malformed"),
    ({"prompt": 3, "chosen": "a", "rejected": "b"}, "malformed"),
    ({"prompt": "a", "chosen": " ", "rejected": "b"}, "empty"),
    ({"prompt": "a", "chosen": "b", "rejected": "b"}, "identical"),
    ({"prompt": "a", "chosen": "b", "rejected": "c", "pvi": float("nan")}, "not a number"),
    ({"chosen": [user("a")], "rejected": [user("a"), said("b")]}, "malformed"),
    ({"prompt": "a\ud800", "chosen": "b", "rejected": "c"}, "half of a character"),
    ({"prompt": [user("a")], "chosen": "b", "rejected": "c\udfff"}, "half of a character"),
    ({"prompt": "a", "chosen": "b", "rejected": "c", "pvi": 10**400}, "not a number"),
    ({"prompt": "a", "chosen": "b", "rejected": "c", "tools": "{"}, "malformed"),
    ({"prompt": "a", "chosen": "b", "rejected": "c", "tools": "[" * 100_000}, "malformed"),
    ({"prompt": "a", "chosen": "b", "rejected": "c", "chat_template_kwargs": [1]}, "malformed"),
]


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_rows_that_are_no_pair_say_why(row: dict[str, Any], reason: str) -> None:
    found = make_pair(3, row)
    assert not isinstance(found, Pair)
    assert (found.row, found.reason) == (3, reason)


def test_every_row_is_a_pair_or_has_a_reason() -> None:
    long = EXPLICIT | {"chosen": " " + "0" * 60}
    rows = [EXPLICIT, EXPLICIT, long, *(row for row, _ in BAD), CHAT, {"chosen": "0a", "rejected": "1b"}]
    found = read_pairs(rows, TOKENIZER, max_length=20)
    assert [pair.row for pair in found.pairs] == [1, len(BAD) + 4]
    reasons = found.reasons()
    assert reasons["repeated"] == [2] and reasons["over-long"] == [3] and reasons["empty prompt"] == [len(rows)]
    assert sorted([pair.row for pair in found.pairs] + [row for rows in reasons.values() for row in rows]) == list(
        range(1, len(rows) + 1)
    )
    assert found.excluded[1].detail == "66 tokens, the limit is 20"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no rows"),
        ([{"question": "a", "good": "b"}], "chosen and rejected too"),
        ([{"chosen": "a", "other": "b"}], "rejected too"),
        ([{"chosen": "a", "rejected": "a"}] * 3, "3 identical"),
    ],
)
def test_sources_without_pairs(rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(InputValueError, match=says):
        read_pairs(rows, TOKENIZER, max_length=None)


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet", "folder"])
def test_sources(kind: str, tmp_path: Path) -> None:
    rows = [EXPLICIT, EXPLICIT | {"chosen": " 2c"}]
    path = tmp_path / f"pairs.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif kind == "json":
        path.write_text(json.dumps(rows))
    elif kind == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        from datasets import Dataset

        Dataset.from_list(rows).save_to_disk(str(path))
    found = list(read_rows(f"hf:{path}" if kind == "folder" else str(path)))
    assert [dict(row) for row in found] == rows


def test_messages_in_parquet(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist([CHAT]), tmp_path / "a.parquet")
    pair = make_pair(1, next(iter(read_rows(str(tmp_path / "a.parquet")))))
    assert isinstance(pair, Pair) and pair.prompt == CHAT["prompt"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", "{", "line 1: not JSON"),
        ("a.jsonl", "[1]\n", "objects with chosen"),
        ("a.json", "{", "a.json"),
        ("a.parquet", "no", "a.parquet"),
        ("a.jsonl", None, "No such file"),
        ("a.jsonl", b"\xff\xfe{", "codec"),
        ("a.jsonl", "[" * 100_000, "line 1: not JSON"),
        ("a.jsonl", "9" * 6000, "line 1: not JSON"),
        ("a.json", "[" * 100_000, "a.json"),
        ("a.json", "9" * 6000, "a.json"),
        ("a\0.jsonl", None, "null byte"),
        ("x" * 300 + ".jsonl", None, "too long"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str | bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputValueError, match=says):
        list(read_rows(str(path)))


@pytest.mark.filterwarnings("ignore")  # other people's deprecations
@pytest.mark.parametrize("row", [EXPLICIT, EXPLICIT | {"chosen": " 0a<eos>"}, CHAT])
def test_tokens_are_those_of_trl(row: dict[str, Any]) -> None:
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    pair = make_pair(1, row)
    assert isinstance(pair, Pair)
    found = tokenize(pair, TOKENIZER)
    trainer = trl.DPOTrainer.__new__(trl.DPOTrainer)
    trainer._tokenizer = TOKENIZER
    options = trl.DPOConfig(output_dir="x", max_length=None, use_cpu=True, bf16=False, gradient_checkpointing=False)
    theirs = trainer._prepare_dataset(Dataset.from_list([row]), TOKENIZER, options, "train")[0]
    assert (found.prompt, found.chosen, found.rejected) == tuple(
        theirs[name] for name in ("prompt_ids", "chosen_ids", "rejected_ids")
    )


def test_tokenizers_that_do_not_take_the_turns() -> None:
    pair = make_pair(4, CHAT | {"system": "sum"})
    assert isinstance(pair, Pair)
    silent = make_tokenizer()
    silent.chat_template = (
        "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['content'] }}{% endif %}{% endfor %}"
    )
    with pytest.raises(InputValueError, match="row 4: the chat template drops the system turn 'sum'"):
        tokenize(pair, silent)
    strict = make_tokenizer()
    strict.chat_template = "{{ raise_exception('no system turn') }}"
    with pytest.raises(AntigradError, match="no system turn"):
        tokenize(pair, strict)
    bare = make_tokenizer()
    bare.chat_template = None
    with pytest.raises(AntigradError, match="no chat template"):
        tokenize(pair, bare)
