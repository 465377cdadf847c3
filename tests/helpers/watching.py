"""Small models with dropout and running means, a training loop, and figures of its steps recomputed in float64."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.core.parts import Parts
from antigrad.geometry import Watch
from helpers.optimizers import Case

INPUTS, CLASSES_OUT = 12, 5


class ComplexNet(nn.Module):
    """Squared amplitudes of a complex linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(CLASSES_OUT, INPUTS, dtype=torch.complex64) / 4)

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.to(torch.complex64) @ self.weight.T).abs().square()


class SparseNet(nn.Module):
    """A mean of embeddings with sparse gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(40, CLASSES_OUT, mode="mean", sparse=True)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.table((inputs[:, :6] * 10).long().abs() % 40)


def network(kind: str = "mlp", seed: int = 1) -> nn.Module:
    """A fresh model, always the same."""
    torch.manual_seed(seed)
    if kind == "complex":
        return ComplexNet()
    if kind == "sparse":
        return SparseNet()
    bias = kind != "matrices"
    norm = nn.BatchNorm1d(16, affine=bias)
    return nn.Sequential(
        nn.Linear(INPUTS, 16, bias=bias), norm, nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, CLASSES_OUT, bias=bias)
    )


def batch(seed: int, size: int = 24) -> tuple[Tensor, Tensor]:
    """Inputs and labels that a linear rule has made."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, INPUTS, generator=generator)
    rule = torch.randn(INPUTS, CLASSES_OUT, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs @ rule).argmax(1)


def parts_of(model: nn.Module, inputs: Tensor, labels: Tensor) -> Parts:
    """Right answers up, wrong answers (the next class) down, outputs held small."""
    outputs = model(inputs)
    logs = outputs.log_softmax(1)
    rows = torch.arange(len(labels))
    down = 0.3 * logs[rows, (labels + 1) % CLASSES_OUT].mean()
    return Parts(up=-logs[rows, labels].mean(), down=down, anchor=0.01 * outputs.square().mean())


@dataclass
class Truth:
    """What a step was, in float64: the step and the negative gradient, flat."""

    step: Tensor
    descent: Tensor

    @property
    def cos(self) -> float:
        return float(self.step @ self.descent / self.step.norm() / self.descent.norm())


def flat(tensors: list[Tensor]) -> Tensor:
    """One float64 vector; a complex number is two entries."""
    real = [torch.view_as_real(t) if t.is_complex() else t.to_dense() if t.is_sparse else t for t in tensors]
    return torch.cat([t.detach().double().flatten() for t in real])


def train(
    case: Case,
    *,
    steps: int = 20,
    watch: Callable[[torch.optim.Optimizer, nn.Module], Watch] | None = None,
    mode: str = "loss",
) -> tuple[nn.Module, Watch | None, list[Truth]]:
    """Train; `mode` says how the loop speaks to the watch: loss, parts, split."""
    model = network(case.model)
    optimizer = case(list(model.parameters()))
    watched = None if watch is None else watch(optimizer, model)
    truths: list[Truth] = []
    torch.manual_seed(7)
    for step in range(steps):
        inputs, labels = batch(step)

        def evaluate(inputs: Tensor = inputs, labels: Tensor = labels) -> Tensor:
            optimizer.zero_grad()
            if mode == "parts":
                parts = parts_of(model, inputs, labels)
                if watched is not None:
                    watched.backward(parts)
                else:
                    parts.total().backward()
                return parts.total()
            if mode == "split":
                for half in (slice(0, 12), slice(12, 24)):
                    (cross_entropy(model(inputs[half]), labels[half]) / 2).backward()
                    if watched is not None and half.start == 0:
                        watched.half()
                return torch.zeros(())
            loss = cross_entropy(model(inputs), labels)
            loss.backward()
            return loss

        if case.closure:
            optimizer.step(evaluate)
            continue
        evaluate()
        old = flat(list(model.parameters()))
        descent = -flat([p.grad for p in model.parameters() if p.grad is not None])
        optimizer.step()
        truths.append(Truth(flat(list(model.parameters())) - old, descent))
    if watched is not None:
        watched.close()
    return model, watched, truths


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers."""
    return model.state_dict()


def same(left: nn.Module, right: nn.Module) -> bool:
    """Whether all parameters and buffers are the same, bit for bit."""
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def rank_one(truth: Truth) -> Tensor:
    """P y with the upper rank-one preconditioner of y and g; it should be g."""
    cos, sin = truth.cos, math.sqrt(max(0.0, (1 - truth.cos) * (1 + truth.cos)))
    scale = float(truth.step @ truth.step / (truth.step @ truth.descent))
    high, low = scale * (1 + sin), scale * cos**2 / (1 + sin)
    pole = high * truth.descent - truth.step
    size_sq = pole @ pole
    bent = pole * (pole @ truth.descent) / size_sq if size_sq > 0 else 0 * pole
    return high * truth.descent - (high - low) * bent


def rows_with(rows: list[dict[str, Any]], key: str) -> list[Any]:
    """Values of a key, where there are any."""
    return [row[key] for row in rows if row[key] is not None]
