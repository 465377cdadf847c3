"""Reading a pickle of plain values and numpy arrays, without running anything it asks for.

A pickle is a program. This one may only build dictionaries, lists, tuples, sets, numbers, texts and bytes, which have
instructions of their own, and numpy arrays, whose constructors are replaced by our own. Any other name is refused
before it is looked up, and numpy itself never sees what the pickle says: shapes and types are checked here.
"""

from __future__ import annotations

import io
import math
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from antigrad.core.errors import InputValueError

KINDS = "biufUS"
MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric", "numpy")

ARRAYS = ("dtype", "ndarray", "_reconstruct", "_frombuffer", "scalar")
BYTES = (("_codecs", "encode"), ("builtins", "bytes"), ("__builtin__", "bytes"))


def safe_load(data: bytes) -> Any:
    """Read a pickle of plain values and numpy arrays.

    Args:
        data: The pickle.

    Returns:
        Its value; arrays are objects that `numpy.asarray` turns into arrays.

    Raises:
        InputValueError: It asks for anything else, or is damaged.

    Example:
        >>> safe_load(pickle.dumps({"a": [1, 2.5], "b": {"c"}}))
        {'a': [1, 2.5], 'b': {'c'}}
        >>> np.asarray(safe_load(pickle.dumps(np.arange(3)))).tolist()
        [0, 1, 2]
    """
    try:
        return _Unpickler(io.BytesIO(data)).load()
    except InputValueError:
        raise
    except Exception as error:  # a damaged pickle can break its reader anywhere
        raise InputValueError(
            f"a damaged pickle ({type(error).__name__}: {error})", "a whole file", "get it again"
        ) from error


class _Unpickler(pickle._Unpickler):  # pyright: ignore
    # The reader in Python: the one in C allocates as much memory as an index in a damaged file says.

    def load_bytearray(self: Any) -> None:
        length = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(length)))  # reads first, so a wrong length allocates nothing

    dispatch: ClassVar = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: load_bytearray}  # pyright: ignore

    def find_class(self, module: str, name: str) -> Any:
        if module in {"builtins", "__builtin__"} and name in {"set", "frozenset"}:
            return {"set": set, "frozenset": frozenset}[name]
        if (module in MODULES and name in ARRAYS) or (module, name) in BYTES:
            return _Maker(name)
        raise InputValueError(
            f"a pickle that asks for {module}.{name}",
            "dictionaries, lists, texts, numbers and numpy arrays alone",
            "convert the file to JSON in an environment you trust",
        )

    def persistent_load(self, pid: Any) -> Any:
        raise InputValueError("a pickle that refers to things outside", "a self-contained one", "convert it to JSON")


class _Type:
    """Stands for a numpy type."""

    def __init__(self, text: Any) -> None:
        self.text, self.order, self.width = str(text), "<", 0

    def __setstate__(self, state: Any) -> None:
        if state[1] in {"<", ">", "|"}:
            self.order = state[1].replace("|", "<")
        self.width = state[5] if isinstance(state[5], int) else 0

    @property
    def real(self) -> np.dtype[Any]:
        kind, count = self.text.lstrip("<>|=")[:1], self.text.lstrip("<>|=")[1:]
        if kind not in KINDS or not count.isdigit() or int(count) > 4096:
            raise InputValueError(f"a numpy array of type {self.text!r}", f"kinds {', '.join(KINDS)}", "convert it")
        return np.dtype(f"{self.order}{kind}{count}")


class _Array:
    """Stands for a numpy array: bytes, shape and type, put together when somebody asks."""

    def __init__(self) -> None:
        self.data: Any = b""
        self.shape: Any = (0,)
        self.type = _Type("f8")
        self.fortran = False

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.type, self.fortran, self.data = state

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.build()
        return array if dtype is None else array.astype(dtype)

    def build(self) -> np.ndarray:
        if not isinstance(self.type, _Type) or not isinstance(self.data, bytes | bytearray):
            raise InputValueError("a numpy array of objects", "numbers or texts", "convert the file to JSON")
        kind = self.type.real
        whole = isinstance(self.shape, tuple) and all(isinstance(side, int) and side >= 0 for side in self.shape)
        if not whole or math.prod(self.shape) * kind.itemsize != len(self.data):
            raise InputValueError(
                f"a numpy array of shape {self.shape} in {len(self.data)} bytes", "a fit", "get it again"
            )
        return np.frombuffer(bytes(self.data), kind).reshape(self.shape, order="F" if self.fortran else "C")

    def __len__(self) -> int:
        return len(self.build())

    def tolist(self) -> Any:
        return self.build().tolist()


@dataclass
class _Maker:
    """A constructor of one pickle: an object of its own each time, so that no pickle can change it for another."""

    name: str

    def __call__(self, *given: Any) -> Any:
        if self.name in {"encode", "bytes"}:  # how old protocols write bytes
            return str(given[0]).encode("latin1") if given else b""
        if self.name == "dtype":
            return _Type(given[0])
        array = _Array()
        if self.name == "_reconstruct":
            return array
        if self.name == "_frombuffer":
            array.data, array.type, array.shape = given[:3]
            array.fortran = given[3:] == ("F",)
            return array
        if self.name == "scalar":
            array.type, array.data = given
            array.shape = ()
            return array.tolist()
        raise InputValueError("a pickle that makes a bare array", "arrays with values", "convert the file to JSON")
