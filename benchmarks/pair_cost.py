"""What pairs cost: a step with VPO ÷ stock DPO, PVI ÷ bare forwards, the preflight on pairs ÷ its bare model calls."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from antigrad.core.runs import RunFolder
from antigrad.language.policy import Policy, load_policy
from antigrad.language.tasks import load_task
from antigrad.posttraining.diagnose.pairs import DiagnosePairsConfig, diagnose_pairs, job
from antigrad.posttraining.diagnose.update import Stepper
from antigrad.posttraining.pairs import generate, pvi
from antigrad.posttraining.pairs.contexts import PviOptions
from antigrad.posttraining.pairs.generate import generate_pairs
from antigrad.posttraining.pairs.pair import Pair
from antigrad.posttraining.pairs.pvi import pvi_of
from antigrad.posttraining.pairs.source import row_of
from antigrad.posttraining.train.dpo import DPOTrainer
from benchmarks.measure import paired_ratio, record

TASK = "tiny_arithmetic(split=train)"
TINY = DiagnosePairsConfig(model="tiny", tasks=TASK, answer_marker="=", device="cpu")


def made(policy: Policy, questions: int) -> list[Pair]:
    """Pairs of the tiny policy's own answers."""
    task = load_task(TASK, count=questions)
    return generate_pairs(policy, task, samples=8, pairs=5, max_new_tokens=40)


