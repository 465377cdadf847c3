"""What watching costs: a logged optimizer step ÷ an unwatched one, a whole training step, memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from antigrad.geometry import Watch
from antigrad.posttraining.models import load_policy
from benchmarks.measure import paired_ratio, peak_megabytes, record

EVERY = 10
RUNS = 3
"""Whole measurements of a figure; the one with the median ratio is kept, and all ratios are said."""
BATCHES = ((4, 64), (8, 128))
"""Rows and tokens of a training step: watching costs the same whatever their number, the step does not."""


def run(quick: bool, keep: bool) -> None:
    """Measure AdamW on a stack of 100M parameters, its memory, then whole training steps of SmolLM2-135M."""
    for name, options in (("fused", {"fused": True}), ("foreach", {"foreach": True})):
        step_alone(name, options, quick, keep)
        gc.collect()
    memory(quick, keep)
    gc.collect()
    for batch in BATCHES:
        training_step(batch, quick, keep)
        gc.collect()


def _stack(quick: bool) -> list[nn.Parameter]:
    width, depth = (256, 4) if quick else (2048, 24)
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(width, width) / width**0.5) for _ in range(depth)]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    return parameters


def _middle(measure: Callable[[], dict[str, float]], runs: int) -> dict[str, Any]:
    found = sorted((measure() for _ in range(runs)), key=lambda figures: figures["ratio"])
    return {**found[runs // 2], "ratio_of_each_run": [figures["ratio"] for figures in found]}


def step_alone(name: str, options: dict[str, Any], quick: bool, keep: bool) -> None:
    """Compare AdamW's step when every step is logged, its lagged gradient included, with the same step unwatched."""
    parameters = _stack(quick)
    optimizer, plain = (torch.optim.AdamW(parameters, lr=1e-4, **options) for _ in range(2))
    with Watch(optimizer, every=1):
        figures = _middle(lambda: paired_ratio(optimizer.step, plain.step, 2 if quick else 7), 1 if quick else RUNS)
    count = sum(parameter.numel() for parameter in parameters)
    facts = {"what": f"AdamW ({name}), a logged step ÷ an unwatched one", "target": None, "parameters": count}
    record({"name": f"watch_step_{name}", **figures, **facts}, keep=keep)


def memory(quick: bool, keep: bool) -> None:
    """Compare the peak of a logged step with the bytes of the watched parameters, whole and in quarters."""
    parameters = _stack(quick)
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
    optimizer.step()
    watched = sum(parameter.numel() * parameter.element_size() for parameter in parameters) / 1e6

    def peak(rotate: int) -> float:
        with Watch(optimizer, every=1, rotate=rotate):
            return peak_megabytes(optimizer.step)

    whole, quarter = peak(1), peak(4)
    facts = {"what": "peak of a logged step beyond what lived before ÷ bytes of the parameters", "target": 1.05}
    figures = {"ours": whole, "theirs": watched, "ratio": whole / watched, "ratio_rotate_4": quarter / watched}
    record({"name": "watch_memory", **figures, **facts}, keep=keep)


def training_step(batch: tuple[int, int], quick: bool, keep: bool) -> None:
    """Compare training steps, forward, backward and optimizer, when one in ten is logged with unwatched ones."""
    policy = load_policy("tiny" if quick else "smollm2-135m-instruct")
    model = policy.model.train()
    optimizer, plain = (torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True) for _ in range(2))
    tokens = torch.randint(5, len(policy.tokenizer) - 5, batch, generator=torch.Generator().manual_seed(0))

    def two_steps(of: torch.optim.Optimizer) -> None:
        for _ in range(2):
            of.zero_grad()
            model(input_ids=tokens, labels=tokens).loss.backward()
            of.step()

    # A logged step, and the one after it, which lends its gradient: the other eight of ten only count.
    with Watch(optimizer, model=model, every=2) as watch:
        figures = _middle(
            lambda: paired_ratio(lambda: two_steps(optimizer), lambda: two_steps(plain), 2 if quick else 7),
            1 if quick else RUNS,
        )
    assert watch.rows[0]["independent"] == "lagged"
    for key in ("ratio", "ratio_min", "ratio_max"):
        figures[f"two_steps_{key}"], figures[key] = figures[key], _amortised(figures[key])
    figures["ratio_of_each_run"] = [_amortised(ratio) for ratio in figures["ratio_of_each_run"]]
    rows, length = batch
    what = f"training steps of {policy.name}, {rows} × {length} tokens, one in {EVERY} logged ÷ unwatched"
    record({"name": f"watch_training_{rows * length}", **figures, "what": what, "target": 1.02}, keep=keep)


def _amortised(two_steps: float) -> float:
    return 1 + 2 * (two_steps - 1) / EVERY
