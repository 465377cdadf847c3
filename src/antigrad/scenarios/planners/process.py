"""A process that runs a planner of the user's own: plain arrays over pipes, and an end to it when it hangs."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from antigrad.scenarios.planners import worker

MOST = 1 << 28
"""Bytes; a longer answer is refused."""
STARTING = 60.0
"""s, in which the planner must have been imported, if the deadline is not longer."""


class PlannerProcess:
    """The process of one planner; started when first asked, and again after it was ended.

    Args:
        target: `module:function`.
        deadline: s for one answer.
    """

    def __init__(self, target: str, deadline: float) -> None:
        self.target, self.deadline = target, deadline
        self._process: subprocess.Popen[bytes] | None = None

    def problem(self) -> str | None:
        """Import the planner, if that was not done yet.

        Returns:
            Why it can't be imported; None if it can.
        """
        answer = self._tried(lambda: self._running())
        if isinstance(answer, str):
            return answer
        if "problem" not in answer:
            return None
        self.close()
        return _text(answer)

    def ask(self, question: Mapping[str, np.ndarray]) -> np.ndarray | str:
        """Ask for one roll-out.

        Args:
            question: Start, others, who is there, route and time step.

        Returns:
            (T, 4) states, or what went wrong.
        """
        problem = self.problem()
        if problem is not None:
            return problem
        answer = self._tried(lambda: self._exchange(worker.pack(question), self.deadline))
        if isinstance(answer, str):
            return answer
        if "problem" in answer:
            return _text(answer)
        states = answer.get("states")
        expected = (len(question["others"]), 4)
        if states is None or states.shape != expected or not np.isfinite(states).all():
            return f"{self.target} gave states that are not {expected} finite numbers"
        return states

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __del__(self) -> None:
        self.close()

    def _tried(self, step: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray] | str:
        try:
            return step()
        except TimeoutError as error:
            self.close()
            return f"{self.target} took longer than {error} s"
        except (OSError, ValueError, EOFError, KeyError) as error:
            self.close()
            return f"{self.target} ended without an answer ({error})"

    def _running(self) -> dict[str, np.ndarray]:
        if self._process is not None and self._process.poll() is None:
            return {}
        self.close()
        command = [sys.executable, "-P", str(Path(worker.__file__)), self.target]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._exchange(b"", max(STARTING, self.deadline))

    def _exchange(self, question: bytes, limit: float) -> dict[str, np.ndarray]:
        assert self._process is not None  # noqa: S101 - `_running` has started it
        ends: tuple[Any, Any] = (self._process.stdin, self._process.stdout)
        until = time.monotonic() + limit
        try:
            _write(ends[0], question, until)
            (length,) = worker.HEAD.unpack(_read(ends[1], worker.HEAD.size, until))
            if length > MOST:
                raise ValueError(f"an answer of {length} bytes")
            return worker.unpack(_read(ends[1], length, until))
        except TimeoutError:
            raise TimeoutError(f"{limit:g}") from None


def _text(answer: Mapping[str, np.ndarray]) -> str:
    return str(answer["problem"].tobytes().decode(errors="replace"))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _write(pipe: BinaryIO, data: bytes, until: float) -> None:
    place, view = pipe.fileno(), memoryview(data)
    os.set_blocking(place, False)
    while view:
        if not select.select([], [place], [], _left(until))[1]:
            raise TimeoutError
        view = view[os.write(place, view[: 1 << 16]) :]


def _read(pipe: BinaryIO, count: int, until: float) -> bytes:
    place, data = pipe.fileno(), bytearray()
    while len(data) < count:
        if not select.select([place], [], [], _left(until))[0]:
            raise TimeoutError
        piece = os.read(place, min(count - len(data), 1 << 16))
        if not piece:
            raise EOFError("its process has ended")
        data += piece
    return bytes(data)
