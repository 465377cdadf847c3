"""Every class of `pytorch_optimizer`, wrappers and those that change gradients in place too, is watched untouched."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputTypeError
from antigrad.geometry import Watch
from helpers.pytorch_optimizers import CLASSES, KINDS, REFUSED, Kind, network
from helpers.watching import batch, same

NO_OWN_GRADIENT = ("GSAM",)
"""They evaluate a loss that was stored in them: nothing outside sees the gradient."""
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name}{'-maximize' * kind.maximize}")


@pytest.fixture(scope="module", autouse=True)
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A group of one process, which some of them ask for, and peace from their own warnings."""
    meeting = tmp_path_factory.mktemp("group") / "file"
    torch.distributed.init_process_group("gloo", init_method=f"file://{Path(meeting)}", rank=0, world_size=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.distributed.destroy_process_group()


def test_the_table_holds_every_class() -> None:
    assert {kind.name for kind in KINDS} == set(CLASSES)
    assert len(CLASSES) >= 139


@each
@pytest.mark.filterwarnings("ignore")
def test_the_trajectory_is_untouched_and_every_step_has_its_row(kind: Kind) -> None:
    if kind.name in REFUSED:
        with pytest.raises(InputTypeError, match=REFUSED[kind.name]):
            kind.train(lambda optimizer, model: Watch(optimizer, model=model))
        return
    plain, _, _ = kind.train(None)
    model, watch, truths = kind.train(lambda optimizer, model: Watch(optimizer, model=model, every=1))
    assert same(plain, model)
    assert [row["step"] for row in watch.rows] == list(range(6))
    assert not any("failed" in row for row in watch.rows)
    for row, truth in zip(watch.rows, truths, strict=bool(truths)):
        if truth.step.norm() == 0:
            assert row["skipped"]
            continue
        # The gradient as it was before the optimizer had it, and the move of the outermost step.
        assert row["in_batch"]["cos"] == pytest.approx(truth.cos, abs=1e-4)
        assert row["in_batch"]["rho"] == pytest.approx(float(truth.step.norm() / truth.descent.norm()), rel=1e-3)
    if kind.name not in NO_OWN_GRADIENT:
        moved = [row for row in watch.rows if not row["skipped"]]
        assert all(math.isfinite(row["in_batch"]["cos"]) for row in moved)
        assert [row["independent"] for row in moved[:-1]] == ["lagged"] * len(moved[:-1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_optimizer_inside_safe_fp16_is_watched(dtype: torch.dtype) -> None:
    """Half precision on the CPU: the float32 weights inside are what its certificate is of."""

    def train(watched: bool) -> torch.nn.Module:
        model = network().to(dtype)
        outer = CLASSES["SafeFP16Optimizer"](torch.optim.SGD(model.parameters(), lr=0.1))
        watch = Watch(outer.optimizer, every=1) if watched else None
        torch.manual_seed(7)
        for step in range(6):
            inputs, labels = batch(step)
            outer.zero_grad()
            outer.backward(cross_entropy(model(inputs.to(dtype)).float(), labels))
            outer.clip_main_grads(1.0)
            outer.step()
        if watch is not None:
            watch.close()
            assert [row["in_batch"]["cos"] for row in watch.rows] == [pytest.approx(1.0, abs=1e-6)] * 6
        return model

    assert same(train(watched=False), train(watched=True))


@pytest.mark.filterwarnings("ignore")  # of what they compile with
@pytest.mark.parametrize("module", ["schedulefree", "heavyball", "bitsandbytes"])
def test_other_libraries_where_they_are_installed(module: str) -> None:
    library = pytest.importorskip(module, reason=f"{module} is not installed")
    made = {
        "schedulefree": lambda p: library.AdamWScheduleFree(p, lr=1e-2),
        "heavyball": lambda p: library.AdamW(p, lr=1e-2),
        "bitsandbytes": lambda p: library.optim.AdamW(p, lr=1e-2),
    }[module]

    def train(watched: bool) -> torch.nn.Module:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
        optimizer = made(list(model.parameters()))
        watch = Watch(optimizer, model=model, every=1) if watched else None
        getattr(optimizer, "train", lambda: None)()
        for seed in range(6):
            optimizer.zero_grad()
            inputs = torch.randn(16, 8, generator=torch.Generator().manual_seed(seed))
            model(inputs).square().mean().backward()
            optimizer.step()
        if watch is not None:
            watch.close()
            assert len(watch.rows) == 6
        return model

    assert same(train(watched=False), train(watched=True))
