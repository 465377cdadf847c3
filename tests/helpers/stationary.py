"""Models of scikit-learn's digits: trained to a stationary point with label noise, or on their way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import avg_pool2d, cross_entropy

from antigrad.geometry import Watch
from helpers.optimizers import Lion

_PIXELS, _LABELS = load_digits(return_X_y=True)
PIXELS = torch.tensor(_PIXELS / 16, dtype=torch.float64)
LABELS = torch.tensor(_LABELS)
DECAY = 1e-3
Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def noisy(share: float) -> Tensor:
    """Labels of which a share is drawn at random."""
    draw = torch.Generator().manual_seed(5)
    wrong = torch.rand(len(LABELS), generator=draw) < share
    return torch.where(wrong, torch.randint(0, 10, (len(LABELS),), generator=draw), LABELS)


class Convolutional(nn.Module):
    """Six filters of three by three, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.filters, self.top = nn.Conv2d(1, 6, 3), nn.Linear(54, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.top(avg_pool2d(torch.tanh(self.filters(inputs.view(-1, 1, 8, 8))), 2).flatten(1))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "softmax": lambda: nn.Linear(64, 10),
    "network": lambda: nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10)),
    "convolutional": Convolutional,
}
HEALTHY: dict[str, Make] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "SGD-fast": lambda p: torch.optim.SGD(p, lr=0.5),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=3e-3),
    "Muon": lambda p: torch.optim.Muon(p, lr=0.01),
    "Lion": lambda p: Lion(p, lr=3e-4),
}


def penalised(model: nn.Module, inputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy with weight decay in the loss, so that there is a stationary point."""
    decay = sum((p.square().sum() for p in model.parameters()), torch.zeros((), dtype=inputs.dtype))
    return cross_entropy(model(inputs), labels, reduction=reduction) + DECAY * decay


@functools.cache
def _trained(name: str) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    model, labels = MODELS[name]().double(), noisy(0.4)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=60, history_size=50, tolerance_grad=1e-10, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = penalised(model, PIXELS, labels)
        loss.backward()
        return loss

    for _ in range(8):
        optimizer.step(closure)
    return model, labels


def stationary(name: str) -> tuple[nn.Module, Tensor]:
    """A copy of a model at a stationary point of the loss of all rows, 40 % of whose labels are noise; the labels."""
    model, labels = _trained(name)
    return deepcopy(model), labels


def sample_gradients(model: nn.Module, labels: Tensor) -> dict[str, Tensor]:
    """The gradient of each row's loss: (N, size) by parameter."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(values: dict[str, Tensor], pixels: Tensor, label: Tensor) -> Tensor:
        decay = sum((value.square().sum() for value in values.values()), torch.zeros((), dtype=pixels.dtype))
        return cross_entropy(functional_call(model, values, (pixels[None],)), label[None]) + DECAY * decay

    found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, PIXELS, labels)
    return {name: value.flatten(1) for name, value in found.items()}


def watched(
    model: nn.Module, labels: Tensor, make: Make, *, rows: int, size: int, seed: int = 0, **options: Any
) -> list[dict[str, Any]]:
    """Rows of a training on batches drawn with replacement."""
    optimizer, draw = make(list(model.parameters())), torch.Generator().manual_seed(seed)
    pixels = PIXELS.to(next(model.parameters()).dtype)
    with Watch(optimizer, model=model, **({"every": 1} | options)) as watch:
        for _ in range(rows * options.get("every", 1)):
            chosen = torch.randint(0, len(labels), (size,), generator=draw)
            optimizer.zero_grad()
            penalised(model, pixels[chosen], labels[chosen]).backward()
            optimizer.step()
    return watch.rows
