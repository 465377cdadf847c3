"""Does the safe weight of the down part help? The tiny policy under GRPO, and unlearning by ascent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.kept import record
from studies.safe_weight.digits import FORGET, unlearn
from studies.safe_weight.grpo import ADVANTAGES, train
from studies.update_rules.study import over_seeds

ARMS: Mapping[str, Any] = {"1": 1.0, "safe": "safe", "0": 0.0}
"""Weights of the down part: as it is, safe, and none at all."""
CONSTANTS: Mapping[str, Any] = {"1": 1.0, "0.1": 0.1, "0.01": 0.01, "safe": "safe"}
"""The same for unlearning: a constant may be tuned, which the safe weight should make needless."""


def run(quick: bool, keep: bool) -> None:
    """Run both studies."""
    unlearning(range(1 if quick else 5), 20 if quick else 300, keep)
    for advantages in ADVANTAGES:
        grpo(advantages, range(1 if quick else 3), 2 if quick else 30, keep)


def grpo(advantages: str, seeds: Sequence[int], steps: int, keep: bool) -> None:
    """Train on questions that are mostly answered wrong, by each weight.

    Args:
        advantages: How rewards become advantages.
        seeds: One set of questions and draws each.
        steps: Updates.
        keep: Keep the result beside the code.
    """
    runs = {arm: [train(advantages, weight, seed, steps) for seed in seeds] for arm, weight in ARMS.items()}
    figures: dict[str, Any] = {arm: over_seeds(found) for arm, found in runs.items()}
    pairs = {f"safe − {arm}": _differences(runs["safe"], runs[arm]) for arm in ("1", "0")}
    what = f"tiny policy, hard questions, GRPO with {advantages} advantages: the safe weight against constants"
    result = {"name": f"safe_weight_grpo_{advantages}", "what": what, "seeds": len(seeds), "steps": steps}
    record(result | {"figures": figures, "paired": pairs}, __file__, keep=keep)


def unlearning(seeds: Sequence[int], steps: int, keep: bool) -> None:
    """Unlearn digits by ascent with each weight.

    Args:
        seeds: One network and one set to forget each.
        steps: Updates.
        keep: Keep the result beside the code.
    """
    for kind in FORGET:
        runs = {arm: [unlearn(kind, weight, seed, steps) for seed in seeds] for arm, weight in CONSTANTS.items()}
        figures = {arm: over_seeds(found) for arm, found in runs.items()}
        pairs = {f"safe − {arm}": _differences(runs["safe"], runs[arm]) for arm in CONSTANTS if arm != "safe"}
        what = f"unlearning digits by ascent, forgetting {kind}: the safe weight against constants"
        result = {"name": f"safe_weight_unlearning_{kind}", "what": what, "seeds": len(seeds), "steps": steps}
        counts = {
            arm: {name: sum(run[name] for run in found) for name in ("reached", "diverged")}
            for arm, found in runs.items()
        }
        record(result | {"counts": counts, "figures": figures, "paired": pairs}, __file__, keep=keep)


def _differences(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]) -> dict[str, Any]:
    # Seed by seed: the same network, questions and draws.
    pairs = [{name: a[name] - b[name] for name in a} for a, b in zip(ours, theirs, strict=True)]
    above = {name: sum(pair[name] > 0 for pair in pairs) for name in pairs[0]}
    return {name: three | {"seeds_above_0": above[name]} for name, three in over_seeds(pairs).items()}
