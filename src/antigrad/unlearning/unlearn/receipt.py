"""The deletion receipt: what was deleted, how, and what can still be detected, as JSON and as a model card."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from antigrad.core.files import write_atomic
from antigrad.core.runs import RunFolder
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.networks import NETWORKS
from antigrad.unlearning.methods import METHODS
from antigrad.unlearning.sources import packaged
from antigrad.unlearning.unlearn.findings import gap_of, judge, verdict_of
from antigrad.unlearning.unlearn.rows import certificates_of, last, metrics_of
from antigrad.unlearning.unlearn.settings import UnlearnConfig
from antigrad.vision.split import SplitModel

ARTIFACT = "receipt.json"
CARD = "models/README.md"


def write_receipt(
    run: RunFolder, config: UnlearnConfig, planned: Sequence[Deletion], original: SplitModel
) -> dict[str, Any]:
    """Write the receipt, and the card that goes with the model.

    Args:
        run: The run.
        config: Its settings.
        planned: Its deletions.
        original: The model before all of them.

    Returns:
        The receipt.
    """
    facts = run.facts
    receipt: dict[str, Any] = {
        "model": config.model,
        "weights before": digest_of(original),
        "weights after": (last(run, "unlearned", deletion=len(planned) - 1) or {}).get("sha256"),
        "method": config.method,
        "settings": asdict(METHODS.make(config.method)),
        "weight of the down part": config.weight,
        "seed": config.seed,
        "started": facts.get("started"),
        "versions": facts.get("versions"),
        "deletions": [_deletion(run, config, place, one) for place, one in enumerate(planned)],
    }
    run.write_json(ARTIFACT, receipt)
    said = verdict_of(judge(run, len(planned) - 1), config.method, _count(planned))
    write_atomic(run.artifact(CARD), card(receipt, said.text()))
    return receipt


def _count(planned: Sequence[Deletion]) -> int:
    return int(planned[-1].mask.sum())


def _deletion(run: RunFolder, config: UnlearnConfig, place: int, one: Deletion) -> dict[str, Any]:
    ids = one.forget.ids
    row = last(run, "unlearned", deletion=place) or {}
    certificates = certificates_of(run, place)
    effects = [row["effect"] for row in certificates if row.get("effect")]
    gained = {part: [effect[part] > 0 for effect in effects if part in effect] for part in ("up", "down", "anchor")}
    figures = {name: gap_of(row, small=0.0) for name, row in metrics_of(run, place).items()}
    return {
        "rule": config.forget[place],
        "scenario": one.scenario,
        "samples": len(ids),
        "ids": {"sha256 of all, sorted": hash_of("\n".join(sorted(ids))), "sha256 of each": sorted(map(hash_of, ids))},
        "steps": row.get("steps"),
        "passes over the forget set": row.get("passes"),
        "stopped by the guard": row.get("stopped"),
        "certified steps": len(certificates),
        "share of certified steps in which a part gained": {
            part: sum(found) / len(found) for part, found in gained.items() if found
        },
        "figures": {
            name: {
                "value": gap.row["value"],
                "interval": [gap.row["value_low"], gap.row["value_high"]],
                "ideal": gap.row["ideal"],
                "better": gap.row["better"],
                "retrained": gap.row["retrain"],
                "minus retrained": None if gap.difference is None else asdict(gap.difference),
                **{key: gap.row[key] for key in ("attack", "feature", "direction") if key in gap.row},
            }
            for name, gap in figures.items()
        },
    }


def hash_of(text: str) -> str:
    """Name a text by its content.

    Args:
        text: As an id.

    Returns:
        Hexadecimal SHA-256.

    Example:
        >>> hash_of("digits-0001")[:8]
        'e36eace8'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(model: SplitModel) -> str:
    """Name a model by its weights.

    Args:
        model: The model.

    Returns:
        Hexadecimal SHA-256 over names and values.
    """
    found = hashlib.sha256()
    for name, value in sorted(model.module.state_dict().items()):
        found.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def card(receipt: dict[str, Any], lead: str) -> str:
    """Write the card of the unlearned model.

    Args:
        receipt: The receipt.
        lead: The verdict.

    Returns:
        Markdown.
    """
    lines = [
        "---",
        "library_name: antigrad",
        "tags: [machine-unlearning]",
        "---",
        "",
        "# Unlearned model",
        "",
        lead,
        "",
    ]
    lines += [f"- base: `{receipt['model']}`, weights `{receipt['weights before'][:16]}…`"]
    lines += [f"- method: `{receipt['method']}`, seed {receipt['seed']}"]
    for number, one in enumerate(receipt["deletions"], 1):
        digest = one["ids"]["sha256 of all, sorted"][:16]
        lines += [
            f"- deletion {number}: {one['samples']} samples by `{one['rule']}` ({one['scenario']}), ids `{digest}…`"
        ]
    lines += [
        "",
        "The receipt (`receipt.json`) has the hash of each id, all figures and those of the retrained model.",
        "",
        "```python",
        *loading(str(receipt["model"]), f"{len(receipt['deletions']):02d}-unlearned.safetensors"),
        "```",
        "",
    ]
    return "\n".join(lines)


def loading(model: str, file: str) -> list[str]:
    """Say how the unlearned weights are loaded.

    Args:
        model: Name of the model.
        file: Name of the weights.

    Returns:
        Lines of Python.

    Example:
        >>> loading("package.networks:make", "01-unlearned.safetensors")[1:3]
        ['from package.networks import make', 'network = make()']
    """
    module, _, name = model.partition(":")
    of_transformers: list[str] = []
    if model in NETWORKS:
        maker = ["from antigrad.unlearning.digits.load import trained", f"network = trained({model!r}).module"]
    elif packaged(model):
        maker = ["from antigrad.vision.models import load_classifier", f"network = load_classifier({model!r}).model"]
        of_transformers = [] if name else ['network.model.save_pretrained("FOLDER")  # with the names of transformers']
    else:
        maker = [f"from {module} import {name}", f"network = {name}()"]
    weights = [f'network.load_state_dict(load_file("{file}"))']
    return ["from safetensors.torch import load_file", *maker, *weights, *of_transformers]
