"""Losses and rules on preference pairs: what becomes of accuracy, of both responses, and of the likeliest answer."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from studies.kept import record
from studies.preferences.measure import Asked, figures, generated
from studies.preferences.questions import write_sums

from antigrad.core.files import write_atomic
from antigrad.language.policy import Policy, load_policy
from antigrad.language.rollouts import end_tokens
from antigrad.language.tasks import load_task
from antigrad.posttraining.pairs.contexts import PviOptions
from antigrad.posttraining.pairs.facts import pair_facts
from antigrad.posttraining.pairs.pair import tokenize
from antigrad.posttraining.pairs.read import read_pairs, read_rows
from antigrad.posttraining.pairs.source import found_pairs, row_of
from antigrad.posttraining.train.dpo import TrainDPOConfig, train_dpo
from antigrad.posttraining.train.dpo.data import split

FOLDER = Path("runs/preferences-study")
Change = Mapping[str, Any]
ARMS: Mapping[str, Change] = {
    "DPO": {},
    "VPO": {"credit": "vpo"},
    "VPO, continuous": {"credit": "vpo(reading=continuous)"},
    "λ = .75": {"credit": "fixed(factor=0.75)"},
    "λ = .5": {"credit": "fixed(factor=0.5)"},
    "λ = .25": {"credit": "fixed(factor=0.25)"},
    "λ = 0": {"credit": "fixed(factor=0)"},
    "VPO shuffled": {"credit": "shuffled(of=vpo)"},
    "VPO reversed": {"credit": "reversed(of=vpo)"},
    "VPO by CHES": {"credit": "ches(of=vpo)"},
    "safe": {"credit": "safe"},
    "DPOP": {"loss": "dpop(beta=0.05,penalty=50)"},
    "IPO": {"loss": "ipo(margin=10)"},
    "SimPO": {"loss": "simpo(beta=2,gamma=1)"},
    "RPO": {"loss": "rpo(beta=0.05,alpha=1)"},
    "SFT on chosen": {"trl": {"loss_type": ["sft"]}},
    "DPO, on-policy": {"pairs": "", "refresh": 16, "trl": {"precompute_ref_log_probs": False}},
}
"""What each arm changes in the settings that all share."""


@dataclass(frozen=True, eq=False)
class Study:
    """One model's part of the study.

    Args:
        config: What all arms share, the learning rate too, chosen before any but plain DPO was run.
        arms: Names of `ARMS`.
        seeds: Each has pairs and questions of its own.
        held_out_tasks: Questions that are not trained on.
        questions: How many.
        samples: Sampled responses a question in an evaluation; 0 for greedy ones only.
        gains: Rises of sampled accuracy at which arms are compared, between the evaluations around it.
    """

    config: TrainDPOConfig
    arms: tuple[str, ...]
    seeds: int
    held_out_tasks: str
    questions: int
    samples: int
    gains: tuple[float, ...]


COMMON = TrainDPOConfig(
    device="cpu", threads=1, measure_every=0, evaluate_every=0, probe_pairs=1, log_every=4, save_every=12, held_out=96,
    trl={"lr_scheduler_type": "constant", "save_total_limit": 20, "precompute_ref_log_probs": True},
)  # fmt: skip
TINY = Study(
    replace(
        COMMON, model="tiny", tasks="tiny_arithmetic(split=train)", answer_marker="=", questions=160, samples=8,
        steps=48, pairs_a_step=16, rows_at_once=16, learning_rate=1e-4, max_new_tokens=32, save_every=12,
    ),
    tuple(ARMS), 6, "tiny_arithmetic(split=test)", 128, 4, (0.02, 0.03),
)  # fmt: skip
SMOLLM2 = Study(
    replace(
        COMMON, model="smollm2-135m-instruct", tasks="gsm8k:sums-train.jsonl", answer_marker="\n####", questions=24,
        samples=6, pairs_a_question=4, held_out=8, shots=3, steps=4, pairs_a_step=4, rows_at_once=4, save_every=4,
        log_every=2, learning_rate=1e-5, max_new_tokens=28,
        trl={"lr_scheduler_type": "constant", "save_only_model": True},
    ),
    ("DPO", "VPO", "safe", "SFT on chosen"), 2, "gsm8k:sums-test.jsonl", 16, 0, (),
)  # fmt: skip
STUDIES = {"tiny": TINY, "smollm2": SMOLLM2}


def run(quick: bool, keep: bool, only: Sequence[str] = ("tiny", "smollm2")) -> None:
    """Train every arm with every seed; a study that was interrupted continues with the arm it was at.

    Args:
        quick: The tiny policy only, one seed of two arms, two steps.
        keep: Keep the result beside the code.
        only: Studies.
    """
    warnings.simplefilter("ignore")  # other people's deprecations
    for name in only[:1] if quick else only:
        study = STUDIES[name]
        folder = FOLDER.with_name(FOLDER.name + ("-quick" if quick else "")) / name
        if quick:
            small = replace(study.config, questions=16, held_out=8, steps=2, save_every=2, log_every=1)
            study = replace(
                study, config=small, arms=study.arms[:2], seeds=1, questions=8, samples=min(study.samples, 1)
            )
        study = with_files(study, folder)
        found: dict[str, list[list[dict[str, Any]]]] = {arm: [] for arm in study.arms}
        for seed in range(study.seeds):
            for arm in study.arms:
                found[arm].append(trained(study, folder, arm, seed))
        facts = [json.loads((folder / f"facts-{seed}.json").read_text()) for seed in range(study.seeds)]
        settings = {key: value for key, value in vars(study.config).items() if key not in ("output", "resume", "seed")}
        result = {
            "name": f"preferences_{name}",
            "what": "losses and rules on preference pairs",
            "seeds": study.seeds,
            "questions": study.questions,
            "samples": study.samples,
            "pairs": facts,
            "config": settings,
            "arms": {arm: dict(ARMS[arm]) for arm in study.arms},
            "gains": study.gains,
            "rows": found,
        }
        record(result, __file__, keep=keep)


def with_files(study: Study, folder: Path) -> Study:
    """Write the questions of SmolLM2, and name their files.

    Args:
        study: Settings.
        folder: Of the study's runs.

    Returns:
        Settings with whole paths.
    """
    if "sums-train" not in study.config.tasks:
        return study
    train, test = write_sums(folder)
    return replace(study, config=replace(study.config, tasks=f"gsm8k:{train}"), held_out_tasks=f"gsm8k:{test}")


def trained(study: Study, folder: Path, arm: str, seed: int) -> list[dict[str, Any]]:
    """Train one arm and measure its checkpoints, or read back what was measured.

    Args:
        study: Settings.
        folder: Of the study's runs.
        arm: Its name.
        seed: Its seed.

    Returns:
        A row a checkpoint, the untrained policy first.
    """
    place = folder / f"{list(ARMS).index(arm):02d}-{seed}"
    kept = place.with_suffix(".json")
    if kept.exists():
        return json.loads(kept.read_text())
    asked, start = prepared(study, folder, seed)
    change = dict(ARMS[arm])
    trl = {**study.config.trl, **change.pop("trl", {})}
    config = replace(
        study.config, seed=seed, output=place, resume=place.exists(), trl=trl,
        **({"pairs": str(folder / f"pairs-{seed}.jsonl")} | change),
    )  # fmt: skip
    train_dpo(config)
    rows = [start]
    for step in range(config.save_every, config.steps + 1, config.save_every):
        policy = load_policy(str(place / "checkpoints" / f"checkpoint-{step}"), device="cpu")
        rows.append({"step": step} | figures(policy, asked, seed))
    rows[-1]["facts"] = next(row for row in _ledger(place) if row["kind"] == "setup")
    write_atomic(kept, json.dumps(rows))
    shutil.rmtree(place)
    return rows


def _ledger(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "ledger.jsonl").read_text().splitlines()]


@lru_cache(1)
def prepared(study: Study, folder: Path, seed: int) -> tuple[Asked, dict[str, Any]]:
    """Make a seed's pairs and questions, the same for all arms, and measure the untrained policy.

    Args:
        study: Settings.
        folder: Where pairs are kept.
        seed: The seed.

    Returns:
        What policies are measured on, and the first row.
    """
    config = study.config
    policy = load_policy(config.model, device="cpu")
    torch.set_num_threads(config.threads or 1)
    path = folder / f"pairs-{seed}.jsonl"
    if not path.exists():
        write_pairs(replace(config, seed=seed), policy, path)
    found = read_pairs(read_rows(str(path)), policy.tokenizer, max_length=config.max_length)
    _, test = split(found.pairs, config.held_out)
    pairs = [tokenize(found.pairs[one], policy.tokenizer) for one in test[: config.held_out]]
    prompts = [found.pairs[one].words("prompt") for one in test[: config.held_out]]
    rows = generated(policy, prompts, 0, config.max_new_tokens, seed)
    task = load_task(study.held_out_tasks, count=study.questions, seed=seed, shots=config.shots)
    greedy = [ended(policy, row) for row in rows]
    pvi = [found.pairs[one].facts["pvi"] for one in test[: config.held_out]]
    asked = Asked(task, pairs, pvi, greedy, study.samples, config.max_new_tokens, 32)
    start = folder / f"start-{seed}.json"
    if not start.exists():
        write_atomic(start, json.dumps({"step": 0} | figures(policy, asked, seed)))
    return asked, json.loads(start.read_text())


def write_pairs(config: TrainDPOConfig, policy: Policy, path: Path) -> None:
    """Let the policy answer the training questions; write pairs with PVI, and what is known of them as a whole.

    Args:
        config: Of the seed.
        policy: The untrained policy.
        path: The file.
    """
    found = found_pairs(config, policy)
    facts = pair_facts(policy, found.pairs, found.tokens, ["pvi"], options=PviOptions(marker=config.answer_marker))
    values = facts.require("pvi")
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "pairs": len(found.pairs),
        "pvi_negative": float((values < 0).double().mean()),
        "pvi_quartiles": values.quantile(torch.tensor([0.25, 0.5, 0.75]).double()).tolist(),
    }
    write_atomic(path.with_name(f"facts-{config.seed}.json"), json.dumps(told))
    rows = [row_of(pair) | {"pvi": value} for pair, value in zip(found.pairs, values.tolist(), strict=True)]
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows))


def ended(policy: Policy, row: list[int]) -> list[int]:
    """Cut a generated row behind the token that ended it.

    Args:
        policy: Knows what ends a response.
        row: Token ids, padding included.

    Returns:
        The ids that count.
    """
    ends = end_tokens(policy)
    last = next((place for place, token in enumerate(row) if token in ends), len(row) - 1)
    return row[: last + 1]
