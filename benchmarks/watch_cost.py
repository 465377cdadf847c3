"""What watching costs: a logged optimizer step ÷ an unwatched one, a whole training step, memory."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from torch import nn

from antigrad.geometry import Watch
from antigrad.geometry.watch.tracker import Tracker
from antigrad.language.policy import load_policy
from benchmarks.measure import paired_ratio, peak_megabytes, record

EVERY = 10
RUNS = 3
"""Whole measurements of a figure; the one with the median ratio is kept, and all ratios are said."""
BATCHES = ((4, 64), (8, 128))
"""Rows and tokens of a training step: watching costs the same whatever their number, the step does not."""
TARGETS = {"tiny": {256: 1.04, 1024: 1.02}, "smollm2-135m-instruct": {256: 1.04, 1024: 1.02}}


def run(quick: bool, keep: bool) -> None:
    """Measure AdamW on a stack of 100M parameters, its memory, then training steps of the tiny policy and SmolLM2."""
    for name, options in (("fused", {"fused": True}), ("foreach", {"foreach": True})):
        step_alone(name, options, quick, keep)
        gc.collect()
    memory(quick, keep)
    gc.collect()
    for name in ("tiny",) if quick else TARGETS:
        for batch in BATCHES:
            training_step(name, batch, quick, keep)
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


def training_step(name: str, batch: tuple[int, int], quick: bool, keep: bool) -> None:
    """Compare training steps, forward, backward and optimizer, with and without the seconds inside the hooks.

    One step in two is logged and the next lends its gradient; the ratio is that of one in ten, of which eight only
    count. Both times come from the same steps: two trainings one after the other differ by more than is looked for.
    """
    policy = load_policy(name)
    model = policy.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    tokens = torch.randint(5, len(policy.tokenizer) - 5, batch, generator=torch.Generator().manual_seed(0))
    inside: list[float] = []
    pairs: list[tuple[float, float]] = []
    with (
        timed(Tracker, "begin", inside),
        timed(Tracker, "end", inside),
        Watch(optimizer, model=model, every=2) as watch,
    ):
        for _ in range(31 if name == "tiny" else 9):
            inside.clear()
            start = time.perf_counter()
            for _ in range(2):
                optimizer.zero_grad()
                model(input_ids=tokens, labels=tokens).loss.backward()
                optimizer.step()
            whole = time.perf_counter() - start
            pairs.append((whole, whole - sum(inside)))
    assert watch.rows[0]["independent"] == "lagged"
    # The first pair makes the optimizer's state and the memory of the copies.
    ratios = [1 + 2 * (ours / theirs - 1) / EVERY for ours, theirs in pairs[1:]]
    ours, theirs = (median(pair[side] for pair in pairs[1:]) for side in (0, 1))
    rows, length = batch
    record(
        {
            "name": f"watch_training_{rows * length}" if name != "tiny" else f"watch_training_tiny_{rows * length}",
            "ours": ours,
            "theirs": theirs,
            "ratio": median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "what": f"training steps of {policy.name}, {rows} × {length} tokens, one in {EVERY} logged ÷ unwatched",
            "target": TARGETS[name][rows * length],
        },
        keep=keep,
    )


@contextmanager
def timed(kind: type, name: str, seconds: list[float]) -> Iterator[None]:
    """Note the seconds inside a method, wherever it is called."""
    method = getattr(kind, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - start)

    setattr(kind, name, call)
    try:
        yield
    finally:
        setattr(kind, name, method)
