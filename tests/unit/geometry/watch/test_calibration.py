"""Verdicts that their numbers carry: at stationary points, in healthy trainings, and in ones that diverge."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from antigrad.geometry import Watch
from antigrad.geometry.evidence import evidence
from antigrad.geometry.watch.pool import Pool, Products
from helpers.stationary import HEALTHY, LABELS, MODELS, PIXELS, noisy, penalised, sample_gradients, stationary, watched
from helpers.watching import flat


def frozen(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Steps of real batches that are too small to lead away from where they start."""
    return torch.optim.SGD(parameters, lr=1e-10)


def beyond(rows: list[dict], key: str) -> float:  # type: ignore[type-arg]
    """Share of values beyond three."""
    values = torch.tensor([row[key] for row in rows if row[key] is not None], dtype=torch.float64)
    assert len(values) > 100
    return float((values.abs() > 3).double().mean())


def products(gradients: dict[str, Tensor], draw: torch.Generator, size: int, rows: int) -> Iterator[Products]:
    """Products of the mean gradients of two batches, redrawn for each row."""
    names, count = list(gradients), len(next(iter(gradients.values())))
    for _ in range(rows):
        one, two = (torch.randint(0, count, (size,), generator=draw) for _ in range(2))
        pairs = [(each[one].mean(0), each[two].mean(0)) for each in gradients.values()]
        dot = torch.stack([a @ b for a, b in pairs])
        step_sq, slope_sq = (torch.stack([pair[side] @ pair[side] for pair in pairs]) for side in (0, 1))
        whole, slope = float((step_sq.sum() * slope_sq.sum()).sqrt()), float(slope_sq.sum().sqrt())
        sizes, share = (step_sq * slope_sq).sqrt(), step_sq / step_sq.sum()
        yield Products(names, dot, sizes, float(dot.sum()) / whole, float(dot.sum()), whole, share, slope)


@pytest.mark.parametrize("name", MODELS)
def test_at_a_stationary_point_pooled_rows_are_calibrated_and_random_signs_are_not(name: str) -> None:
    model, labels = stationary(name)
    gradients = sample_gradients(model, labels)
    draw = torch.Generator().manual_seed(0)
    for size in (8, 64, 256):
        pool = Pool()
        drawn = enumerate(products(gradients, draw, size, 800))
        rows = [pool.add(step, one, None, at_end=False) for step, one in drawn]
        assert beyond(rows, "t") <= 0.01
        assert sum(row["effective"] == "no" for row in rows) <= 0.01 * len(rows)
        # Any block of them all, each with its share of the chance.
        assert sum(bool(row["against"]) for row in rows) <= 0.01 * len(rows)
    whole = torch.cat(list(gradients.values()), 1)
    one, two = (whole[torch.randint(0, len(whole), (500, 64), generator=draw)].mean(1) for _ in range(2))
    z = (one * two).sum(1) / (one * two).square().sum(1).sqrt()
    assert float((z.abs() > 3).double().mean()) > 0.4  # Random signs promise .0027.


def test_at_a_stationary_point_samples_of_one_row_are_calibrated() -> None:
    model, labels = stationary("network")
    whole, draw = torch.cat(list(sample_gradients(model, labels).values()), 1), torch.Generator().manual_seed(1)
    found: list[float] = []
    for size in (8, 64, 256):
        for _ in range(500):
            step = whole[torch.randint(0, len(whole), (size,), generator=draw)].mean(0)
            score = evidence(whole[torch.randint(0, len(whole), (128,), generator=draw)] @ step).t
            assert score is not None
            found.append(score)
    assert float((torch.tensor(found).abs() > 3).double().mean()) <= 0.01


def test_a_watch_pools_what_its_rows_say() -> None:
    model, labels = stationary("network")
    rows = watched(model, labels, frozen, rows=60, size=64)[:-1]
    for place, row in enumerate(rows):
        recent = [one["cos"] for one in rows[max(0, place - 19) : place + 1]]
        assert row["t_values"] == len(recent)
        assert row["t"] == (None if place < 3 else pytest.approx(evidence(recent).t, rel=1e-9))
    assert not any(row["effective"] == "no" or row["alarms"] for row in rows)
    assert sum(abs(row["z"]) > 3 for row in rows) > 0.4 * len(rows)


