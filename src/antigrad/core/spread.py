"""Independent pieces of work: in this process, over processes, or on Ray, with the same figures wherever they ran."""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from antigrad.core.errors import AntigradError, did_you_mean
from antigrad.core.progress import progress
from antigrad.core.workers import Crew, Processes

Given = TypeVar("Given")
Prepared = TypeVar("Prepared")
Found = TypeVar("Found")

ENGINES = ("local", "ray")
MOST = 1024
"""Threads or workers: with more of them the system may end the process without a word."""


@dataclass(frozen=True)
class Where:
    """Where pieces are computed. The figures do not depend on it.

    Args:
        engine: `local`, this machine; or `ray`.
        workers: Pieces at the same time. One of the engine `local` is this process itself; more are processes.
        address: Of a Ray cluster (`HOST:PORT`, `ray://HOST:PORT`, `auto`); empty starts Ray on this machine.
        gpus: CUDA devices that Ray gives each worker, which sees them as its only ones.
    """

    engine: str = "local"
    workers: int = 1
    address: str = ""
    gpus: float = 0.0

    def problems(self) -> list[str]:
        """Check all of it, for the `check` of a job.

        Returns:
            One problem each.
        """
        found = [f"workers={self.workers}: at least 1 is needed"] if self.workers < 1 else []
        found += too_many("workers", self.workers)
        if self.engine not in ENGINES:
            return [*found, f"engine {self.engine!r}: {did_you_mean(self.engine, ENGINES)}"]
        if self.engine == "ray" and find_spec("ray") is None:
            found.append('engine ray: the package is missing; pip install "antigrad[ray]"')
        if self.engine != "ray" and self.address:
            found.append(f"address {self.address!r}: of a Ray cluster; add --engine ray, or leave it out")
        return found


def too_many(name: str, count: int | None) -> list[str]:
    """Check a number of threads or workers, for the `check` of a job.

    Args:
        name: Of the setting.
        count: How many; None is torch's choice.

    Returns:
        One sentence if there are too many.

    Example:
        >>> too_many("threads", 9000)
        ['threads=9000: at most 1024']
    """
    return [f"{name}={count}: at most {MOST}"] if count is not None and count > MOST else []


@dataclass(frozen=True)
class Piece(Generic[Given]):
    """A piece of work that needs no other one.

    Args:
        key: What the ledger knows it by.
        given: What the work gets; must be picklable where it goes to another process.
        name: For progress and errors; the key if empty.
        together: Pieces of one such name share one worker, in their order: for what is cached in it.
    """

    key: Any
    given: Given
    name: str = ""
    together: str = ""

    @property
    def label(self) -> str:
        """Words for a reader."""
        return self.name or str(self.key)


def spread(
    work: Callable[[Prepared, Given], Found],
    pieces: Sequence[Piece[Given]],
    *,
    where: Where,
    title: str,
    prepare: Callable[[], Prepared] | None = None,
    done: Collection[Any] = (),
    prepared: Prepared | None = None,
    own_threads: bool = False,
) -> Generator[tuple[Piece[Given], Found | AntigradError]]:
    """Compute independent pieces, in any order, and hand each over as soon as it is done.

    Who asks for the next result has kept the last one: with keys from the ledger in `done`, an interrupted run goes on
    where it stopped. A piece draws its random numbers from generators of its own and leaves what was prepared as it
    was; then it finds the same wherever it runs.

    Args:
        work: A function of a module, or a `partial` of one: takes what was prepared and what a piece gives.
        pieces: All of them.
        where: Here, in processes or on Ray.
        title: Of the progress bar.
        prepare: Such a function too: makes what is expensive and the same for all pieces (loads a model), once in each
            worker; without one, nothing (None) is prepared.
        done: Keys that are left out, and counted as done.
        prepared: What `prepare` makes, if this process has it already.
        own_threads: If it is done in this process, then on its threads as they are. Else on one, as in workers: sums
            have one order everywhere, and figures agree to the last bit.

    Yields:
        A piece and what was found, or the `AntigradError` that was raised for it; the others continue.

    Raises:
        AntigradError: The preparation refused, or a worker died; what others had in hand is handed over first.

    Example:
        >>> pieces = [Piece("a", 3), Piece("b", 4)]
        >>> results = spread(pow, pieces, where=Where(), title="powers", prepare=lambda: 2, done={"a"})
        >>> [(piece.key, found) for piece, found in results]
        [('b', 16)]
    """
    todo = [piece for piece in pieces if piece.key not in done]
    with progress(title, len(pieces), done=len(pieces) - len(todo)) as bar:
        if not todo:
            return
        if where.engine == "local" and (where.workers == 1 or len(todo) == 1):
            results = _here(work, todo, prepare, prepared, own_threads)
        else:
            results = _over(_crew(work, todo, prepare, where), todo)
        with closing(results):
            for piece, found in results:
                yield piece, found
                bar.advance(piece.label)


