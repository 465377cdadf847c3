"""Timing two things in turn, peak memory, and the environment beside the figures."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

RESULTS = Path(__file__).parent / "results"


def paired_ratio(
    ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int, *, warm: bool = True
) -> dict[str, float]:
    """Time two functions in turn, A B A B, after one warm-up each.

    Args:
        ours: The first.
        theirs: The second.
        repeats: Pairs.
        warm: Do the warm-up; of work that takes minutes it would change nothing.

    Returns:
        Median seconds of both, and the median, lowest and highest ratio over the pairs; `cpu_ratio`: the median ratio
        of seconds on processors, which other people's work on the machine disturbs less.
    """
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for place in range(repeats + warm):
        ours_took, theirs_took = _seconds(ours), _seconds(theirs)
        if place or not warm:
            pairs.append((ours_took, theirs_took))
    ratios = [a[0] / b[0] for a, b in pairs]
    return {
        "ours": statistics.median(a[0] for a, _ in pairs),
        "theirs": statistics.median(b[0] for _, b in pairs),
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "cpu_ratio": statistics.median(a[1] / b[1] for a, b in pairs),
    }


def _seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Run something once.

    Args:
        work: What is run.

    Returns:
        Seconds on the clock, and on processors.
    """
    start, on_processors = time.perf_counter(), time.process_time()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, time.process_time() - on_processors


def peak_megabytes(work: Callable[[], Any]) -> float:
    """Most memory that torch's CPU allocator held at once beyond what lived before.

    Args:
        work: What is measured.

    Returns:
        Megabytes (10^6 bytes).
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    live = top = 0
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]  # type: ignore
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        top = max(top, live)
    return top / 1e6


def environment() -> dict[str, Any]:
    """What the figures were measured on.

    Returns:
        Versions, processor, cores, threads, load before the run.
    """
    name = "unknown"
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        lines = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def record(result: dict[str, Any], *, keep: bool) -> None:
    """Print a result as one JSON line, and keep it beside the code.

    Args:
        result: name, ours, theirs, ratio, target, and more.
        keep: Also write it into `results/`.
    """
    result = result | {"environment": environment()}
    if keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{result['name']}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result), flush=True)
