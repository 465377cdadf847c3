"""Two processes, replicated or sharded, are certified as one process over the whole batch is."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from helpers.distributed import PROCESSES, STEPS, Kind, free_port, process, train_small

KINDS: tuple[Kind, ...] = ("ddp", "fsdp")
FIGURES = ("cos", "kappa", "kappa_layer", "z", "scale", "drop_predicted")


@pytest.fixture(scope="module", params=KINDS)
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what two processes have left."""
    folder = tmp_path_factory.mktemp(request.param)
    spawn(process, (free_port(), request.param, folder), nprocs=PROCESSES)
    return folder


@pytest.fixture(scope="module")
def one() -> tuple[list[torch.Tensor], list[dict[str, Any]]]:
    """The same training in this process."""
    return train_small("one", True)


def _rows(folder: Path, rank: int) -> list[dict[str, Any]]:
    return json.loads((folder / f"{rank}.json").read_text())


@pytest.mark.parametrize("rank", range(PROCESSES))
def test_the_training_is_the_same_bit_for_bit(two: Path, rank: int) -> None:
    found = torch.load(two / f"{rank}.pt", weights_only=True)
    assert all(torch.equal(a, b) for a, b in zip(found["plain"], found["watched"], strict=True))


def test_the_training_is_that_of_one_process(two: Path, one: tuple[list[torch.Tensor], list[dict[str, Any]]]) -> None:
    found = torch.load(two / "0.pt", weights_only=True)
    for ours, theirs in zip(found["watched"], one[0], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_every_process_has_the_same_rows(two: Path) -> None:
    assert _rows(two, 0) == _rows(two, 1)
    assert len(_rows(two, 0)) == STEPS


@pytest.mark.parametrize("of", ["in_batch", "lagged"])
def test_certificates_are_those_of_one_process(
    two: Path, one: tuple[list[torch.Tensor], list[dict[str, Any]]], of: str
) -> None:
    rows = _rows(two, 0) if of == "in_batch" else _rows(two, 0)[:-1]
    for ours, theirs in zip(rows, one[1], strict=False):
        mine, others = (ours["in_batch"], theirs["in_batch"]) if of == "in_batch" else (ours, theirs)
        assert ours["independent"] == theirs["independent"]
        for figure in FIGURES:
            if (figure, of) == ("z", "in_batch"):  # Random signs of a step's own gradient are no question.
                assert mine[figure] is others[figure] is None
                continue
            assert mine[figure] == pytest.approx(others[figure], rel=2e-3, abs=1e-5), (ours["step"], figure)


def test_parts_and_window_are_those_of_one_process(
    two: Path, one: tuple[list[torch.Tensor], list[dict[str, Any]]]
) -> None:
    for ours, theirs in zip(_rows(two, 0), one[1], strict=True):
        assert ours["effect"] == pytest.approx(theirs["effect"], rel=2e-3, abs=1e-6)
        assert ours["interaction"] == pytest.approx(theirs["interaction"], rel=5e-3)
        assert (ours["lambda_hi"] is None) == (theirs["lambda_hi"] is None)
        assert ours["moved_fraction"] == pytest.approx(theirs["moved_fraction"], abs=0.02)
        assert ours["wd_share"] == pytest.approx(theirs["wd_share"], rel=2e-3)


def test_one_process_alone_writes(two: Path) -> None:
    lines = (two / "run" / "ledger.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(STEPS))
