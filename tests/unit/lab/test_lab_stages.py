"""Stages on three tokens: rates, boundaries, troughs, times, shares; the table of mean-field runs."""

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.lab import OBJECTIVES
from antigrad.lab.objective import Policy
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import boundary_ratios, explored_share, mean_advantages, stages
from antigrad.lab.studies.two_stage import boundary, exploitation_slope
from antigrad.lab.study import load
from antigrad.objectives.grpo import Scale
from helpers.labs import context

make = OBJECTIVES.make
REWARDS = [0.8, 1.0, 0.0]
MODES = ("grpo", "grpo_p", "grpo_n")


def log_rates(spec: str, pi: torch.Tensor) -> torch.Tensor:
    g = make(spec).expected(Policy(pi.log()), context(three_token(pi[0].tolist()), pi))
    return (g - (pi * g).sum(-1, keepdim=True))[0]


@pytest.mark.parametrize(("scale", "kappa", "up", "down"), [("population", 7**0.5, 1, 1), ("none", 7 / 8, 0.2, 0.8)])
def test_rates_in_the_rare_limit(scale: str, kappa: float, up: float, down: float) -> None:
    o, low = 2e-7, 3e-7
    pi = torch.tensor([[1 - o - low, o, low]], dtype=torch.float64)
    gain, loss = kappa * up * o, kappa * down * low
    want = {"grpo": (2 * gain - loss, gain - 2 * loss), "grpo_p": (2 * gain, gain), "grpo_n": (-loss, -2 * loss)}
    for mode in MODES:
        assert log_rates(f"{mode}(scale={scale})", pi)[1:].tolist() == pytest.approx(want[mode], rel=2e-5)


@pytest.mark.parametrize(("o", "low", "shares"), [(1, 1, (0.5, 0.2)), (3, 1, (0.75, 0.4286)), (1, 4, (0.2, 0.0588))])
def test_share_of_positive_advantage(o: int, low: int, shares: tuple[float, float]) -> None:
    pi = torch.tensor([[1 - (o + low) * 1e-5, o * 1e-5, low * 1e-5]], dtype=torch.float64)
    for scale, want in zip(("population", "none"), shares, strict=True):
        assert float(explored_share(pi, three_token(pi[0].tolist()), 8, scale)) == pytest.approx(want, abs=1e-4)  # type: ignore


@pytest.mark.parametrize(
    ("scale", "start", "eta", "steps", "b2", "b1", "b1_ratio"),
    [
        ("population", [0.495, 0.01, 0.495], 0.1, 1500, 489, 919, 1.013),
        ("population", [0.97, 0.004, 0.026], 0.2, 600, 172, 367, 1.017),
        ("none", [0.5, 0.02, 0.48], 2.0, 900, 267, 516, 4.009),
        ("none", [0.9, 0.004, 0.096], 5.0, 2500, 1086, 2098, 4.001),
    ],
)
def test_boundaries(
    scale: Scale, start: list[float], eta: float, steps: int, b2: int, b1: int, b1_ratio: float
) -> None:
    found = boundary({"scale": scale, "start": start, "eta": eta, "steps": steps}, REWARDS, 8)
    assert found["b1_step"] == pytest.approx(b1, abs=1) and found["b2_step"] == pytest.approx(b2, abs=1)
    assert found["b1_ratio"] == pytest.approx(b1_ratio, abs=1e-2)
    assert found["b1_ratio"] == pytest.approx(found["b1_predicted"], rel=0.03)
    assert found["b2_ratio"] == pytest.approx(found["b2_predicted"], rel=0.03)
    assert found["b2_predicted"] == found["b1_predicted"] / 2


def test_advantage_of_h_changes_sign_at_b1_exactly_without_deviation() -> None:
    world = three_token((0.5, 0.02, 0.48))
    ratio, _ = boundary_ratios(world, "none")
    for factor, sign in ((1.01, -1), (0.99, 1)):
        low = 1e-3
        pi = torch.tensor([[1 - low - factor * ratio * low, factor * ratio * low, low]], dtype=torch.float64)
        assert float(mean_advantages(pi, world, 8, "none")[0, 0].sign()) == sign


