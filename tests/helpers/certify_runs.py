"""What `antigrad certify` is run on in tests: the shipped tiny policy, a few real steps away from it, and data."""

import json
from pathlib import Path

import torch

from antigrad.core.progress import progress
from antigrad.language.policy import load_any
from antigrad.language.quiet import quiet
from antigrad.language.tasks.arithmetic import questions
from antigrad.posttraining.certify.data import Example, to_tokens
from antigrad.posttraining.certify.gradients import part_loss

PARTS = ("up", "down", "anchor")


def tiny_data(folder: Path, count: int = 16) -> dict[str, Path]:
    """Worked answers to learn, the same with a wrong last digit to unlearn, and other worked answers to keep."""
    problems = questions(2 * count, 5, "train")
    right = [{"prompt": one.question, "response": one.worked} for one in problems]
    wrong = [row | {"response": f"{row['response'][:-1]}{(int(row['response'][-1]) + 1) % 10}"} for row in right]
    parts = {"up": right[:count], "down": wrong[:count], "anchor": right[count:]}
    for part, rows in parts.items():
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = [
        {"prompt": one["prompt"], "chosen": one["response"], "rejected": other["response"]}
        for one, other in zip(parts["up"], parts["down"], strict=True)
    ]
    (folder / "prefs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs))
    return {part: folder / f"{part}.jsonl" for part in PARTS}


def tiny_after(folder: Path, data: dict[str, Path], weights: dict[str, float], steps: int = 4) -> Path:
    """The tiny policy after a few real optimizer steps on the weighted parts; saved without a tokenizer."""
    policy = load_any("tiny", device="cpu")
    optimizer = torch.optim.AdamW(policy.model.parameters(), lr=1e-4)
    for _ in range(steps):
        optimizer.zero_grad()
        with progress("rows", 1) as bar:
            for part, weight in weights.items():
                rows = [json.loads(line) for line in data[part].read_text().splitlines()]
                tokens = [to_tokens(Example(**row), policy.tokenizer, 99) for row in rows]
                part_loss(policy.model, [one for one in tokens if one], weight, rows_at_once=8, bar=bar, backward=True)
        optimizer.step()
    with quiet(always=True):
        policy.model.save_pretrained(folder)
    return folder
