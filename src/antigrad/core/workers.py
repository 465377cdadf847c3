"""Workers for independent pieces: what one does with a piece, and workers that are processes of this machine.

They talk through pipes of their own, in pickles that never touch a disk.
"""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, Literal, Protocol, cast

from antigrad.core.errors import AntigradError

Outcome = tuple[Literal["found", "failed", "died"], Any]
"""A result or the error that takes its place; what stops everything; what is known of a worker's death."""

ONE_THREAD: dict[str, str] = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
"""Read by torch and numpy when they are loaded: workers beside each other are faster than threads within one."""
_PATIENCE = 10.0
"""Seconds that an idle worker has to end by itself."""
_POSIX = hasattr(signal, "pthread_sigmask")


class Crew(Protocol):
    """Workers, by number from 0."""

    size: int

    def give(self, worker: int, given: Any) -> None:
        """Hand a piece to an idle worker.

        Args:
            worker: Its number.
            given: The piece.
        """
        ...

    def take(self) -> tuple[int, Outcome]:
        """Wait for the next worker that is done with its piece, or died over it.

        Returns:
            Its number and what came out.
        """
        ...

    def close(self) -> None:
        """End all workers, at once where they are busy."""
        ...


class Server:
    """What a worker is: prepares once, then computes piece after piece.

    Args:
        job: Pickle of two functions: the work, which takes what was prepared and a piece; and the preparation, or None.
            Both are read with the first piece, so that what is wrong with them is an outcome, not a death.
    """

    def __init__(self, job: bytes) -> None:
        self._job = job
        self._ready: tuple[Callable[[Any, Any], Any], Any] | None = None

    def answer(self, given: Any) -> Outcome:
        """Compute one piece.

        Args:
            given: The piece.

        Returns:
            What was found. An `AntigradError` of the piece is such a find; one of the preparation, and any other
            exception, stops everything.
        """
        try:
            if self._ready is None:
                work, prepare = pickle.loads(self._job)  # noqa: S301
                self._ready = work, None if prepare is None else prepare()
        except Exception as error:
            return "failed", _told(error)
        work, prepared = self._ready
        try:
            return "found", work(prepared, given)
        except AntigradError as error:
            return "found", error
        except Exception as error:
            return "failed", _told(error)


def _told(error: Exception) -> Exception:
    # With the worker's traceback, and such that the other process can read it.
    if not isinstance(error, AntigradError):
        error.add_note("In a worker:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            plain.add_note(note)
        return plain
    return error


class Processes:
    """Processes of this machine with one thread each.

    They are started afresh (`spawn`): a fork would copy the locks of torch's threads, and hang.

    Args:
        size: How many.
        job: See `Server`; its functions must be found by name in a fresh process.
    """

    def __init__(self, size: int, job: bytes) -> None:
        self.size, context = size, get_context("spawn")
        pipes = [context.Pipe() for _ in range(size)]
        self._busy: dict[Connection, int] = {}
        self._connections = [ours for ours, _ in pipes]
        self._processes = [context.Process(target=_serve, args=(theirs,)) for _, theirs in pipes]
        try:
            with _calm_start():
                for process, (_, theirs) in zip(self._processes, pipes, strict=True):
                    process.start()
                    theirs.close()  # The worker alone holds this end: its death closes the pipe.
            for connection in self._connections:
                connection.send_bytes(job)
        except BaseException:
            self.close(at_once=True)
            raise

    def give(self, worker: int, given: Any) -> None:  # noqa: D102
        connection, data = self._connections[worker], pickle.dumps(given)
        self._busy[connection] = worker
        with suppress(OSError):  # It died in the meantime: `take` finds that out.
            connection.send_bytes(data)

    def take(self) -> tuple[int, Outcome]:  # noqa: D102
        connection = cast(Connection, wait(list(self._busy))[0])
        worker = self._busy.pop(connection)
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return worker, ("died", self._epitaph(worker))
        return worker, pickle.loads(data)  # noqa: S301

    def _epitaph(self, worker: int) -> str:
        process = self._processes[worker]
        process.join(_PATIENCE)
        code = process.exitcode
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit status {code}"

    def close(self, *, at_once: bool = False) -> None:  # noqa: D102
        started = [process for process in self._processes if process.pid is not None]
        for connection in self._connections:
            connection.close()  # The sign to end for a worker that waits for a piece.
        for process in started:
            if at_once or self._busy:
                process.terminate()
        for process in started:
            process.join(_PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()


@contextmanager
def _calm_start() -> Generator[None]:
    # What a fresh process inherits: one thread, and no Ctrl-C before it knows what to do with one.
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if _POSIX else set[Any]()
    try:
        yield
    finally:
        if _POSIX:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(connection: Connection) -> None:
    # Ctrl-C reaches all processes of a terminal; the one that started this one decides. A handler, unlike ignoring the
    # signal, does not pass to programs that a piece starts.
    signal.signal(signal.SIGINT, lambda *_: None)
    if _POSIX:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # The sign to end.
        server = Server(connection.recv_bytes())
        while True:
            outcome = server.answer(pickle.loads(connection.recv_bytes()))  # noqa: S301
            try:
                data = pickle.dumps(outcome)
            except Exception as error:
                data = pickle.dumps(("failed", _told(error)))
            connection.send_bytes(data)


def _end_with_parent() -> None:
    # Even if the process that started this one was killed, and in the midst of a piece.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