def test_slope_in_exploitation() -> None:
    case = {"start": [0.9799, 0.0001, 0.02], "eta": 0.2, "steps": 6000, "below": 0.06}
    low, high = exploitation_slope(case, REWARDS, 8)
    assert 0.45 < low < high < 0.5
    with pytest.raises(InputValueError, match="below"):
        exploitation_slope(case | {"steps": 1, "below": 1e-4}, REWARDS, 8)


def test_trough_of_negatives_only_comes_late() -> None:
    trace = simulate(three_token((0.9949, 0.005, 0.0001)), make("grpo_n"), 0.2, 23_200)
    path = trace.pi[:, 0, 0, 0, 0]
    trough = int(path[:, 1].argmin())
    assert trough == pytest.approx(22_895, rel=0.01)
    assert float(path[trough, 2] / (2 * path[trough, 1] ** 2)) == pytest.approx(1.003, rel=0.01)


def test_table_of_mean_field_runs() -> None:
    starts = [(0.45, 0.10, 0.45), (0.495, 0.01, 0.495)]
    trace = simulate(three_token(starts), [make(name) for name in MODES], 0.1, 9000)
    want = [
        [(0, 1.00, 42, 81), (0, 1.00, 104, 120), (3250, 5.27, 73, 8692)],
        [(489, 4.10, 919, 1845), (145, 1.28, 748, 795), (9000, None, 4440, None)],
    ]
    for prompt in range(2):
        for stage, (trough, fall, sign, over) in zip(stages(trace, prompt), want[prompt], strict=True):
            assert stage.trough == pytest.approx(trough, abs=1)
            assert fall is None or stage.fall == pytest.approx(fall, abs=0.01)
            assert stage.sign_change == pytest.approx(sign, abs=1)
            assert stage.overtakes == (None if over is None else pytest.approx(over, abs=1))


def test_order_of_the_stages() -> None:
    """Trough, then the sign of the advantage, then 1/k for GRPO and -P; the sign first for -N."""
    trace = simulate(three_token((0.495, 0.01, 0.495)), [make(name) for name in MODES], 0.1, 5000)
    full, positive, negative = stages(trace, k=4)
    for stage in (full, positive):
        assert stage.sign_change is not None and stage.expansion is not None
        assert stage.trough < stage.sign_change < stage.expansion
    assert negative.sign_change is not None and negative.sign_change < negative.trough


def test_exploration_time() -> None:
    world = three_token((0.99 - 1e-13, 0.01, 1e-13))
    path = simulate(world, [make("grpo"), make("grpo_p")], 0.1, 260).pi[:, :, 0, 0, 0]
    over = (path[..., 1] > path[..., 0]).to(torch.uint8).argmax(0)
    assert over.tolist() == [220, 236]


def test_sampled_wins() -> None:
    """300 seeds: GRPO and -P let O win, negatives only never from the rare start."""
    trace = simulate(
        three_token([(0.45, 0.10, 0.45), (0.495, 0.01, 0.495)]), [make(name) for name in MODES], 2.0, 2000, "sampled",
        seeds=300, keep=[2000],
    )  # fmt: skip
    wins = (trace.at(2000)[..., 1] > 0.5).double().mean(2)[:, 0]
    assert wins[:, 1].tolist() == pytest.approx([0.947, 1.0, 0.0], abs=0.05)
    assert wins[:, 0].tolist() == pytest.approx([1.0, 1.0, 0.773], abs=0.06)
    assert float(wins[2, 1]) == 0.0


def test_settings_name_what_is_run() -> None:
    study = load("two_stage")
    assert study.settings["rewards"] == REWARDS and study.resolved(full=True)["exploration"]["steps"] > 9449
