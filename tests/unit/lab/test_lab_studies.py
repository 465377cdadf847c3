"""The studies: their files, golden figures, verdicts that follow the numbers."""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from antigrad.core import InputValueError, ManyInputsError
from antigrad.lab import OBJECTIVES, table_one
from antigrad.lab.bandit import Bandit
from antigrad.lab.measures import accuracy, effective_number
from antigrad.lab.objective import Context, Policy
from antigrad.lab.presets import peak, shared_prompts
from antigrad.lab.simulate import simulate
from antigrad.lab.studies import diversity, kl_directions, squeezing
from antigrad.lab.studies.offline_peaks import data_limits
from antigrad.lab.study import Result, load, names, run_study, verdict
from antigrad.lab.trace import Trace, matched

make = OBJECTIVES.make


@pytest.mark.parametrize("name", names())
def test_every_study_says_what_it_asks(name: str) -> None:
    study = load(name)
    for text in (study.title, study.asks, study.paper, study.sentence, study.tier, study.caveat):
        assert len(text) > 5
    assert study.asks.endswith("?") and study.sentence.endswith(".")
    assert set(study.full) <= set(study.settings)


def test_every_objective_is_used_by_a_study() -> None:
    """One that no study follows would be dropped."""
    used = {module for path in Path(table_one.__file__).parent.glob("studies/*.py") for module in imported(path)}
    used |= set(imported(Path(table_one.__file__)))
    assert {f"antigrad.lab.objectives.{name}" for name in OBJECTIVES.names()} <= used


def imported(path: Path) -> list[str]:
    return [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]


def test_seeds_are_shifted_everywhere() -> None:
    moved = load("offline_peaks").resolved(full=True, seed=7)
    assert moved["token"]["seeds"] == [7, 8, 9, 10, 11, 12] and moved["data"]["seed"] == 7
    assert moved["data"]["seeds"] == 1000  # a number of seeds stays


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("study: displacement\ntitle: Mine\nsettings: {cosines: [0.5, 0.0]}\n")
    study = load(str(mine))
    assert (study.name, study.code, study.title) == ("mine", "antigrad.lab.studies.displacement:run", "Mine")
    assert study.resolved(full=False)["cosines"] == [0.5, 0.0]
    assert "NTHR-like@0.5/selected" in run_study(study).numbers
    mine.write_text("study: displacement\ntittle: Mine\nsettings: {cosine: 1}\n")
    with pytest.raises(ManyInputsError, match="did you mean 'title'") as caught:
        load(str(mine))
    assert len(caught.value.problems) == 2
    for text in ("- a list\n", "settings: {}\n", "study: [\n"):
        mine.write_text(text)
        with pytest.raises(InputValueError, match="mine"):
            load(str(mine))
    for missing in ("nope.yaml", "dsplacement"):
        with pytest.raises(InputValueError):
            load(missing)


def test_the_verdict_is_the_sentence_the_finding_and_the_numbers() -> None:
    study = load("on_policy")
    words = {"agrees": "Agrees.", "mixed": "Agrees in part.", "disagrees": "Does not agree."}
    for finding, word in words.items():
        text = verdict(study, Result(finding, "Figures.", {}, []))  # type: ignore[arg-type]
        assert f"{study.sentence} {word} Figures." in text and study.caveat in text and study.tier in text


@pytest.mark.parametrize(
    ("name", "finding"), [("displacement", "mixed"), ("squeezing", "mixed"), ("edge_trap", "mixed")]
)
def test_quick_studies(name: str, finding: str) -> None:
    result = run_study(load(name))
    assert result.finding == finding and result.sections
    assert all(value is None or value == value for value in result.numbers.values())


