"""The other end of `process`: `python -P worker.py module:function`; it needs numpy alone.

Messages are a length and an uncompressed npz without pickles; what the planner prints goes to standard error.
"""

from __future__ import annotations

import importlib
import io
import math
import os
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

HEAD = struct.Struct("<Q")
Plan = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write arrays as one message.

    Args:
        arrays: Name and array, none of objects.

    Returns:
        Length and npz.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # pyright: ignore[reportArgumentType]
    return HEAD.pack(buffer.tell()) + buffer.getvalue()


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """Read the arrays of a message, without its length.

    Args:
        data: npz.

    Returns:
        Name and array.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def roll(plan: Plan, question: dict[str, np.ndarray]) -> np.ndarray:
    """Drive with a planner's answers: forward or standing, within ±6 m/s² and ±0.3 1/m.

    Args:
        plan: The user's function.
        question: `start` (4,), `others` (T, A, 7), `there` (T, A), `route` (P, 2), `dt`.

    Returns:
        (T, 4) x, y, yaw, speed.

    Raises:
        ValueError: An answer is not two finite numbers.
    """
    x, y, yaw, v = (float(value) for value in question["start"])
    dt, states = float(question["dt"]), [question["start"]]
    for t in range(len(question["others"]) - 1):
        others = question["others"][t][question["there"][t]]
        answer = plan(np.array([x, y, yaw, v]), others.copy(), question["route"].copy())
        a, k = (float(value) for value in answer)
        if not (math.isfinite(a) and math.isfinite(k)):
            raise ValueError(f"it answered {answer!r} at step {t}")
        a, k = min(6.0, max(-6.0, a)), min(0.3, max(-0.3, k))
        after = max(0.0, v + a * dt)
        s = 0.5 * (v + after) * dt
        x, y, yaw, v = x + s * math.cos(yaw), y + s * math.sin(yaw), yaw + k * s, after
        states.append(np.array([x, y, yaw, v]))
    return np.stack(states)


def serve(target: str, source: BinaryIO, sink: BinaryIO) -> None:
    """Say that the planner is there, then answer until the questions end.

    Args:
        target: `module:function`.
        source: Where questions come from.
        sink: Where answers go.
    """

    def answer(work: Callable[[], dict[str, np.ndarray]]) -> None:
        try:
            found = work()
        except Exception as error:
            text = f"{target} raised {type(error).__name__}: {error}"[:500]
            found = {"problem": np.frombuffer(text.encode(), np.uint8)}
        sink.write(pack(found))
        sink.flush()

    plans: list[Plan] = []

    def load() -> dict[str, np.ndarray]:
        module, _, function = target.partition(":")
        plans.append(getattr(importlib.import_module(module), function))
        return {"ready": np.ones(1)}

    answer(load)
    while plans and len(head := source.read(HEAD.size)) == HEAD.size:
        question = unpack(source.read(*HEAD.unpack(head)))
        answer(lambda question=question: {"states": roll(plans[0], question)})


if __name__ == "__main__":
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What the planner prints must not get between the answers.
    sys.path.insert(0, "")
    serve(sys.argv[1], sys.stdin.buffer, wire)
