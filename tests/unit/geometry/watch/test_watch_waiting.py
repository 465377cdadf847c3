"""A row that waits for the next batch survives a checkpoint: the resumed watch writes the rows of an unbroken one."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

from antigrad.core.errors import InputValueError
from antigrad.core.runs import RunFolder
from antigrad.geometry.watch.watch import Watch

STEPS = 12
OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.1),
}


def made(kind: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
    return model, OPTIMIZERS[kind](model.parameters())


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        (model(x) - x.sum(1, keepdim=True)).square().mean().backward()
        optimizer.step()


def rows_of(run: RunFolder) -> list[dict[str, Any]]:
    latest = {row["step"]: row for row in run.ledger.stream("certificate")}
    return [latest[step] for step in sorted(latest)]


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("granularity", ["layer", "row"])
@pytest.mark.parametrize("killed_after", [0, 3])
def test_a_resumed_watch_writes_the_rows_of_an_unbroken_one(
    kind: str, granularity: Any, killed_after: int, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"every": 2, "granularity": granularity}
    whole = RunFolder.start(tmp_path / "whole", job="watch", config={})
    model, optimizer = made(kind)
    with Watch(optimizer, model=model, run=whole, **options):
        train(model, optimizer, range(STEPS))
    expected, end = rows_of(whole), [one.clone() for one in model.parameters()]

    cut = 5  # step 4 is certified, and waits
    first = RunFolder.start(tmp_path / "first", job="watch", config={})
    model, optimizer = made(kind)
    watch = Watch(optimizer, model=model, run=first, **options)
    train(model, optimizer, range(cut))
    watch.save_waiting(tmp_path / "waiting.safetensors")
    state = torch.nn.utils.parameters_to_vector(model.parameters()).clone()
    of_optimizer = {**optimizer.state_dict()}
    of_optimizer["state"] = {
        key: {name: one.clone() if isinstance(one, torch.Tensor) else one for name, one in value.items()}
        for key, value in of_optimizer["state"].items()
    }
    train(model, optimizer, range(cut, cut + killed_after))
    shutil.copytree(tmp_path / "first", tmp_path / "second")  # as a kill leaves it
    watch.close()

    model, optimizer = made(kind)
    torch.nn.utils.vector_to_parameters(state, model.parameters())
    optimizer.load_state_dict(of_optimizer)
    second = RunFolder.open(tmp_path / "second")
    with Watch(optimizer, model=model, run=second, start=cut, **options) as again:
        again.load_waiting(tmp_path / "waiting.safetensors")
        train(model, optimizer, range(cut, STEPS))
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), end, strict=True))
    assert rows_of(second) == expected
    assert [row["independent"] for row in expected] == ["lagged"] * 6  # step 10 by the gradient of step 11


def test_nothing_is_written_where_nothing_waits(tmp_path: Path) -> None:
    model, optimizer = made("SGD")
    with Watch(optimizer, model=model, every=10) as watch:
        train(model, optimizer, range(5))
        watch.save_waiting(tmp_path / "waiting.safetensors")
        watch.load_waiting(tmp_path / "waiting.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"no tensors", save({"a": torch.ones(1)}, {"rows": '{"SGD": "{}"}'})])
def test_a_damaged_file_is_a_clear_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "waiting.safetensors"
    path.write_bytes(content)
    model, optimizer = made("SGD")
    with Watch(optimizer, model=model) as watch, pytest.raises(InputValueError, match=r"waiting\.safetensors"):
        watch.load_waiting(path)


def test_a_row_of_another_model_does_not_wait(tmp_path: Path) -> None:
    model, optimizer = made("SGD")
    with Watch(optimizer, model=model, every=1) as watch:
        train(model, optimizer, range(1))
        watch.save_waiting(tmp_path / "waiting.safetensors")
    other = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    with Watch(optimizer, model=other, every=1, start=1) as watch:
        watch.load_waiting(tmp_path / "waiting.safetensors")
        train(other, optimizer, range(1, 3))
    assert [row["step"] for row in watch.rows] == [1, 2]
