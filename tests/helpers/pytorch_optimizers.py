"""How each class of `pytorch_optimizer` is made for a small model, and how its step is asked for."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.watching import Truth, batch, flat

po = pytest.importorskip("pytorch_optimizer", reason="the test extra pytorch-optimizer is not installed")

CLASSES: dict[str, Any] = {
    name: kind
    for name, kind in vars(po).items()
    if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer
}
WRAPPERS = ("Lookahead", "Magma", "OrthoGrad", "TRAC", "PCGrad", "ScheduleFreeWrapper")
SAMS = ("SAM", "LookSAM", "FriendlySAM")
MUONS = ("Muon", "AdaMuon", "AdaGO", "DistributedMuon", "NorMuon", "MuonClip")
REFUSED = {
    "LOMO": "steps while its backward pass runs",
    "AdaLOMO": "steps while its backward pass runs",
    "SafeFP16Optimizer": "has no param_groups",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "Ranger21": {"num_iterations": 30},
    "BSAM": {"num_data": 100},
    "LBFGS": {"lr": 0.1, "max_iter": 3},
}


def network(matrices: bool = False) -> nn.Module:
    """Matrices and vectors, always the same."""
    torch.manual_seed(1)
    if matrices:
        return nn.Sequential(nn.Linear(12, 16, bias=False), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 5, bias=False))
    return nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 5))


@dataclass(frozen=True)
class Kind:
    """One class, as it is used."""

    name: str
    maximize: bool = False

    def make(self, model: nn.Module) -> torch.optim.Optimizer:
        """A fresh optimizer over a model."""
        kind, options = CLASSES[self.name], dict(OPTIONS.get(self.name, {}))
        options |= {"maximize": True} if self.maximize else {}
        parameters = list(model.parameters())
        if self.name == "SafeFP16Optimizer":
            return kind(torch.optim.SGD(parameters, lr=0.1))
        if self.name in WRAPPERS:
            return kind(torch.optim.AdamW(parameters, lr=1e-2), **options)
        if self.name in SAMS:
            return kind(parameters, torch.optim.SGD, lr=0.05, momentum=0.9)
        if self.name == "WSAM":
            return kind(model, parameters, torch.optim.SGD, lr=0.05)
        if self.name == "GSAM":
            base = torch.optim.SGD(parameters, lr=0.05)
            rates = torch.optim.lr_scheduler.ConstantLR(base, factor=1.0)
            schedule = po.ProportionScheduler(rates, max_lr=0.1, min_lr=0.0, max_value=0.05, min_value=0.01)
            return kind(parameters, base, model, schedule)
        if self.name in MUONS:
            groups = [
                {"params": [p for p in parameters if p.ndim == 2], "use_muon": True},
                {"params": [p for p in parameters if p.ndim != 2], "use_muon": False},
            ]
            return kind(groups, **options)
        if self.name in ("LOMO", "AdaLOMO", "AdamMini"):
            return kind(model, **options)
        return kind(parameters, **options)

    @property
    def closure(self) -> bool:
        """Whether its step evaluates the loss itself."""
        return self.name in (*SAMS, "WSAM", "BSAM", "LBFGS", "AliG", "GSAM")

    def train(
        self, watch: Callable[[torch.optim.Optimizer, nn.Module], Any] | None, steps: int = 6
    ) -> tuple[Any, Any, list[Truth]]:
        """Train; the model, what watched it, and what each step was."""
        random.seed(3)
        np.random.seed(3)
        model = network(self.name == "SpectralSphere")
        optimizer = self.make(model)
        watched = None if watch is None else watch(optimizer, model)
        torch.manual_seed(7)
        truths: list[Truth] = []
        for step in range(steps):
            noted: list[tuple[torch.Tensor, torch.Tensor]] = []
            self._step(model, optimizer, *batch(step), noted)
            truths += [Truth(flat(list(model.parameters())) - old, -slope) for old, slope in noted]
        if watched is not None:
            watched.close()
        return model, watched, truths

    def _step(
        self, model: nn.Module, optimizer: Any, inputs: torch.Tensor, labels: torch.Tensor, noted: list[Any]
    ) -> None:
        if hasattr(optimizer, "train") and self.name.startswith("ScheduleFree"):
            optimizer.train()

        def here() -> None:
            slopes = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
            noted.append((flat(list(model.parameters())), flat(slopes)))

        def evaluate() -> torch.Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), labels)
            loss.backward(create_graph=self.name in ("AdaHessian", "SophiaH"))
            return loss

        if self.name in ("LOMO", "AdaLOMO"):
            optimizer.zero_grad()
            optimizer.fused_backward(cross_entropy(model(inputs), labels), 1e-2)
        elif self.name == "PCGrad":
            outputs = model(inputs)
            optimizer.pc_backward([cross_entropy(outputs, labels), outputs.square().mean()])
            here()
            optimizer.step()
        elif self.name == "GSAM":
            optimizer.set_closure(nn.CrossEntropyLoss(), inputs, labels)
            optimizer.step()
        elif self.name in (*SAMS, "BSAM"):
            evaluate()
            if self.name != "LookSAM":  # In four steps of five it takes the gradient of the closure, of other masks.
                here()
            optimizer.step(evaluate)
        elif self.name == "AliG":
            loss = float(evaluate().detach())
            here()
            optimizer.step(lambda: loss)
        elif self.closure:
            optimizer.step(evaluate)
        else:
            evaluate()
            here()
            optimizer.step()


KINDS = [Kind(name) for name in sorted(CLASSES)] + [
    Kind(name, maximize=True)
    for name, kind in sorted(CLASSES.items())
    if "maximize" in inspect.signature(kind.__init__).parameters and name not in (*WRAPPERS, *REFUSED)
]
