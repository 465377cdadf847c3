"""A row that can't be used is named; a fault of the program stays one."""

import json
from pathlib import Path
from typing import Any

import pytest

from antigrad.core.compact import CompactRows
from antigrad.core.damage import odd_value, rows_of_another_time
from antigrad.core.errors import InputValueError
from antigrad.core.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    rows: list[dict[str, Any]] = [{"kind": "setup", "size": 3}]
    rows += [{"kind": "step", "step": n, "changes": {"chosen": 0.5}, "tokens": [1, 2]} for n in range(4)]
    found = Ledger(tmp_path / "ledger.jsonl")
    found.extend(rows)
    return found


def changed(ledger: Ledger, line: int, **keys: Any) -> None:
    lines = ledger.path.read_text().splitlines()
    lines[line - 1] = json.dumps(json.loads(lines[line - 1]) | keys)
    ledger.path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("keys", "text"),
    [({"changes": {"chosen": "x"}}, "'changes.chosen' is text, not a number"),
     ({"changes": 7}, "'changes' is a number, not a mapping"),
     ({"tokens": [1, [2]]}, r"'tokens\[\]' is a list, not a number"),
     ({"step": True}, "'step' is true or false, not a number")],
)  # fmt: skip
def test_a_value_of_another_kind_is_found(ledger: Ledger, keys: dict[str, Any], text: str) -> None:
    assert odd_value(ledger.path) is None
    changed(ledger, 3, **keys)
    told = pytest.raises(InputValueError, match=f"ledger.jsonl line 3: {text} .TypeError: why")
    with told, rows_of_another_time(ledger.path):
        raise TypeError("why")


def test_the_only_row_of_its_kind_is_named_where_it_was_in_use(ledger: Ledger) -> None:
    changed(ledger, 1, size="three")

    code = "def use(row):\n    return row['size'] - 1\n\ndef deep(n):\n    return 1 / 0 if n == 0 else deep(n - 1)\n"
    code += "\ndef away(row):\n    return deep(9)\n"
    names: dict[str, Any] = {"__name__": "antigrad.somewhere"}
    exec(code, names)
    with pytest.raises(InputValueError, match=r"ledger\.jsonl line 1 \(TypeError"), rows_of_another_time(ledger.path):
        names["use"](ledger.one("setup"))
    with pytest.raises(ZeroDivisionError), rows_of_another_time(ledger.path):  # the row is far from what failed
        names["away"](ledger.one("setup"))
    names["__name__"] = "another_package"
    with pytest.raises(TypeError), rows_of_another_time(ledger.path):
        names["use"](ledger.one("setup"))


def test_what_no_row_has_to_do_with_is_a_fault_of_the_program(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(KeyError), rows_of_another_time(ledger.path):
        raise KeyError("x")
    changed(ledger, 2, step="x")
    for begins_now in (None, tmp_path / "none.jsonl"):
        with pytest.raises(TypeError), rows_of_another_time(begins_now):
            raise TypeError
    with pytest.raises(RuntimeError), rows_of_another_time(ledger.path):
        raise RuntimeError
    with pytest.raises(InputValueError, match="given: mine"), rows_of_another_time(ledger.path):
        raise InputValueError("mine", "x", "y")


@pytest.mark.parametrize("gathered", [lambda rows: {"a": {1: rows[0]}}, lambda rows: (rows,), CompactRows])
def test_rows_in_use_are_found_where_they_are_gathered(ledger: Ledger, gathered: Any) -> None:
    names: dict[str, Any] = {"__name__": "antigrad.somewhere"}
    exec("def use(rows):\n    return {}[1]\n", names)
    rows = gathered(ledger.rows("step"))
    told = pytest.raises(InputValueError, match=r"ledger\.jsonl line 2 \(KeyError: 1")
    with told, rows_of_another_time(ledger.path):
        names["use"](rows)


def test_a_kept_row_that_lacks_a_key_says_where_it_stands(ledger: Ledger) -> None:
    rows = CompactRows(ledger.stream("step"))
    assert list(rows) == ledger.rows("step")
    with pytest.raises(InputValueError, match=r"ledger\.jsonl line 4 has no 'loss'"):
        _ = rows[2]["loss"]
