"""What a verdict reads: intervals over seeds, multiplicity, both kinds of equality, what speaks against it."""

import math

import pytest
import torch

from antigrad.lab.evidence import Comparison, Equal, finding, in_words, read, table
from antigrad.lab.gaps import above, lead, passage_gap, sooner
from antigrad.lab.measures import accuracy
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate

STEADY = [1.0, 1.1, 0.9, 1.0, 1.2, 0.8]


def exact(gap: float, equal: Equal = "steps") -> Comparison:
    return Comparison(f"a above b by {gap}", equal, "there", [gap])


def drawn(gaps: list[float], equal: Equal = "steps") -> Comparison:
    return Comparison("a above b", equal, "there", gaps, "sampled", exact=False)


@pytest.mark.parametrize(
    ("comparisons", "expected"),
    [
        ([exact(1.0), exact(1.0, "reward")], "agrees"),
        ([exact(-1.0), exact(-1.0, "reward")], "disagrees"),
        ([exact(1.0), exact(-1.0, "reward")], "mixed"),  # the order reverses at equal reward
        ([exact(1.0), exact(math.nan, "reward")], "open"),  # at equal steps alone nothing is settled
        ([exact(math.nan), exact(1.0, "reward")], "open"),
        ([exact(math.nan), exact(math.nan, "reward")], "open"),  # NaN speaks for neither side
        ([exact(0.0), exact(0.0, "reward")], "open"),  # nothing moved
        ([exact(1.0), exact(1.0, "reward"), exact(0.0)], "mixed"),
        ([exact(1.0), drawn(STEADY, "reward")], "agrees"),
        ([exact(1.0), drawn([-x for x in STEADY], "reward")], "mixed"),
        ([exact(1.0), drawn(STEADY[:5], "reward")], "open"),  # five seeds have no verdict
        ([exact(1.0), drawn([*STEADY[:5], math.nan], "reward")], "open"),  # a seed that did not get there
        ([exact(1.0), drawn([1.0, -1.1, 0.9, -1.0, 1.2, -0.8], "reward")], "open"),
        ([], "open"),
    ],
)
def test_findings(comparisons: list[Comparison], expected: str) -> None:
    assert finding(read(comparisons)) == expected


def test_many_comparisons_are_harder_to_settle() -> None:
    """One p of .01 speaks alone; beside nineteen others that show nothing it does not."""
    gaps = [0.5, 1.4, 0.3, 1.9, 1.1, 0.2, 1.6]
    alone = read([drawn(gaps)])[0]
    among = read([drawn(gaps), *[drawn([0.3, -0.2, 0.1, -0.3, 0.2, -0.1])] * 19])[0]
    assert (alone.speaks, among.speaks) == (1, 0) and alone.p < 0.05 < among.p
    assert alone.low > 0 and alone.low < alone.mean < alone.high


def test_false_verdicts_are_rare_where_nothing_differs() -> None:
    """Four drawn comparisons of six seeds: at most one run in twenty says anything."""
    draws = torch.randn(400, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wrong = sum(any(one.speaks for one in read([drawn(gaps) for gaps in run.tolist()])) for run in draws)
    assert wrong <= 30  # 20 expected at most; 30 is two standard deviations above


def test_words_name_what_speaks_against() -> None:
    text = in_words(read([exact(1.0), exact(-1.0, "reward"), drawn(STEADY[:2])]))
    assert "Of 3 comparisons 1 speak for the sentence, 1 against it and 1 settle nothing." in text
    assert "Against it: a above b by -1.0 (there)" in text and "6 are the fewest" in text
    rows = table(read([exact(1.0), drawn(STEADY)])).rows  # type: ignore[union-attr]
    assert [row["speaks"] for row in rows] == ["for", "for"] and [row["seeds"] for row in rows] == [None, 6]


def test_gaps_of_an_exact_and_of_a_drawn_trace() -> None:
    world = three_token((0.45, 0.1, 0.45))

    def rare(pi: torch.Tensor) -> torch.Tensor:
        return pi[..., 0, 1]

    one = simulate(world, [Grpo(), GrpoN()], 0.1, 200, levels=[0.7])
    (at_reward, at_step) = above(one, "GRPO", "GRPO-N", rare, "o", levels=[0.7], steps=[100])
    assert at_reward.exact and (at_reward.equal, at_step.equal) == ("reward", "steps")
    assert at_step.gaps[0] == pytest.approx(float(one.pi[100, 0, 0, 0, 0, 1] - one.pi[100, 1, 0, 0, 0, 1]))
    (passage,) = sooner(one, "GRPO", "GRPO-N", "first", [0.7])
    steps = one.first(0.7)[0].flatten()
    assert passage.gaps == [float(steps[1] - steps[0])] and passage.gaps[0] > 0
    assert math.isnan(sooner(one, "GRPO", "GRPO-N", "first", [2.0])[0].gaps[0])
    many = simulate(world, [Grpo(), GrpoN()], 0.1, 50, "sampled", seeds=7, levels=[0.5], keep=[0, 50])
    (ends,) = above(many, "GRPO", "GRPO-N", lambda pi: accuracy(pi, world), "r", steps=[50])
    assert not ends.exact and len(ends.gaps) == 7 and read([ends])[0].speaks == 1
    (nowhere,) = above(many, "GRPO", "GRPO-N", rare, "o", steps=[49])
    assert all(map(math.isnan, nowhere.gaps))  # a step that was not kept was not reached


def test_who_is_first() -> None:
    assert passage_gap((5.0, True), (9.0, True)) == 4.0 and passage_gap((9.0, False), (5.0, True)) == -4.0
    assert lead({1: 0.1, 2: 0.2}, {1: 0.1, 2: 0.6}, 0.5) == pytest.approx(-0.4)
    assert math.isnan(lead({1: 0.1}, {1: 0.1}, 0.5))