def test_a_verdict_turns_with_its_numbers(tmp_path: Path) -> None:
    """Without a resembling wrong action there is no displacement to mend, and the study says so."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("study: displacement\nsettings: {cosines: [0.0]}\n")
    assert run_study(load(str(mine))).finding == "open"


def test_kl_conditions_and_the_figure() -> None:
    settings = load("kl_directions").settings
    tried, broken, faster = kl_directions.conditions(20_000, 0)
    assert broken == [0, 0, 0, 0] and min(tried) > 1000 and 0.3 < faster < 0.8
    fits = kl_directions.joint_fits(settings)
    assert fits["swapped"][0] == pytest.approx(0.009, abs=2e-3) and fits["swapped"][2] == 3
    assert fits["as labelled"][0] == pytest.approx(0.112, abs=2e-3)


def test_squeezing_table() -> None:
    settings = load("squeezing").settings | {"seeds": [0, 1, 2, 3, 4]}
    want = {1.0: (0.50, -0.72, -3.05, 2.24), 0.5: (0.43, -0.57, -2.55, 3.07), 0.1: (0.12, -0.12, -0.70, 3.43)}
    for weight, (mode, others, rejected, chosen) in want.items():
        mean = squeezing.follow(settings, 42, 0.0, weight)[-1].mean(0)
        assert mean[[3, 4, 1, 0]].tolist() == pytest.approx([mode, others, rejected, chosen], abs=0.01)


def test_offline_limits() -> None:
    world = peak([70, 20])
    for spec, limits in (
        ("pref_ft", (0.0761, 0.5843)),
        ("best_of_n", (0.3135, 0.9401)),
        ("rwr", (0.9409, 0.9472)),
    ):
        start = Policy(world.reference.log())
        target = make(spec).expected(start, Context(world, world.reference)) + start.p
        assert (target * world.rewards).sum(-1).tolist() == pytest.approx(limits, abs=5e-5)


LIMITS = {  # Mean and lowest tenth of 1 000 data sets of m draws.
    10: ((0.077, 0.235, 0.306), (0.0, 0.0, 0.0)),
    30: ((0.075, 0.277, 0.586), (0.007, 0.030, 0.007)),
    100: ((0.075, 0.302, 0.877), (0.038, 0.168, 0.720)),
    1000: ((0.076, 0.313, 0.939), (0.064, 0.270, 0.922)),
}


@pytest.mark.parametrize("count", LIMITS)
def test_limits_of_data_sets(count: int) -> None:
    found = data_limits({"centres": [70], "data": {"draws": [count], "seeds": 1000, "seed": 0}})
    keys = [f"dataset/limit/{arm}@m={count}" for arm in ("Pref-FT", "BoN10", "RWR(0.1)")]
    assert [found[key] for key in keys] == pytest.approx(LIMITS[count][0], abs=0.02)
    assert [found[f"{key}/lowest_tenth"] for key in keys] == pytest.approx(LIMITS[count][1], abs=0.02)


OFFLINE = {
    "pref_ft": ([0.042, 0.048, 0.063, 0.076, 0.076], [0.419, 0.503, 0.562, 0.581, 0.583]),
    "best_of_n": ([0.052, 0.115, 0.269, 0.310, 0.312], [0.538, 0.806, 0.900, 0.931, 0.935]),
    "rwr": ([0.089, 0.648, 0.878, 0.930, 0.936], [0.533, 0.812, 0.908, 0.938, 0.943]),
    "ipo(margin=2)": ([0.044, 0.056, 0.092, 0.141, 0.144], [0.475, 0.650, 0.735, 0.740, 0.740]),
    "ipo": ([0.038, 0.023, 0.167, 0.474, 0.501], [0.781, 0.968, 0.979, 0.979, 0.979]),
    "dpo": ([0.039, 0.041, 0.044, 0.038, 0.016], [0.382, 0.402, 0.472, 0.751, 0.904]),
    "dpo(beta=1)": ([0.042, 0.048, 0.062, 0.124, 0.182], [0.423, 0.548, 0.750, 0.924, 0.961]),
    "slic": ([0.044, 0.033, 0.001, 0.001, 0.042], [0.474, 0.767, 0.971, 0.996, 0.999]),
}
ONLINE = {
    "pref_ft": ([0.042, 0.020, 0.001, 0.000, 0.000], [0.425, 0.739, 0.997, 1.0, 1.0]),
    "best_of_n": ([0.053, 0.807, 0.995, 0.999, 1.0], [0.810, 0.986, 0.997, 0.999, 1.0]),
    "rwr": ([0.100, 0.971, 0.995, 0.999, 1.0], [0.560, 0.977, 0.996, 0.999, 1.0]),
    "reinforce": ([0.040, 0.044, 0.069, 0.988, 0.989], [0.411, 0.556, 0.962, 0.989, 0.989]),
    "reinforce_std": ([0.045, 0.087, 0.989, 0.990, 0.990], [0.467, 0.876, 0.990, 0.990, 0.990]),
    "ipo": ([0.036, 0.996, 0.985, 0.980, 0.980], [0.999] * 5),
    "dpo": ([0.039, 0.041, 0.043, 0.003, 0.096], [0.382, 0.402, 0.478, 1.0, 1.0]),
    "dpo(beta=1)": ([0.042, 0.049, 0.101, 0.931, 0.982], [0.424, 0.587, 0.939, 0.993, 0.997]),
}
SYNCED = {
    10: ([0.052, 0.216, 0.995, 0.999, 1.0], [0.538, 0.985, 0.997, 0.999, 1.0]),
    100: ([0.052, 0.115, 0.703, 1.0, 1.0], [0.538, 0.806, 0.990, 1.0, 1.0]),
    1000: ([0.052, 0.115, 0.269, 0.310, 0.904], [0.538, 0.806, 0.900, 0.931, 0.999]),
}


@pytest.mark.parametrize(("law", "table"), [("offline", OFFLINE), ("online", ONLINE), ("synced", SYNCED)])
def test_one_exact_token(law: str, table: dict[object, tuple[list[float], list[float]]]) -> None:
    """Rewards at steps 10, 50, 200, 1000, 2000 on both peaks."""
    world = peak([70, 20])
    specs = ["best_of_n"] * len(table) if law == "synced" else [str(spec) for spec in table]
    eta = torch.tensor([[0.3 if spec.startswith("ipo") else 1.0] for spec in specs])
    laws = list(table) if law == "synced" else [law] * len(specs)
    trace = simulate(world, [make(s) for s in specs], eta, 2000, law=laws, keep=(10, 50, 200, 1000, 2000))  # type: ignore
    rewards = (trace.pi[:, :, 0, 0] * world.rewards).sum(-1)
    for place, want in enumerate(table.values()):
        for prompt in range(2):
            assert rewards[:, place, prompt].tolist() == pytest.approx(want[prompt], abs=1e-3), (law, specs[place])


def test_edge_trap() -> None:
    world = peak([70])
    pi = simulate(world, [make("pref_ft"), make("dpo")], 1.0, 2000, keep=(200, 1000, 2000)).pi[:, :, 0, 0, 0, 99]
    assert pi[:, 0].tolist() == pytest.approx([0.9846, 0.9974, 0.9987], abs=1e-3)
    assert pi[:, 1].tolist() == pytest.approx([0.0915, 0.9646, 0.1236], abs=1e-3)


KEPT = {  # Effective number of correct actions / 600 at equal accuracy; arms in the order of the study.
    (0.0, 5.0): {
        0.4: (0.636, 0.532, 0.364, 0.795, 0.997, 1.0, 1.0),
        0.6: (0.035, 0.023, 0.021, 0.043, 0.981, 1.0, 1.0),  # 4th: of six sets of ten; the first set alone gives 0.085
        0.8: (0.005, 0.005, 0.005, 0.006, 0.649, 1.0, 1.0),
        0.9: (0.003, 0.002, 0.003, 0.003, 0.038, 1.0, 1.0),
    },
    (0.5, 2.0): {
        0.4: (0.677, 0.547, 0.551, 0.726, 0.796, 0.795, 0.798),
        0.6: (0.062, 0.029, 0.038, 0.061, 0.094, 0.075, 0.078),
    },
    (1.0, 2.0): {
        0.4: (0.355, 0.349, 0.304, 0.365, 0.351, 0.357, 0.360),
        0.6: (0.032, 0.035, 0.030, 0.035, 0.026, 0.028, 0.025),
    },
}


def same_kept(trace: Trace, world: Bandit, level: float, want: Sequence[float]) -> None:
    """Whether the share of correct actions kept at a level is that of ten other seeds, as far as seeds tell."""
    kept = (effective_number(trace.first(level)[1], world) / 600).reshape(len(trace.arms), -1)
    seeds = kept.shape[1]
    within = 0.01 + 3 * kept.std(1) * (1 / 10 + 1 / seeds) ** 0.5
    for arm, value, expected, room in zip(trace.arms, kept.mean(1), want, within, strict=True):
        assert float(value) == pytest.approx(expected, abs=float(room)), (level, arm)


@pytest.mark.parametrize(("sigma", "eta"), KEPT)
def test_diversity_at_matched_accuracy(sigma: float, eta: float) -> None:
    settings = load("diversity").settings | {"seeds": 40}
    world = diversity.world_of(settings, sigma)
    table = KEPT[sigma, eta]
    trace = diversity.follow(world, diversity.ARMS, eta, settings, list(table), 6000)
    for level, values in table.items():
        same_kept(trace, world, level, values)
    if sigma == 0:
        steps = [row.step for row in matched(trace, lambda pi: accuracy(pi, world), 0.6)]
        assert steps == pytest.approx([108, 49, 52, 88, 456, 514, 638], rel=0.2)


SWEEP = {  # The same for PSR, GRPO, W-REINFORCE, NSR with finer steps, uniform correct set.
    1.0: {0.4: (0.948, 0.950, 1.0, 1.0), 0.6: (0.256, 0.169, 0.997, 1.0), 0.8: (0.015, 0.012, 0.986, 1.0)},
    0.2: {0.4: (0.992, 0.992, 1.0, 1.0), 0.6: (0.939, 0.953, 1.0, 1.0)},
}


@pytest.mark.parametrize(("eta", "seeds"), [(1.0, 20), (0.2, 4)])
def test_diversity_is_lost_by_coarse_steps(eta: float, seeds: int) -> None:
    settings = load("diversity").settings | {"seeds": seeds}
    world = diversity.world_of(settings, 0.0)
    trace = diversity.follow(world, diversity.SWEPT, eta, settings, list(SWEEP[eta]), 30_000)
    for level, values in SWEEP[eta].items():
        same_kept(trace, world, level, values)


SHARED = {  # pass@16 / pass@256 at mean pass@1 = .5, for PSR and its kin, GRPO, its positive half.
    0.0: ((0.700, 0.950), (0.713, 0.952), (0.762, 0.958)),
    0.3: ((0.746, 0.955), (0.759, 0.958), (0.802, 0.967)),
    0.6: ((0.673, 0.868), (0.688, 0.876), (0.772, 0.931)),
}


@pytest.mark.parametrize("rho", SHARED)
def test_shared_prompts_mean_field(rho: float) -> None:
    world = shared_prompts(rho)
    kin = ["psr", "nsr", "w_reinforce(positive_weight=1)", "w_reinforce"]
    arms = [make(name) for name in [*kin, "grpo", "grpo_p"]]
    trace = simulate(world, arms, 0.05, 2500, levels=[0.5], keep=[0], stop=True)
    steps, pi = trace.first(0.5)
    wrong = 1 - (pi * world.rewards).sum(-1)
    first, grpo, half = SHARED[rho]
    for place, k in enumerate((16, 256)):
        found = (1 - wrong**k).mean(-1).flatten().tolist()
        assert found == pytest.approx([first[place]] * 4 + [grpo[place], half[place]], abs=2e-3)
    if rho == 0.6:
        assert steps.flatten()[[0, 1, 4, 5]].tolist() == pytest.approx([953, 953, 422, 597], abs=1)


def test_shared_prompts_sampled() -> None:
    """Six seeds, 32 prompts per step, both denominators."""
    world = shared_prompts(0.6)
    for arms, want, within in (
        (["psr", "grpo", "grpo_p"], (0.861, 0.867, 0.932), 0.02),
        (["grpo(denominator=kept)", "grpo_p(denominator=kept)"], (0.876, 0.902), 0.02),
    ):
        trace = simulate(
            world, [make(a) for a in arms], 0.2, 1500, "sampled", seeds=6, seed=100, prompts=32, levels=[0.5], keep=[0],
            stop=True,
        )  # fmt: skip
        wrong = 1 - (trace.first(0.5)[1] * world.rewards).sum(-1)
        assert (1 - wrong**256).mean(-1).mean(-1).flatten().tolist() == pytest.approx(want, abs=within)