def test_samples_and_micro_batches_speak_for_one_row() -> None:
    model, labels = stationary("network")
    draw = torch.Generator().manual_seed(9)

    def held_out() -> Tensor:
        chosen = torch.randint(0, len(labels), (128,), generator=draw)
        return penalised(model, PIXELS[chosen], labels[chosen], "none")

    rows = watched(model, labels, frozen, rows=5, size=64, held_out=held_out)
    assert {(row["t_of"], row["t_values"]) for row in rows} == {("samples", 128)}
    assert all(abs(row["t"]) < 4 for row in rows)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-10)
    with Watch(optimizer, model=model, every=1) as watch:
        moves: list[Tensor] = []
        expected: list[float] = []
        for _ in range(3):
            optimizer.zero_grad()
            before = torch.zeros(())
            drops: list[Tensor] = []
            for _ in range(8):
                chosen = torch.randint(0, len(labels), (16,), generator=draw)
                (penalised(model, PIXELS[chosen], labels[chosen]) / 8).backward()
                watch.micro_batch()
                now = flat([p.grad for p in model.parameters()])  # type: ignore[misc]
                drops.append(-(now - before) @ moves[-1] if moves else torch.zeros(()))
                before = now
            if moves:
                score = evidence(torch.stack(drops)).t
                assert score is not None
                expected.append(score)
            old = flat(list(model.parameters()))
            optimizer.step()
            moves.append(flat(list(model.parameters())) - old)
    assert {(row["t_of"], row["t_values"]) for row in watch.rows[:-1]} == {("micro-batches", 8)}
    assert [row["t"] for row in watch.rows[:-1]] == pytest.approx(expected, rel=1e-4)


def test_momentum_and_one_held_out_batch_are_no_evidence_by_repetition() -> None:
    model, labels = stationary("softmax")
    held = torch.arange(0, 1797, 14)

    def make(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=1e-10, momentum=0.9)

    def held_out() -> Tensor:
        return penalised(model, PIXELS[held], labels[held])

    rows = watched(model, labels, make, rows=500, size=16, held_out=held_out)
    # Twenty steps with one held-out batch count as one value: their moves are much the same.
    assert beyond(rows, "t") <= 0.01
    assert rows[59]["t"] is None
    assert rows[60]["t"] is not None
    assert rows[60]["t_values"] == 4


@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_trainings_are_not_called_ascent(name: str, noise: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32, bias=name != "Muon"), nn.Tanh(), nn.Linear(32, 10, bias=name != "Muon"))
    labels = noisy(noise)
    with torch.no_grad():
        before = float(penalised(model, PIXELS.float(), labels))
    rows = watched(model, labels, HEALTHY[name], rows=250, size=64)
    with torch.no_grad():
        assert float(penalised(model, PIXELS.float(), labels)) < before - 0.3
    judged = [row for row in rows if row["independent"]]
    assert sum(row["effective"] == "no" for row in judged) <= 0.02 * len(judged)
    assert sum(bool(row["alarms"]) for row in judged) <= 0.02 * len(judged)
    assert noise or any(row["effective"] == "yes" for row in judged[:40])
    if name == "SGD-fast":  # What the verdict was before: random signs, of the slope at the end of the step.
        assert sum(row["z"] < -3 for row in judged) > 0.3 * len(judged)


@pytest.mark.parametrize("rate", [2.0, 3.0, 5.0, 20.0, 100.0])
def test_a_training_that_diverges_is_called_out_within_ten_steps(rate: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    with torch.no_grad():
        before = float(penalised(model, PIXELS.float(), LABELS))
    rows = watched(model, LABELS, lambda p: torch.optim.SGD(p, lr=rate), rows=11, size=64)
    with torch.no_grad():
        assert float(penalised(model, PIXELS.float(), LABELS)) > 1.1 * before
    assert any("learning rate" in alarm for row in rows[:10] for alarm in row["alarms"])


def test_a_held_out_loss_of_samples_calls_a_single_bad_step() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    pixels = PIXELS.float()

    def held_out() -> Tensor:
        return penalised(model, pixels[:256], LABELS[:256], "none")

    rows = watched(model, LABELS, lambda p: torch.optim.SGD(p, lr=20.0), rows=2, size=64, held_out=held_out)
    assert rows[0]["drop_t"] < -3
    assert any("raised the held-out loss" in alarm for alarm in rows[0]["alarms"])
    assert rows[0]["effective"] == "yes"  # To first order, at its start, it goes down.


def test_blocks_are_named_by_their_share_of_what_goes_up() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 10))
    bad = {"0.weight": 1.0, "2.bias": 0.02}

    class Partly(torch.optim.SGD):
        """Goes up in two blocks: in a large one, and in a small one against whose gradient it points the most."""

        def step(self, closure=None):  # type: ignore[no-untyped-def,override]
            for name, parameter in model.named_parameters():
                if name in bad and parameter.grad is not None:
                    parameter.grad.mul_(-bad[name])
            return super().step(closure)

    rows = watched(model, LABELS, lambda p: Partly(p, lr=0.05), rows=30, size=64)
    told = [row for row in rows if row["against"]]
    assert len(told) > 15
    assert all({name for name, _, _ in row["against"]} <= set(bad) for row in told)
    assert all(row["against"][0][0] == "0.weight" for row in told[3:])
    alarms = [alarm for row in told for alarm in row["alarms"] if "blocks that go up" in alarm]
    assert alarms
    assert all("look at 0.weight (" in alarm for alarm in alarms)
