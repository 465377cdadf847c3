"""The update rules of the study, and the small network they train: optimizers of torch, and rules that are none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

SIZES = (32, 64, 64, 10)
EXAMPLES = 512


@dataclass(frozen=True)
class Task:
    """Labelled points: (N, 32) and (N,), to train on and held out."""

    train: tuple[Tensor, Tensor]
    held_out: tuple[Tensor, Tensor]


def make_task(seed: int) -> Task:
    """Draw Gaussian points and label them by a random two-layer teacher.

    Args:
        seed: Decides points and teacher.

    Returns:
        512 points to train on and 512 held out, float64.
    """
    draw = torch.Generator().manual_seed(seed)
    points, first, second = (
        torch.randn(shape, generator=draw, dtype=torch.float64)
        for shape in ((2 * EXAMPLES, SIZES[0]), (SIZES[0], SIZES[0]), (SIZES[0], SIZES[-1]))
    )
    labels = (torch.tanh(points @ first / 5) @ second).argmax(1)
    return Task((points[:EXAMPLES], labels[:EXAMPLES]), (points[EXAMPLES:], labels[EXAMPLES:]))


class Network(nn.Module):
    """32-64-64-10, tanh, no biases, float64.

    Args:
        seed: Decides the weights, normal with variance 1 / inputs.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterList(
            torch.randn(outputs, inputs, generator=draw, dtype=torch.float64) / math.sqrt(inputs)
            for inputs, outputs in pairwise(SIZES)
        )

    def activations(self, points: Tensor) -> list[Tensor]:
        """Inputs of every layer, then the logits.

        Args:
            points: (N, 32).

        Returns:
            Four tensors, (N, 32) to (N, 10).
        """
        seen = [points]
        for weight in self.weights[:-1]:
            seen.append(torch.tanh(seen[-1] @ weight.T))
        return [*seen, seen[-1] @ self.weights[-1].T]

    def loss(self, points: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy.

        Args:
            points: (N, 32).
            labels: (N,).

        Returns:
            Scalar.
        """
        return cross_entropy(self.activations(points)[-1], labels)


Direction = Callable[[Network, Tensor, Tensor], Sequence[Tensor]]


class Rule(torch.optim.Optimizer):
    """A rule that is no optimizer of torch: adds a multiple of a direction, which it may take from the batch itself.

    Args:
        network: What is trained.
        size: Factor of the direction.
        direction: From the network and a batch to what is added to each matrix.
    """

    def __init__(self, network: Network, size: float, direction: Direction) -> None:
        super().__init__(network.parameters(), {"lr": size})
        self._network, self._size, self._direction = network, size, direction
        self.batch: tuple[Tensor, Tensor] | None = None

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Add the direction of the batch.

        Args:
            closure: Not used.
        """
        assert self.batch is not None
        for weight, change in zip(self._network.weights, self._direction(self._network, *self.batch), strict=True):
            weight.add_(change, alpha=self._size)


def _gradients(network: Network) -> list[Tensor]:
    return [weight.grad for weight in network.weights if weight.grad is not None]


def _ascent(network: Network, points: Tensor, labels: Tensor) -> list[Tensor]:
    return _gradients(network)


def _sign(network: Network, points: Tensor, labels: Tensor) -> list[Tensor]:
    return [-gradient.sign() for gradient in _gradients(network)]


class Lion:
    """Chen et al. 2023, arXiv 2302.06675, Alg. 2, without weight decay."""

    def __init__(self) -> None:
        self._momenta: list[Tensor] = []

    def __call__(self, network: Network, points: Tensor, labels: Tensor) -> list[Tensor]:
        """Sign of a mixture of momentum and gradient."""
        gradients = _gradients(network)
        momenta = self._momenta or [torch.zeros_like(gradient) for gradient in gradients]
        self._momenta = [
            0.99 * momentum + 0.01 * gradient for momentum, gradient in zip(momenta, gradients, strict=True)
        ]
        return [-(0.9 * momentum + 0.1 * g).sign() for momentum, g in zip(momenta, gradients, strict=True)]


class FeedbackAlignment:
    """Backpropagation through fixed random matrices instead of the weights (Lillicrap et al. 2016).

    Args:
        seed: Decides the matrices, of the size of the weights at their start.
    """

    def __init__(self, seed: int) -> None:
        self._matrices = [weight.detach() for weight in Network(seed).weights]

    def __call__(self, network: Network, points: Tensor, labels: Tensor) -> list[Tensor]:
        """Errors sent back through the fixed matrices, times the inputs."""
        seen = network.activations(points)
        error = (seen[-1].softmax(-1) - one_hot(labels, SIZES[-1])) / len(labels)
        changes: list[Tensor] = []
        for layer in reversed(range(len(network.weights))):
            changes.insert(0, -error.T @ seen[layer])
            error = (error @ self._matrices[layer]) * (1 - seen[layer] ** 2)
        return changes


def _hebb_and_delta(network: Network, points: Tensor, labels: Tensor) -> list[Tensor]:
    # Hebb's rule with Oja's decay below, the gradient itself (the delta rule) on top.
    seen = network.activations(points)
    below = [
        0.1 * (seen[layer + 1].T @ seen[layer] / len(points) - seen[layer + 1].square().mean(0)[:, None] * weight)
        for layer, weight in enumerate(network.weights[:-1])
    ]
    return [*below, -_gradients(network)[-1]]


def make_rule(name: str, network: Network, seed: int) -> torch.optim.Optimizer:
    """Make a rule for a network.

    Args:
        name: One of `RULES`.
        network: What it trains.
        seed: Decides the matrices of feedback alignment.

    Returns:
        The rule; a `Rule` must be given each batch.
    """
    parameters: Iterable[nn.Parameter] = list(network.parameters())
    adam: dict[str, Any] = {"lr": 0.003, "betas": (0.9, 0.99)}
    makers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "SGD": lambda: torch.optim.SGD(parameters, lr=0.5),
        "momentum": lambda: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        "sign": lambda: Rule(network, 0.002, _sign),
        "Adam": lambda: torch.optim.Adam(parameters, **adam),
        "AdamW": lambda: torch.optim.AdamW(parameters, **adam, weight_decay=0.1),
        "Lion": lambda: Rule(network, 0.001, Lion()),
        "Muon": lambda: torch.optim.Muon(parameters, lr=0.02, momentum=0.95, weight_decay=0.0),
        "feedback alignment": lambda: Rule(network, 0.5, FeedbackAlignment(seed)),
        "Hebb + delta": lambda: Rule(network, 0.5, _hebb_and_delta),
        "ascent": lambda: Rule(network, 0.5, _ascent),
    }
    return makers[name]()


RULES = (
    "SGD",
    "momentum",
    "sign",
    "Adam",
    "AdamW",
    "Lion",
    "Muon",
    "feedback alignment",
    "Hebb + delta",
    "ascent",
)
