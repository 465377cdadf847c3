"""`python -m benchmarks NAME [--quick]`: ratios of time and memory as JSON; full runs are kept in `results/`."""

from __future__ import annotations

import argparse
import os

import torch

from benchmarks import (
    attribution_speed,
    decoding,
    grpo_cost,
    kernel,
    lab,
    lab_arms,
    pair_cost,
    preflight,
    scenarios,
    unlearning,
    vocabulary,
    watch_cost,
)

BENCHMARKS = {
    "kernel": kernel.run,
    "decoding": decoding.run,
    "vocabulary": vocabulary.run,
    "preflight": preflight.run,
    "watch_cost": watch_cost.run,
    "scenarios": scenarios.run,
    "lab": lab.run,
    "lab_arms": lab_arms.run,
    "grpo_cost": grpo_cost.run,
    "pair_cost": pair_cost.run,
    "pair_preflight": pair_cost.run_defaults,
    "attribution_speed": attribution_speed.run,
    "unlearning": unlearning.run,
    "unlearning_cifar": unlearning.of_cifar,
}


def main() -> None:
    """Run one benchmark, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing kept")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="torch threads")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in BENCHMARKS if given.name == "all" else [given.name]:
        BENCHMARKS[name](given.quick, not given.quick)


if __name__ == "__main__":
    main()
