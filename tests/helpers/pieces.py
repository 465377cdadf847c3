"""Pieces of work that fresh processes find by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError

if TYPE_CHECKING:
    import torch  # A worker that needs none starts faster without.


def matrix(seed: int, folder: Path) -> torch.Tensor:
    """What all pieces need; leaves a file that says who made it, and on how many threads."""
    import torch

    (folder / f"prepared-{os.getpid()}").write_text(str(torch.get_num_threads()))
    return torch.randn(300, 300, generator=torch.Generator().manual_seed(seed))


def logits(weights: torch.Tensor, given: tuple[int, int]) -> dict[str, Any]:
    """A product whose sums depend on how many threads share them, with noise of the piece's own."""
    import torch

    place, seed = given
    noise = torch.randn(700, 300, generator=torch.Generator().manual_seed(1000 * seed + place))
    found = torch.tanh(noise @ weights) @ weights
    return {"sum": float(found.sum()), "first": found[0, :3], "place": place}


def nothing() -> None:
    """No preparation."""


def process(_: None, given: Any) -> tuple[int, int, str]:
    """Which process, how many threads, and what was given."""
    import torch

    time.sleep(0.05)
    return os.getpid(), torch.get_num_threads(), str(given)


def devices(_: None, given: int) -> str:
    """Which CUDA devices this worker sees."""
    time.sleep(0.2)
    return os.environ.get("CUDA_VISIBLE_DEVICES", "all")


def picky(_: None, given: int) -> int:
    """Refuses some pieces in each of the ways there are."""
    if given == 1:
        raise InputValueError("piece 1", "another piece", "leave it out")
    if given == 2:
        raise ManyInputsError("piece 2", ["it is two", "it is even"])
    if given == 3:
        raise AntigradError("piece 3", "a smaller one", "take 0")
    return given


class OddError(Exception):
    """An exception that can't be pickled back: it is made of two things and keeps one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def broken(_: None, given: int) -> int:
    """Fails as a program with a fault does."""
    if given == 1:
        raise ZeroDivisionError("a fault of the program")
    if given == 2:
        raise OddError("can't ", "be pickled")
    return given


def unpicklable(_: None, given: int) -> Any:
    """Finds what no pipe can carry."""
    return lambda: given


def refused() -> None:
    """A preparation that a user can mend."""
    raise InputValueError("no model here", "a model", "name another --model")


def fatal(_: None, given: tuple[str, Path]) -> str:
    """Kills its own process, as the system does where memory runs out, once another piece has begun."""
    word, folder = given
    (folder / f"began-{word}").touch()
    if word == "dies":
        while not (folder / "began-slow").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "slow":
        time.sleep(0.5)
    return word


def sleeper(_: None, given: tuple[int, Path]) -> int:
    """Says which process it runs in and takes long, all but the first piece."""
    place, folder = given
    (folder / f"{os.getpid()}").touch()
    if place:
        time.sleep(600)
    return place


def run_sleepers(folder: Path, engine: str) -> None:
    """The body of a command that is interrupted or killed in the midst of its pieces."""
    from antigrad.core.ledger import Ledger
    from antigrad.core.spread import Piece, Where, spread

    signal.signal(signal.SIGINT, signal.default_int_handler)
    pieces = [Piece(place, (place, folder)) for place in range(4)]
    for piece, _ in spread(sleeper, pieces, prepare=nothing, where=Where(engine, workers=2), title="pieces"):
        Ledger(folder / "ledger.jsonl").append({"key": piece.key})