def steps(policy: Policy, pairs: list[Pair], count: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Forwards and backwards with VPO and of stock TRL on the same pairs, everything else prepared."""
    from datasets import Dataset
    from trl import DPOConfig
    from trl import DPOTrainer as Stock

    values = pvi_of(policy, pairs, PviOptions(marker="=")).tolist()
    data = Dataset.from_list([row_of(pair) | {"pvi": value} for pair, value in zip(pairs, values, strict=True)])

    def made_of(kind: Any, **more: Any) -> Callable[[], None]:
        quiet: dict[str, Any] = {"report_to": [], "disable_tqdm": True, "save_strategy": "no", "use_cpu": True}
        quiet |= {"bf16": False, "gradient_checkpointing": False}
        args = DPOConfig(output_dir=tempfile.mkdtemp(), per_device_train_batch_size=8, beta=0.05, **quiet)
        model = load_policy("tiny", device="cpu").model
        trainer = kind(model=model, args=args, train_dataset=data, processing_class=policy.tokenizer, **more)
        trainer._set_signature_columns_if_needed()
        trainer.current_gradient_accumulation_steps = 1
        unused = set(trainer.train_dataset.column_names) - set(trainer._signature_columns)
        rows = trainer.train_dataset.remove_columns(list(unused))
        batch = trainer.data_collator([rows[place] for place in range(8)])

        def work() -> None:
            for _ in range(count):
                trainer.training_step(trainer.model, dict(batch))
                trainer.model.zero_grad()

        return work

    return made_of(DPOTrainer, credit="vpo"), made_of(Stock)


def pvi_cost(policy: Policy, pairs: list[Pair], repeats: int) -> dict[str, float]:
    """PVI of pairs ÷ one bare forward over the same tokens, in the same batches; five times each."""
    seen: list[Any] = []
    before = pvi.answer_log_probs
    pvi.answer_log_probs = lambda *a: seen.append(a[1]) or before(*a)  # type: ignore[assignment]
    options = PviOptions(marker="=")
    pvi_of(policy, pairs, options)
    pvi.answer_log_probs = before
    lengths = torch.tensor([len(context) + len(answer) for context, answer in seen[0]])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]

    @torch.no_grad()
    def bare() -> None:
        from antigrad.language.measure import batches

        for rows in batches(mask, torch.arange(len(lengths)), options.rows_at_once):
            ids = torch.zeros(len(rows), int(lengths[rows].max()), dtype=torch.long)
            policy.model.base_model(input_ids=ids, use_cache=False)

    def often(work: Callable[[], Any]) -> Callable[[], None]:
        def several() -> None:
            for _ in range(5):
                work()

        return several

    return paired_ratio(often(lambda: pvi_of(policy, pairs, options)), often(bare), repeats)


class Inside:
    """Seconds spent in model calls while it is on, on the clock and on processors; calls within calls count once."""

    def __init__(self) -> None:
        self.seconds, self.on_processors, self._depth = 0.0, 0.0, 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count the time of a function."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            start, on_processors = time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - start
                    self.on_processors += time.process_time() - on_processors

        return timed


def preflight(config: DiagnosePairsConfig, repeats: int) -> dict[str, float]:
    """The whole job ÷ the time inside its generations, forwards, backwards and steps, each time in one run."""
    _preflight(replace(TINY, limit=1))  # imports what the job needs
    runs = [_preflight(config) for _ in range(repeats)]
    ratios = [whole[0] / inside[0] for whole, inside, _ in runs]
    return {
        "ours": median(whole[0] for whole, _, _ in runs),
        "theirs": median(inside[0] for _, inside, _ in runs),
        "ratio": median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "cpu_ratio": median(whole[1] / inside[1] for whole, inside, _ in runs),
        "cpu_seconds": median(whole[1] for whole, _, _ in runs),
        **runs[0][2],
    }


def _preflight(config: DiagnosePairsConfig) -> tuple[tuple[float, float], tuple[float, float], dict[str, int]]:
    inside = Inside()
    places: list[tuple[Any, str]] = [
        (job, "measure"), (job, "gradients"), (job, "greedy"), (generate, "sample"), (Stepper, "step"),
        (pvi, "answer_log_probs"), (Policy, "hidden"),
    ]  # fmt: skip
    kept = [(place, name, getattr(place, name)) for place, name in places]
    for place, name, function in kept:
        setattr(place, name, inside.around(function))
    try:
        start, on_processors = time.perf_counter(), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            done = diagnose_pairs(replace(config, output=Path(folder) / "run"))
            size = _size(done)
        whole = time.perf_counter() - start, time.process_time() - on_processors
    finally:
        for place, name, function in kept:
            setattr(place, name, function)
    return whole, (inside.seconds, inside.on_processors), size


def _size(run: RunFolder) -> dict[str, int]:
    """Pairs of a run, and the updates they took: arms of one factor share theirs."""
    updates = {(row["pair"], row["factor"]) for row in run.ledger.rows("update")}
    return {"pairs": len(run.ledger.rows("pair")), "updates": len(updates)}


def default_run(threads: int) -> dict[str, float]:
    """The command as a user types it, in a process of its own: seconds, processor seconds, most memory at once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "antigrad", "diagnose", "pairs", "--device", "cpu", "--threads", str(threads)]
        start = time.perf_counter()
        child = subprocess.Popen([*command, "--output", f"{folder}/run"], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if child.returncode:
            raise RuntimeError(f"diagnose pairs ended with {child.returncode}")
        size = _size(RunFolder.open(Path(folder) / "run"))
    return {
        "ours": seconds,
        "theirs": 180.0,
        "ratio": seconds / 180.0,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_gigabytes": used.ru_maxrss * 1024 / 1e9,
        **size,
    }


def run(quick: bool, keep: bool) -> None:
    """Measure all three on the tiny policy."""
    warnings.simplefilter("ignore")
    policy = load_policy("tiny", device="cpu")
    pairs = made(policy, 8 if quick else 48)
    repeats = 1 if quick else 9
    vpo, stock = steps(policy, pairs, 2 if quick else 8)
    facts: dict[str, Any] = {
        "what": "training steps of the tiny policy, 8 pairs: credit=vpo ÷ TRL's trainer",
        "target": 1.02,
    }
    record({"name": "pair_step", **paired_ratio(vpo, stock, repeats), **facts}, keep=keep)
    facts = {"what": "PVI ÷ one bare forward over the same tokens, tiny policy", "target": 1.1}
    record({"name": "pair_pvi", **pvi_cost(policy, pairs, repeats), **facts}, keep=keep)
    config = replace(TINY, limit=4 if quick else 16)
    facts = {"what": "diagnose pairs ÷ its bare model calls, tiny policy", "target": 1.2}
    record({"name": "pair_preflight_tiny", **preflight(config, 1 if quick else 5), **facts}, keep=keep)


def run_defaults(quick: bool, keep: bool) -> None:
    """Measure the preflight on pairs as it comes: SmolLM2-135M, 16 pairs."""
    warnings.simplefilter("ignore")
    config = replace(TINY, limit=4) if quick else DiagnosePairsConfig(device="cpu")
    facts: dict[str, Any] = {
        "what": "diagnose pairs ÷ its bare model calls, defaults: SmolLM2-135M",
        "target": 1.2,
    }
    record({"name": "pair_preflight", **preflight(config, 1), **facts}, keep=keep)
    if not quick:
        facts = {"what": "diagnose pairs as typed, defaults ÷ three minutes; peak memory below 6 GB", "target": 1.0}
        record({"name": "pair_preflight_run", **default_run(torch.get_num_threads()), **facts}, keep=keep)
