"""Every optimizer of torch, and one that is not torch's, is watched without being touched."""

import functools

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputValueError
from antigrad.geometry import Watch, preconditioner
from helpers.optimizers import BY_NAME, CASES, CLASSES, Case
from helpers.watching import Truth, batch, rank_one, rows_with, same, train

MODES = ("lagged", "split", "held_out", "parts", "rotate", "every")
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@functools.cache
def plain(name: str, mode: str = "loss") -> nn.Module:
    return train(BY_NAME[name], mode=mode)[0]


@functools.cache
def watched(name: str) -> tuple[nn.Module, list[dict], list[Truth]]:
    model, watch, truths = train(BY_NAME[name], watch=lambda o, m: Watch(o, model=m, every=1))
    assert watch is not None
    return model, watch.rows, truths


def test_table_holds_every_class_of_torch() -> None:
    assert set(CLASSES) <= {case.name for case in CASES}
    assert {"AdamW", "Muon", "LBFGS", "SparseAdam", "Adafactor"} <= set(CLASSES)


@each
@pytest.mark.parametrize("mode", MODES)
def test_trajectory_is_untouched(case: Case, mode: str) -> None:
    def watch(optimizer: torch.optim.Optimizer, model: nn.Module) -> Watch:
        if mode == "held_out":  # Draws dropout masks and moves running means, unless that is undone.
            inputs, labels = batch(999)
            return Watch(optimizer, model=model, every=2, held_out=lambda: cross_entropy(model(inputs), labels))
        options = {"rotate": {"rotate": 3}, "split": {"independent": "split"}}.get(mode, {})
        return Watch(optimizer, model=model, every=3 if mode == "every" else 1, **options)

    loop = mode if mode in ("split", "parts") else "loss"
    if mode == "split" and case.closure:
        with pytest.raises(InputValueError, match="closure"):
            train(case, watch=watch, mode=loop)
        return
    expected = plain(case.name, loop)
    model, seen, _ = train(case, watch=watch, mode=loop)
    assert same(model, expected)
    assert seen is not None
    rows = [row for row in seen.rows if not row["skipped"]]
    expected_count = {"every": 7, "held_out": 10}.get(mode, 20)
    assert len(seen.rows) == expected_count or (mode == "rotate" and 0 < len(seen.rows) <= 20)
    source = mode if mode in ("split", "held_out") else "lagged"
    assert {row["independent"] for row in rows} == {source} or case.model == "sparse" or rows[-1]["independent"] is None
    assert sum(row["independent"] == source for row in rows) >= len(rows) - 1 - 2 * (case.model == "sparse")


@each
def test_cosine_in_the_batch_is_that_of_float64(case: Case) -> None:
    if case.closure:
        pytest.skip("the gradient at the start of a closure's step is tested in unit tests")
    _, rows, truths = watched(case.name)
    for row, truth in zip(rows, truths, strict=True):
        assert row["in_batch"]["cos"] == pytest.approx(truth.cos, abs=1e-4)
        assert row["in_batch"]["drop_predicted"] == pytest.approx(float(truth.step @ truth.descent), rel=1e-3, abs=1e-9)
        assert row["in_batch"]["rho"] == pytest.approx(float(truth.step.norm() / truth.descent.norm()), rel=1e-4)


@each
def test_rank_one_preconditioner_gives_the_step_back(case: Case) -> None:
    if case.closure or case.maximize:
        pytest.skip("no gradient of one place, or no certificate")
    _, _, truths = watched(case.name)
    checked = 0
    for truth in truths:
        if 1e-3 < truth.cos < 1 - 1e-9:
            checked += 1
            assert (rank_one(truth) - truth.step).norm() <= 1e-6 * truth.step.norm()
            assert (preconditioner(truth.step, truth.descent)(truth.descent) - truth.step).norm() <= (
                1e-6 * truth.step.norm()
            )
    assert checked or case.name in ("SGD", "SGD-complex", "ASGD")


@each
def test_rows_after_the_first_have_a_lagged_gradient(case: Case) -> None:
    _, rows, _ = watched(case.name)
    moved = [row for row in rows[:-1] if not row["skipped"]]  # A line search may find nothing to its liking.
    assert len(rows_with(moved, "overshoot")) == len(moved) >= (19 if not case.closure else 15)
    assert rows[-1]["independent"] is None
    assert rows[-1]["cos"] is None


def test_sgd_scores_one_in_its_own_batch_alone() -> None:
    _, rows, _ = watched("SGD")
    assert all(row["in_batch"]["cos"] == pytest.approx(1, abs=1e-6) for row in rows)
    assert all(row["in_batch"]["kappa"] == pytest.approx(1, abs=2e-3) for row in rows)
    independent = torch.tensor(rows_with(rows, "cos"))
    assert independent.max() < 0.95
    assert independent.mean() < 0.8


def test_ascent_is_called_ascent() -> None:
    _, rows, _ = watched("SGD-maximize")
    assert all(row["in_batch"]["cos"] == pytest.approx(-1, abs=1e-6) for row in rows)
    assert all(row["in_batch"]["effective"] == "no" for row in rows)
    assert all(row["in_batch"]["kappa"] == float("inf") for row in rows)
