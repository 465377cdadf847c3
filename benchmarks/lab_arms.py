"""Twenty-seven arms of the token bandit with five seeds, against another rebuild of the same released code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.ppo import Ppo
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.table_one import NAMES
from antigrad.lab.token_world import TokenWorld
from antigrad.lab.training import Arm, Score, train
from benchmarks.measure import record

WITHIN = 0.03
"""How far outside of the other rebuild's range over five seeds another generator may lie."""

Range = tuple[float, float]
# Objective, peak, steps a batch (None: offline), prompts, steps; then the other rebuild's rewards by step. A single
# number stands for a range that was not kept.
TABLE: tuple[tuple[Objective, float, int | None, int, int, dict[int, float | Range]], ...] = (
    (BestOfN(), 70, None, 10, 200, {50: 0.117, 100: (0.132, 0.158), 200: (0.131, 0.162)}),
    (Ipo(), 70, None, 10, 200, {50: 0.372, 100: (0.326, 0.421), 200: (0.327, 0.414)}),
    (Dpo(), 70, None, 10, 200, {50: 0.285, 100: (0.173, 0.235), 200: (0.161, 0.329)}),
    (BestOfN(), 70, None, 50, 100, {50: 0.133, 100: (0.115, 0.142)}),
    (Ipo(), 70, None, 50, 100, {50: 0.479, 100: (0.406, 0.627)}),
    (BestOfN(), 70, 1, 10, 300, {50: 0.621, 100: (0.880, 0.888), 300: 0.916}),
    (BestOfN(), 70, 10, 10, 300, {50: 0.531, 100: (0.836, 0.867), 300: 0.917}),
    (BestOfN(), 70, 50, 10, 300, {50: 0.117, 100: (0.195, 0.220), 300: (0.515, 0.678)}),
    (Rwr(1.0, raw=True), 70, 1, 10, 300, {50: 0.628, 100: (0.863, 0.877), 300: 0.917}),
    (Reinforce(), 70, 1, 10, 300, {50: 0.686, 100: (0.890, 0.897), 300: 0.917}),
    (Ppo(), 70, 10, 10, 300, {50: 0.293, 100: (0.665, 0.738), 300: 0.915}),
    (Ppo(), 70, 50, 10, 300, {50: 0.089, 100: (0.124, 0.141), 300: (0.274, 0.326)}),
    (Dpo(), 70, 1, 10, 300, {50: 0.669, 100: (0.885, 0.890), 300: 0.917}),
    (Dpo(), 70, 10, 10, 300, {50: 0.662, 100: (0.875, 0.893), 300: 0.917}),
    (Dpo(0.5), 70, 10, 10, 300, {50: 0.414, 100: (0.697, 0.789), 300: 0.916}),
    (Ipo(), 70, 10, 10, 300, {50: 0.484, 100: (0.438, 0.592), 300: (0.432, 0.588)}),
    (Ipo(30.0), 70, 10, 10, 300, {50: 0.668, 100: (0.884, 0.896), 300: 0.917}),
    (BestOfN(), 20, None, 10, 200, {50: 0.532, 100: (0.499, 0.573), 200: (0.492, 0.623)}),
    (Ipo(), 20, None, 10, 200, {50: 0.692, 100: (0.613, 0.719), 200: (0.615, 0.716)}),
    (BestOfN(), 20, None, 50, 100, {50: 0.517, 100: (0.516, 0.549)}),
    (Ipo(), 20, None, 50, 100, {50: 0.749, 100: (0.735, 0.783)}),
    (BestOfN(), 20, 1, 10, 300, {50: 0.781, 100: 0.907, 300: 0.917}),
    (BestOfN(), 20, 10, 10, 300, {50: 0.774, 100: 0.899, 300: 0.917}),
    (Rwr(1.0, raw=True), 20, 1, 10, 300, {50: 0.783, 100: 0.901, 300: 0.917}),
    (Reinforce(), 20, 1, 10, 300, {50: 0.811, 100: 0.909, 300: 0.917}),
    (Ppo(), 20, 10, 10, 300, {50: 0.696, 100: 0.851, 300: 0.917}),
    (Ipo(), 20, 10, 10, 300, {50: 0.789, 100: 0.896, 300: 0.917}),
)


def run(quick: bool, keep: bool) -> None:
    """Count the means over seeds that lie in the other rebuild's ranges; the ratio is to how many there are."""
    seeds, rows = ([0] if quick else [0, 1, 2, 3, 4]), TABLE[:2] if quick else TABLE
    arms = [Arm(objective, peak, reuse, steps, prompts) for objective, peak, reuse, prompts, steps, _ in rows]
    scores = train(TokenWorld(), arms, seeds, every=50)
    told = [_compare(arm, row[-1], [s for s in scores if s.arm == place])
            for place, (arm, row) in enumerate(zip(arms, rows, strict=True))]  # fmt: skip
    places = [place for row in told for place in row["steps"].values()]
    inside = sum(place["inside"] for place in places)
    what = f"means over {len(seeds)} seeds within {WITHIN} of the other rebuild's range ÷ all"
    figures = {"name": "lab_token_arms", "what": what, "ours": inside, "theirs": len(places)}
    record(figures | {"ratio": inside / len(places), "target": 1.0, "arms": told}, keep=keep)


def _compare(arm: Arm, wanted: dict[int, float | Range], scores: Sequence[Score]) -> dict[str, Any]:
    steps: dict[int, dict[str, Any]] = {}
    for step, reference in wanted.items():
        here = [score for score in scores if score.step == step]
        rewards = [score.reward for score in here]
        low, high = reference if isinstance(reference, tuple) else (reference, reference)
        mean = sum(rewards) / len(rewards)
        figures = {"mean": mean, "low": min(rewards), "high": max(rewards), "other": reference}
        steps[step] = {key: _short(value) for key, value in figures.items()}
        steps[step]["inside"] = low - WITHIN <= mean <= high + WITHIN
    last = [score for score in scores if score.step == arm.steps]
    best, others = (sum(getattr(score, name) for score in last) / len(last) for name in ("best", "others"))
    return {"arm": f"{NAMES[int(arm.centre)]} {arm.name}", "best": round(best, 1), "others": round(others, 1)} | {
        "steps": steps
    }


def _short(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
