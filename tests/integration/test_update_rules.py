"""Row 22 of the specification's acceptance: update rules on a small network; and the paper's two examples."""

import math
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other people's, when the policy is imported
STEPS = 120


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


def figures(name: str) -> dict[str, float]:
    from studies.update_rules.study import figures_of, train_network

    rows, losses = train_network(name, seed=0, steps=STEPS)
    return figures_of(rows) | losses


def test_sgd_is_aligned_with_its_own_batch_alone() -> None:
    found = figures("SGD")
    assert found["cos_in_batch"] == pytest.approx(1, abs=1e-9)
    assert found["kappa_coordinate"] == pytest.approx(1, abs=1e-6)
    assert 0 < found["cos_held_out"] < 0.6
    assert 0 < found["cos_full"] < 0.8
    assert found["loss_after"] < found["loss_before"] / 2


def test_sign_has_a_certificate_for_every_row_in_every_step() -> None:
    found = figures("sign")
    assert found["exists_row"] == found["exists_coordinate"] == 1
    assert 3 < found["kappa_global"] < found["kappa_layer"] < found["kappa_row"] < found["kappa_coordinate"]
    assert found["kappa_coordinate"] > 1000


def test_ascent_never_has_a_certificate() -> None:
    found = figures("ascent")
    assert found["cos_in_batch"] == pytest.approx(-1, abs=1e-9)
    assert [found[f"exists_{rung}"] for rung in ("global", "layer", "row", "coordinate")] == [0, 0, 0, 0]
    assert math.isinf(found["kappa_global"])
    assert found["loss_after"] > found["loss_before"]


def test_one_layer_buys_hebb_a_global_certificate() -> None:
    found = figures("Hebb + delta")
    assert found["exists_global"] == 1
    assert found["kappa_global"] < 5
    assert found["exists_layer"] < 0.25


def test_adamw_turns_and_stretches_more_than_sgd() -> None:
    found = figures("AdamW")
    assert 0.2 < found["cos_in_batch"] < 0.7
    assert 5 < found["kappa_global"] < found["kappa_layer"] < found["kappa_row"]
    assert found["exists_layer"] == 1
    assert found["exists_coordinate"] < 0.2


def test_feedback_alignment_turns_towards_the_gradient() -> None:
    from studies.update_rules.study import train_network

    rows, _ = train_network("feedback alignment", seed=0, steps=STEPS)
    hidden = [[row["in_batch"]["block_cos"][f"weights.{layer}"] for row in rows] for layer in (0, 1)]
    for cosines in hidden:
        assert abs(sum(cosines[:5])) / 5 < 0.35
        assert sum(cosines[-20:]) / 20 > 0.35
    assert all(row["in_batch"]["block_cos"]["weights.2"] == pytest.approx(1, abs=1e-9) for row in rows)


def test_a_stable_linear_system_descends_its_energy(capsys: pytest.CaptureFixture[str]) -> None:
    from studies.update_rules.study import linear_system

    found: dict[str, Any] = linear_system(keep=False)
    assert found["relative_error_of_dot"] < 1e-9
    assert found["kappa_low"] == pytest.approx(226.25, abs=0.01)
    assert found["kappa_high"] == pytest.approx(3596.03, abs=0.01)
    assert "update_rules_linear" in capsys.readouterr().out
