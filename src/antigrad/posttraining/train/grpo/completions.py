"""The responses of a measured step as rows of the ledger: texts, rewards, weights and tokens, a row per group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from antigrad.posttraining.train.grpo.batches import Batch
from antigrad.posttraining.train.grpo.weights import Groups

KIND = "completions"
Row = dict[str, Any]
Measured = tuple[Batch, Tensor, Tensor]
"""A micro-batch, and the log-probabilities of its responses before and after the step."""


def completion_rows(measured: Sequence[Measured], tokenizer: Any) -> list[Row]:
    """Write the responses of one process.

    Args:
        measured: Micro-batches of the step.
        tokenizer: Turns token ids into texts.

    Returns:
        A row per response, in the order they were used.
    """
    rows: list[Row] = []
    for batch, before, after in measured:
        mask = Groups.of(batch).mask
        rewards = batch.get("reward")
        for place in range(len(mask)):
            counted = mask[place]
            ids = batch["completion_ids"][place][counted].tolist()
            weights = batch["advantages"][place]
            weights = weights[counted] if weights.ndim else weights.expand(len(ids))
            change = (after[place] - before[place])[counted].double().sum()
            prompt = batch["prompt_ids"][place][batch["prompt_mask"][place].bool()]
            rows.append({
                "group": int(batch["group"][place]),
                "prompt": tokenizer.decode(prompt, skip_special_tokens=False),
                "text": tokenizer.decode(ids, skip_special_tokens=True),
                "reward": None if rewards is None else float(rewards[place]),
                "correct": bool(batch["correct"][place]) if bool(batch["scored"][place]) else None,
                "change": float(change),
                "tokens": [tokenizer.decode([one]) for one in ids],
                "weights": [float(f"{one:.4g}") for one in weights.tolist()],
            })  # fmt: skip
    return rows


def grouped(rows: Sequence[Row], step: int) -> list[Row]:
    """Put the responses of each prompt together.

    Args:
        rows: Of all processes.
        step: The step that was made from them.

    Returns:
        Rows of the ledger, in the order of the groups.
    """
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return [
        {
            "kind": KIND, "step": step, "group": number, "prompt": groups[number][0]["prompt"],
            "responses": [{key: row[key] for key in row if key not in ("group", "prompt")} for row in groups[number]],
        }
        for number in sorted(groups)
    ]  # fmt: skip
