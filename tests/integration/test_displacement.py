"""Row 15 of the specification's acceptance, as far as it holds on the shipped tiny policy.

NTHR raises the likelihood of the correct answers above plain GRPO's on every seed. It does not raise
it above that of as many random tokens: `studies/displacement/results/displacement_tiny.json` and docs/papers.md
say by how much it falls short, over five seeds.
"""

from pathlib import Path

import pytest

from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose

NTHR = "nthr(eta=0,anchor=others)"
ARMS = ["none", NTHR, "positives_only", "w_reinforce"]


@pytest.mark.parametrize("seed", [10, 11])
def test_less_negative_gradient_raises_the_correct_answers(seed: int, tmp_path: Path) -> None:
    config = DiagnoseConfig(
        model="tiny",
        tasks="tiny_arithmetic",
        questions=6,
        seed=seed,
        step_sizes=[1e-5],
        arms=ARMS,
        output=tmp_path / "r",
    )
    figures = diagnose(config).summary
    change = {arm: figures[f"delta_correct/{arm}@1e-05"] for arm in ARMS}
    assert figures["mixed"] >= 4
    assert change["positives_only"] > change[NTHR] > change["none"] > change["w_reinforce"]
    wrong = {arm: figures[f"delta_wrong/{arm}@1e-05"] for arm in ARMS}
    assert wrong["w_reinforce"] < wrong["none"] < wrong[NTHR] < 0
