"""One table of optimizers: every class of `torch.optim`, its variants, and one that is not torch's."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

CLASSES = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer
}


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, arXiv 2302.06675, Alg. 2, with decoupled weight decay; may overwrite its gradients."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, decay: float = 0.0, overwrite: bool = False) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": decay, "overwrite": overwrite})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_((0.9 * momentum + 0.1 * parameter.grad).sign(), alpha=-group["lr"])
                momentum.mul_(0.99).add_(parameter.grad, alpha=0.01)
                if group["overwrite"]:
                    parameter.grad.mul_(0.5)


@dataclass(frozen=True)
class Case:
    """How one optimizer is made, and which model it can train."""

    name: str
    make: Callable[..., torch.optim.Optimizer]
    options: dict[str, Any] = field(default_factory=dict)
    model: str = "mlp"
    closure: bool = False
    maximize: bool = False

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return self.make(parameters, **self.options)


def _case(kind: str, variant: str = "", **options: Any) -> Case:
    model = {"Muon": "matrices", "SparseAdam": "sparse"}.get(kind, "mlp")
    if options.pop("complex", False):
        model = "complex"
    name = f"{kind}-{variant}" if variant else kind
    return Case(name, CLASSES[kind], options, model, kind == "LBFGS", options.get("maximize", False))


_DEFAULTS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1},
    "LBFGS": {"lr": 0.1, "max_iter": 3},
    "ASGD": {"lr": 0.1},
    "Muon": {"lr": 0.01},
}
CASES = [
    *(_case(kind, **_DEFAULTS.get(kind, {})) for kind in CLASSES),
    _case("SGD", "momentum", lr=0.1, momentum=0.9),
    _case("SGD", "nesterov-decay", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    _case("SGD", "foreach", lr=0.1, momentum=0.9, foreach=True),
    _case("SGD", "fused", lr=0.1, momentum=0.9, fused=True),
    _case("SGD", "maximize", lr=0.01, maximize=True),
    _case("Adam", "foreach", lr=1e-2, foreach=True),
    _case("Adam", "fused", lr=1e-2, fused=True),
    _case("Adam", "amsgrad-coupled", lr=1e-2, amsgrad=True, weight_decay=0.1),
    _case("Adam", "complex", lr=1e-2, complex=True),
    _case("SGD", "complex", lr=1e-2, complex=True),
    _case("AdamW", "decay", lr=1e-2, weight_decay=0.5),
    _case("AdamW", "foreach", lr=1e-2, foreach=True),
    _case("AdamW", "fused", lr=1e-2, fused=True),
    _case("AdamW", "tensor-lr", lr=torch.tensor(1e-2), capturable=False, foreach=False),
    _case("Adagrad", "fused", fused=True),
    _case("NAdam", "decay", weight_decay=0.1, decoupled_weight_decay=True),
    _case("RAdam", "foreach", foreach=True),
    _case("RMSprop", "momentum", lr=1e-3, momentum=0.9, centered=True),
    _case("Rprop", "foreach", foreach=True),
    _case("LBFGS", "wolfe", lr=1.0, max_iter=4, line_search_fn="strong_wolfe"),
    Case("Lion", Lion, {"lr": 1e-3, "decay": 0.1}),
]
BY_NAME = {case.name: case for case in CASES}