Results = Generator[tuple[Piece[Any], Any]]


def _here(
    work: Callable[[Any, Any], Any],
    todo: Sequence[Piece[Any]],
    prepare: Callable[[], Any] | None,
    prepared: Any,
    own_threads: bool,
) -> Results:
    threads = nullcontext if own_threads else _one_thread
    if prepared is None and prepare is not None:
        with threads():
            prepared = prepare()
    for piece in todo:
        with threads():
            try:
                found = work(prepared, piece.given)
            except AntigradError as error:
                found = error
        yield piece, found


@contextmanager
def _one_thread() -> Generator[None]:
    torch: Any = sys.modules.get("torch")  # What has not been imported has no threads.
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _crew(
    work: Callable[[Any, Any], Any], todo: Sequence[Piece[Any]], prepare: Callable[[], Any] | None, where: Where
) -> Crew:
    size = min(where.workers, _Queue(todo).lanes)
    if where.engine == "ray":
        kind = import_module("antigrad.core.workers_ray").RayWorkers
        return kind(size, (work, prepare), address=where.address, gpus=where.gpus)
    return Processes(size, pickle.dumps((work, prepare)))


class _Queue:
    # Which piece a worker gets next: of the group that it has begun, of one that nobody has, then of the others.

    def __init__(self, todo: Sequence[Piece[Any]]) -> None:
        groups: dict[str, deque[Piece[Any]]] = {}
        self._free = deque(piece for piece in todo if not piece.together)
        for piece in todo:
            if piece.together:
                groups.setdefault(piece.together, deque()).append(piece)
        self._groups = deque(groups.values())
        self._own: dict[int, deque[Piece[Any]]] = {}
        self.lanes = len(self._free) + len(self._groups)

    def next(self, worker: int) -> Piece[Any] | None:
        own = self._own.get(worker)
        if not own and self._groups:
            own = self._own[worker] = self._groups.popleft()
        source = own or self._free
        return source.popleft() if source else None


def _over(crew: Crew, todo: Sequence[Piece[Any]]) -> Results:
    queue, busy, failure = _Queue(todo), dict[int, Piece[Any]](), None

    def hand(worker: int) -> None:
        piece = queue.next(worker)
        if piece is not None:
            busy[worker] = piece
            crew.give(worker, piece.given)

    with closing(crew):
        for worker in range(crew.size):
            hand(worker)
        while busy:
            worker, (kind, value) = crew.take()
            piece = busy.pop(worker)
            if kind == "found":
                if failure is None:
                    hand(worker)
                yield piece, value
            else:
                failure = failure or (_death(value, piece) if kind == "died" else value)
        if failure is not None:
            raise failure


def _death(reason: str, piece: Piece[Any]) -> AntigradError:
    return AntigradError(
        f"the worker that computed {piece.label!r} died ({reason})",
        "workers that live until their piece is done",
        "most often memory ran out: use fewer workers; a script of your own needs `if __name__ == '__main__':`; "
        "what is finished is kept, resume with --resume",
    )
