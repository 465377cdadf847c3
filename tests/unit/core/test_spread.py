"""Pieces of work: the same figures wherever they run, errors, dead workers, interruptions, resume."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError
from antigrad.core.ledger import Ledger
from antigrad.core.spread import Piece, Where, spread
from helpers import pieces as work

ONE, TWO, RAY = Where(), Where(workers=2), Where("ray", workers=2)
needs_ray = [pytest.mark.slow, pytest.mark.skipif(RAY.problems() != [], reason="the extra ray is not installed")]
EVERYWHERE = [pytest.param(ONE, id="here"), pytest.param(TWO, id="two"), pytest.param(RAY, marks=needs_ray, id="ray")]
ELSEWHERE = EVERYWHERE[1:]


def numbered(count: int) -> list[Piece[int]]:
    return [Piece(place, place) for place in range(count)]


def found(function: Callable[[None, Any], Any], pieces: list[Piece[Any]], where: Where, **more: Any) -> dict[Any, Any]:
    results = spread(function, pieces, prepare=more.pop("prepare", work.nothing), where=where, title="pieces", **more)
    return {piece.key: value for piece, value in results}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_figures_do_not_depend_on_where(where: Where, tmp_path: Path) -> None:
    """To the last bit, from a process that has several threads itself, and with one preparation a worker."""
    folders = tmp_path / "here", tmp_path / "there"
    for folder in folders:
        folder.mkdir()
    pieces = [Piece(place, (place, 7)) for place in range(6)]
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        here, there = (
            found(work.logits, pieces, at, prepare=partial(work.matrix, 3, folder))
            for at, folder in zip((ONE, where), folders, strict=True)
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(here) == set(there) == set(range(6))
    for place, one in here.items():
        assert one["sum"] == there[place]["sum"] and one["place"] == there[place]["place"] == place
        assert torch.equal(one["first"], there[place]["first"])
    assert len({one["sum"] for one in here.values()}) == 6
    assert [file.read_text() for file in folders[0].iterdir()] == ["1"]
    assert [file.read_text() for file in folders[1].iterdir()] == ["1", "1"]


def test_own_threads_are_left_alone_if_asked(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert found(work.process, numbered(1), ONE)[0][1] == 1
        assert found(work.process, numbered(1), ONE, own_threads=True)[0][1] == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("where", EVERYWHERE)
def test_workers_have_one_thread_and_share_the_pieces(where: Where) -> None:
    workers = {process for process, threads, _ in found(work.process, numbered(8), where).values() if threads == 1}
    assert len(workers) == where.workers
    assert (os.getpid() in workers) == (where.workers == 1)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_what_belongs_together_shares_a_worker_in_order(where: Where) -> None:
    pieces = [Piece(place, place, together="ab"[place % 2] if place < 6 else "") for place in range(9)]
    seen: dict[str, list[int]] = {"a": [], "b": []}
    workers: dict[str, set[int]] = {"a": set(), "b": set()}
    for piece, (process, _, _) in spread(work.process, pieces, prepare=work.nothing, where=where, title="pieces"):
        if piece.together:
            seen[piece.together].append(piece.key)
            workers[piece.together].add(process)
    assert seen == {"a": [0, 2, 4], "b": [1, 3, 5]}
    assert len(workers["a"]) == len(workers["b"]) == 1 and workers["a"] != workers["b"]


@pytest.mark.parametrize("where", EVERYWHERE)
def test_an_error_takes_the_place_of_its_piece(where: Where) -> None:
    values = found(work.picky, numbered(6), where)
    assert [values[place] for place in (0, 4, 5)] == [0, 4, 5]
    assert type(values[1]) is InputValueError and type(values[3]) is AntigradError
    assert (values[1].given, values[1].expected, values[1].hint) == ("piece 1", "another piece", "leave it out")
    assert str(values[3]) == "given: piece 3; expected: a smaller one; try: take 0"
    assert type(values[2]) is ManyInputsError and values[2].problems == ["it is two", "it is even"]
    assert "  2. it is even" in str(values[2])


@pytest.mark.parametrize("where", EVERYWHERE)
def test_a_fault_of_the_program_stops_all_and_says_where(where: Where) -> None:
    kept: list[int] = []
    with pytest.raises(ZeroDivisionError, match="a fault of the program") as caught:
        pieces = [piece for piece in numbered(9) if piece.key != 2]
        for piece, _ in spread(work.broken, pieces, prepare=work.nothing, where=where, title="pieces"):
            kept.append(piece.key)
    assert kept[0] == 0 and 1 not in kept
    if where is TWO:
        assert "in broken" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_what_cannot_be_pickled_is_said(where: Where) -> None:
    with pytest.raises(Exception, match="OddError: can't be pickled"):
        found(work.broken, [Piece(0, 0), Piece(2, 2)], where)
    with pytest.raises(Exception, match=r"(?i)pickle"):
        found(work.unpicklable, numbered(2), TWO)


@pytest.mark.parametrize("where", EVERYWHERE)
def test_a_preparation_that_refuses_is_the_error_of_all(where: Where) -> None:
    with pytest.raises(InputValueError, match=r"no model here.*name another --model"):
        found(work.picky, numbered(4), where, prepare=work.refused)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_killed_worker_is_one_clear_error_and_nothing_finished_is_lost(where: Where, tmp_path: Path) -> None:
    words = ["early", "dies", "slow", *(f"later {number}" for number in range(20))]
    pieces = [Piece(word, (word, tmp_path), name=f"scene {word}") for word in words]
    before, ledger = set(multiprocessing.active_children()), Ledger(tmp_path / "ledger.jsonl")
    with pytest.raises(AntigradError, match=r"'scene dies' died \(.*use fewer workers.*--resume") as caught:
        for piece, value in spread(work.fatal, pieces, prepare=work.nothing, where=where, title="scenes"):
            ledger.append({"key": piece.key, "value": value})
    if where is TWO:
        assert "killed by SIGKILL" in str(caught.value)
    rows = ledger.rows()
    keys = [row["key"] for row in rows]
    assert keys[:2] == ["early", "slow"] and keys == [row["value"] for row in rows]
    if where is TWO:  # on Ray pieces go on being handed out until its notice of the death has come
        assert len(keys) == 2 and not (tmp_path / "began-later 0").exists()
    assert set(multiprocessing.active_children()) <= before
    rest = [piece for piece in pieces if piece.key != "dies"]
    again = found(work.fatal, rest, where, done={row["key"] for row in rows})
    assert set(again) == {piece.key for piece in rest} - set(keys)


def test_done_pieces_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, int, int]] = []

    def bar(title: str, total: int, *, done: int) -> Any:
        shown.append((title, total, done))
        from antigrad.core.progress import progress

        return progress(title, total, done=done)

    monkeypatch.setattr("antigrad.core.spread.progress", bar)
    assert found(work.picky, numbered(7), ONE, done={0, 1, 2, 3, 5}) == {4: 4, 6: 6}
    assert found(work.picky, numbered(3), TWO, done={0, 1, 2}, prepare=work.refused) == {}
    assert found(work.picky, [], TWO, prepare=work.refused) == {}
    assert shown == [("pieces", 7, 5), ("pieces", 3, 3), ("pieces", 0, 0)]


def test_what_is_prepared_already_is_not_prepared_again() -> None:
    def seen(prepared: str, given: int) -> str:
        return prepared * given

    assert found(seen, numbered(3), ONE, prepare=work.refused, prepared="x") == {0: "", 1: "x", 2: "xx"}


def test_results_come_as_they_are_done(tmp_path: Path) -> None:
    """The piece that was begun first takes longest."""
    words = ["slow", "a", "b", "c"]
    pieces = [Piece(word, (word, tmp_path)) for word in words]
    assert list(found(work.fatal, pieces, TWO)) == ["a", "b", "c", "slow"]


WAYS = [("local", "SIGINT"), ("local", "SIGKILL"), ("local", "SIGTERM")]
WAYS_OF_RAY = [pytest.param("ray", way, marks=needs_ray) for way in ("SIGINT", "SIGKILL")]


@pytest.mark.parametrize(("engine", "way"), [*WAYS, *WAYS_OF_RAY])
def test_no_worker_outlives_the_command(engine: str, way: str, tmp_path: Path) -> None:
    command = multiprocessing.get_context("spawn").Process(target=work.run_sleepers, args=(tmp_path, engine))
    command.start()
    ledger, end = tmp_path / "ledger.jsonl", time.monotonic() + 60
    while not (ledger.exists() and len(_workers(tmp_path)) == 2):
        assert time.monotonic() < end and command.is_alive()
        time.sleep(0.02)
    workers = _workers(tmp_path)
    assert all(_alive(worker) for worker in workers)
    assert command.pid is not None
    os.kill(command.pid, signal.Signals[way])
    command.join(30)
    assert command.exitcode not in (None, 0)
    end = time.monotonic() + 10
    while any(_alive(worker) for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [row["key"] for row in Ledger(ledger).rows()] == [0]


def _workers(folder: Path) -> list[int]:
    return [int(file.name) for file in folder.iterdir() if file.name.isdigit()]


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_reader_that_stops_early_stops_the_workers(tmp_path: Path) -> None:
    pieces = [Piece(place, (place, tmp_path)) for place in range(4)]
    results, before = spread(work.sleeper, pieces, where=TWO, title="pieces"), set(multiprocessing.active_children())
    piece, value = next(results)
    assert (piece.key, value) == (0, 0)
    assert len(set(multiprocessing.active_children()) - before) == 2
    results.close()
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.slow
def test_a_cluster_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head in processes of its own, with two cores and what it takes for two CUDA devices; it outlives the work."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # A cluster has modules of its own.
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 2, "include_dashboard": False})
    at = Where("ray", workers=3, address=cluster.address)
    try:
        processes = {process for process, _, _ in found(work.process, numbered(8), at).values()}
        assert len(processes) == 2  # The third worker would wait for ever.
        assert not ray.is_initialized()
        assert set(found(work.devices, numbered(6), replace(at, gpus=1.0)).values()) == {"0", "1"}
        shared = found(work.devices, numbered(4), replace(at, workers=2, gpus=0.5))
        assert set(shared.values()) == {"0"}
        with pytest.raises(AntigradError, match=r"Ray has 2 GPUs for workers of 3.*the device cpu"):
            found(work.picky, numbered(2), replace(at, gpus=3.0))
        assert not ray.is_initialized()
    finally:
        cluster.shutdown()
    with pytest.raises(AntigradError, match=r"no Ray cluster at.*ray start --head"):
        found(work.picky, numbered(2), replace(at, address="127.0.0.1:1"))


def test_what_is_wrong_is_said_at_once() -> None:
    problems = Where("rya", workers=0).problems()
    assert len(problems) == 2 and "at least 1" in problems[0] and "did you mean 'ray'" in problems[1]
    assert "add --engine ray" in Where(address="auto").problems()[0]
    assert ONE.problems() == TWO.problems() == []


def test_ray_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antigrad.core.spread.find_spec", lambda _: None)
    assert "antigrad[ray]" in RAY.problems()[0]
