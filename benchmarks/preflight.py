"""The whole command `antigrad diagnose` ÷ the bare model calls it needs, in a plain loop."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from antigrad.core import RunFolder
from antigrad.core.streams import seeded, stream_seed
from antigrad.credit import CREDIT, Group, group_influence
from antigrad.language.measure import batches, log_probs_of, measure
from antigrad.language.policy import Policy, load_policy
from antigrad.language.rollouts import Rollouts, joined, sample
from antigrad.language.tasks import load_task
from antigrad.objectives import group_advantages
from antigrad.posttraining.diagnose import DiagnoseConfig
from benchmarks.measure import record


def bare(config: DiagnoseConfig) -> float:
    """Seconds of the generations, forwards and backwards alone, everything else prepared outside the clock."""
    policy = load_policy(config.model)
    task, seconds = load_task(config.tasks, count=config.questions, seed=config.seed), 0.0
    common: Any = {"max_new_tokens": config.max_new_tokens, "temperature": config.temperature}
    for index, question in enumerate(task.questions):
        start = time.perf_counter()
        with seeded(config.seed, "rollouts", index):
            group = sample(policy, task, question, count=config.rollouts, **common)
        probe = joined(group, sample(policy, task, question, count=1, greedy=True, **common))
        forward(policy, probe, config)
        seconds += time.perf_counter() - start
        if bool(group.correct.all()) or not bool(group.correct.any()):
            continue
        for weights in distinct_weights(config, policy, index, group):
            start = time.perf_counter()
            active = (weights != 0).any(-1).nonzero()[:, 0]
            for rows in batches(group.mask, active, config.rows_at_once):
                log_probs = log_probs_of(policy, group, rows, 1.0)[0]
                (log_probs * weights[rows, : log_probs.shape[1]]).sum().backward()
            for _ in config.step_sizes:
                forward(policy, probe, config)
            seconds += time.perf_counter() - start
            policy.model.zero_grad(set_to_none=False)
    return seconds


@torch.no_grad()
def forward(policy: Policy, probe: Rollouts, config: DiagnoseConfig) -> None:
    """Run a probe forward once."""
    for rows in batches(probe.mask, torch.arange(len(probe.tokens)), config.rows_at_once):
        log_probs_of(policy, probe, rows, 1.0)


def distinct_weights(config: DiagnoseConfig, policy: Policy, index: int, group: Rollouts) -> list[torch.Tensor]:
    """Token weights of the arms, equal ones once, as the command does."""
    seen = measure(policy, group, temperature=1.0, rows_at_once=config.rows_at_once)
    found = group_influence(seen.hidden, group.tokens, group.mask, group.correct, policy.head(1.0))
    advantages, seed = group_advantages(group.correct.float()), stream_seed(config.seed, "credit", index)
    whole = Group(group.tokens, group.mask, group.correct, advantages, found, seed)
    weights = [CREDIT.make(spec)(whole) for spec in config.arms]
    return list({value.numpy().tobytes(): value for value in weights}.values())


def run(quick: bool, keep: bool) -> None:
    """Time the command as a user runs it, then the bare calls."""
    questions = 2 if quick else DiagnoseConfig().questions
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        command = [sys.executable, "-m", "antigrad.cli.main", "diagnose", "--output", str(output)]
        start = time.perf_counter()
        subprocess.run([*command, "--questions", str(questions)], check=True, capture_output=True)
        ours = time.perf_counter() - start
        summary = RunFolder.open(output).summary
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    theirs = bare(DiagnoseConfig(questions=questions))
    record(
        {
            "name": "preflight",
            "what": "whole command with start, loading, scoring, report ÷ bare generations, forwards, backwards",
            "ours": ours,
            "theirs": theirs,
            "ratio": ours / theirs,
            "target": 1.2,
            "questions": questions,
            "mixed": summary["mixed"],
            "peak_gigabytes": peak,
            "limit": {"seconds": 180, "gigabytes": 6},
        },
        keep=keep,
    )
