"""The restricted unpickler: arrays and plain values; whatever else is asked for is refused, unrun."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antigrad.core import AntigradError
from antigrad.scenarios.io.unpickle import safe_load


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array([True, False]),
        np.array(["ab", "c"]),
        np.arange(3, dtype=">i4"),
        np.zeros((0, 2), np.float32),
        np.arange(10.0)[::2],
    ],
)
def test_arrays_survive(array: np.ndarray, protocol: int) -> None:
    found = np.asarray(safe_load(pickle.dumps({"a": array}, protocol=protocol))["a"])
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_plain_values_survive() -> None:
    value = {"a": [1, 2.5, None, True], "b": ({"x"}, frozenset("y"), "text", b"bytes"), 3: 10**30}
    assert safe_load(pickle.dumps(value)) == value
    assert safe_load(pickle.dumps(np.float64(0.25))) == 0.25
    assert safe_load(pickle.dumps(np.bool_(True))) is True


def test_arrays_of_old_and_new_numpy() -> None:
    new = pickle.dumps(np.arange(3.0), protocol=2)
    old = new.replace(b"numpy._core.", b"numpy.core.")
    assert old != new
    for data in (old, new):
        assert np.asarray(safe_load(data)).tolist() == [0.0, 1.0, 2.0]


class Runs:
    def __init__(self, call: Any, *given: Any) -> None:
        self.made = call, given

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize(
    "bad",
    [
        Runs(os.system, "touch {mark}"),
        Runs(eval, "open({mark!r}, 'w')"),
        Runs(Path.touch, Path("{mark}")),
        Runs(np.load, "{mark}"),
        Runs(getattr, "text", "join"),
        Runs(np.fromfile, "{mark}"),
        Runs(bytearray, 10),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_run(bad: Runs, protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    call, given = bad.made
    told = [part.format(mark=str(mark)) if isinstance(part, str) else part for part in given]
    data = pickle.dumps({"a": Runs(call, *told)}, protocol=protocol)
    with pytest.raises(AntigradError, match="a pickle that asks for"):
        safe_load(data)
    assert not mark.exists()


def test_dotted_names_and_wrong_shapes_are_refused() -> None:
    with pytest.raises(AntigradError):
        safe_load(b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.dump\x93.")
    data = pickle.dumps(np.arange(8.0), protocol=2)
    grown = data.replace(b"K\x08\x85", b"K\x09\x85")
    assert grown != data
    with pytest.raises(AntigradError, match="shape"):
        np.asarray(safe_load(grown))
    with pytest.raises(AntigradError, match=r"objects|type"):
        np.asarray(safe_load(pickle.dumps(np.array([{}], object))))


def test_one_pickle_cannot_change_the_next() -> None:
    # BUILD on a constructor sets its attributes: a later load must not see them
    evil = b"\x80\x02cnumpy\ndtype\n}X\x04\x00\x00\x00nameX\x06\x00\x00\x00scalarsb."
    safe_load(evil)
    assert np.asarray(safe_load(pickle.dumps(np.arange(3)))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("data", [b"", b"\x80", b"garbage", b"(lp0\n" * 3, pickle.dumps([1])[:-1]])
def test_damaged_pickles(data: bytes) -> None:
    with pytest.raises(AntigradError, match="damaged pickle"):
        safe_load(data)
