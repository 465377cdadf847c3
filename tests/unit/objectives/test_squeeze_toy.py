"""Squeezing on a linear softmax head with two contexts: a smaller factor takes it away, at the price of the push."""

import pytest
import torch
from torch import Tensor

from antigrad.objectives import PAIR_LOSSES, PairLogps

PEAK, CHOSEN, REJECTED, WIDTH, CLASSES = 0, 20, 42, 16, 50


def starts(seeds: int = 5) -> tuple[Tensor, Tensor]:
    """(S, 2, 16) orthogonal unit contexts and (S, 50) the logits that both start with."""
    numpy = pytest.importorskip("numpy")
    contexts, logits = [], []
    for seed in range(seeds):
        rng = numpy.random.default_rng(seed)
        a, b = rng.normal(size=WIDTH), rng.normal(size=WIDTH)
        a = a / numpy.linalg.norm(a)
        b = b - (b @ a) * a
        contexts.append(torch.tensor(numpy.stack([a, b / numpy.linalg.norm(b)])))
        z = 0.3 * rng.normal(size=CLASSES)
        z[5:13] += 3  # a hill
        z[PEAK] += 5
        z[CHOSEN] += 2
        z[REJECTED] -= 2  # in the valley
        logits.append(torch.tensor(z))
    return torch.stack(contexts), torch.stack(logits)


def followed(v: float, steps: int = 300) -> Tensor:
    """(4,) changes after training: argmax and other tokens at the rejected context, rejected, chosen; mean of seeds."""
    h, z = starts()
    head = torch.linalg.pinv(h) @ z[:, None].expand(-1, 2, -1)
    first = torch.log_softmax(h @ head, -1)
    loss = PAIR_LOSSES.make("scaled(beta=1)")
    factor = torch.full((len(h),), 1 - v, dtype=torch.float64)
    eye = torch.eye(CLASSES, dtype=torch.float64)
    for _ in range(steps):
        now = torch.log_softmax(h @ head, -1)
        weights = loss(
            PairLogps(now[:, 0, CHOSEN], now[:, 1, REJECTED], first[:, 0, CHOSEN], first[:, 1, REJECTED], factor=factor)
        ).weights
        pull = weights.chosen[:, None] * (eye[CHOSEN] - now[:, 0].exp())
        push = weights.rejected[:, None] * (eye[REJECTED] - now[:, 1].exp())
        head = head + 0.3 * (h[:, 0, :, None] * pull[:, None] - h[:, 1, :, None] * push[:, None])
    change = torch.log_softmax(h @ head, -1) - first
    others = [token for token in range(CLASSES) if token not in (CHOSEN, REJECTED, PEAK)]
    columns = [change[:, 1, PEAK], change[:, 1, others].mean(-1), change[:, 1, REJECTED], change[:, 0, CHOSEN]]
    return torch.stack(columns).mean(-1)


def test_the_table() -> None:
    found = {v: followed(v) for v in (0.0, 0.5, 0.9)}
    expected = {0.0: (0.50, -0.72, -3.05, 2.24), 0.5: (0.43, -0.57, -2.55, 3.07), 0.9: (0.12, -0.12, -0.70, 3.43)}
    for v, row in expected.items():
        assert found[v].tolist() == pytest.approx(row, abs=0.01), v
    rows = torch.stack([found[v] for v in (0.0, 0.5, 0.9)])
    assert bool((rows[:, 0].diff() < 0).all()) and bool((rows[:, 1:].diff(dim=0) > 0).all())
