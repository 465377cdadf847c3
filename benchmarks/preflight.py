"""The whole command `antigrad diagnose` ÷ the bare model calls it needs, in a plain loop."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from antigrad.core import RunFolder
from antigrad.credit import CREDIT, Group, group_influence
from antigrad.objectives import group_advantages
from antigrad.posttraining.models import Policy, load_policy
from antigrad.posttraining.rollouts import joined, log_probs_of, measure, sample, seeded, stream_seed
from antigrad.posttraining.settings import DiagnoseConfig
from antigrad.posttraining.tasks import load_task
from benchmarks.measure import record


def bare(config: DiagnoseConfig) -> float:
    """Seconds of the generations, forwards and backwards alone, everything else prepared outside the clock."""
    policy = load_policy(config.model)
    task, seconds = load_task(config.tasks, count=config.questions, seed=config.seed), 0.0
    common = {"max_new_tokens": config.max_new_tokens, "temperature": config.temperature}
    for index, question in enumerate(task.questions):
        start = time.perf_counter()
        with seeded(config.seed, "rollouts", index):
            group = sample(policy, task, question, count=config.rollouts, **common)  # type: ignore[arg-type]
        probe = joined(group, sample(policy, task, question, count=1, greedy=True, **common))  # type: ignore[arg-type]
        forward(policy, probe)
        seconds += time.perf_counter() - start
        if bool(group.correct.all()) or not bool(group.correct.any()):
            continue
        for weights in distinct_weights(config, policy, index, group):
            start = time.perf_counter()
            active = (weights != 0).any(-1)
            log_probs = log_probs_of(policy, group, slice(None), 1.0)[0] if bool(active.all()) else None
            if log_probs is None:
                some = type(group)(group.prompt, group.tokens[active], group.mask[active], [], active, active)
                log_probs = log_probs_of(policy, some, slice(None), 1.0)[0]
            (log_probs * weights[active]).sum().backward()
            for _ in config.step_sizes:
                forward(policy, probe)
            seconds += time.perf_counter() - start
            policy.model.zero_grad(set_to_none=False)
    return seconds


@torch.no_grad()
def forward(policy: Policy, probe: object) -> None:
    """One forward pass over a probe."""
    log_probs_of(policy, probe, slice(None), 1.0)  # type: ignore[arg-type]


def distinct_weights(config: DiagnoseConfig, policy: Policy, index: int, group: object) -> list[torch.Tensor]:
    """Token weights of the arms, equal ones once, as the command does."""
    rollouts: object = group
    seen = measure(policy, rollouts, temperature=1.0, rows_at_once=8)  # type: ignore[arg-type]
    found = group_influence(seen.hidden, rollouts.tokens, rollouts.mask, rollouts.correct, policy.head(1.0))  # type: ignore
    advantages = group_advantages(rollouts.correct.float())  # type: ignore[attr-defined]
    seed = stream_seed(config.seed, "credit", index)
    whole = Group(rollouts.tokens, rollouts.mask, rollouts.correct, advantages, found, seed)  # type: ignore[attr-defined]
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
