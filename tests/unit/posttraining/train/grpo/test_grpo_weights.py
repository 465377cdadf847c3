"""Token weights of a trainer's batch: what is masked counts for nothing, whatever it holds; figures by hand."""

from typing import Any

import pytest
import torch

from antigrad.credit import CREDIT, Head
from antigrad.posttraining.train.grpo import CreditOptions
from antigrad.posttraining.train.grpo.weights import FIGURES, Groups, Tally, weigh

WIDTH, LENGTH, VOCABULARY = 5, 6, 7


def batch(seed: int = 0) -> dict[str, Any]:
    """Two groups of three responses of six tokens; the tool wrote tokens 2 and 3 of each."""
    draw = torch.Generator().manual_seed(seed)
    mask = torch.arange(LENGTH) < torch.tensor([6, 5, 6, 4, 6, 6])[:, None]
    tool = torch.ones(6, LENGTH).long()
    tool[:, 2:4] = 0
    return {
        "completion_ids": torch.randint(0, VOCABULARY, (6, LENGTH), generator=draw),
        "completion_mask": mask.long(),
        "tool_mask": tool,
        "correct": torch.tensor([True, False, False, True, True, True]),
        "scored": torch.ones(6).bool(),
        "advantages": torch.tensor([1.0, -0.5, -0.5, 0.0, 0.0, 0.0]),
        "group": torch.tensor([0, 0, 0, 1, 1, 1]),
    }


def states(seed: int = 1) -> tuple[torch.Tensor, Head]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(6, LENGTH, WIDTH, generator=draw), Head(torch.randn(VOCABULARY, WIDTH, generator=draw))


@pytest.mark.parametrize("rule", ["nthr(anchor=others,eta=0)", "resrl", "none", "w_reinforce"])
def test_what_a_tool_wrote_counts_for_nothing(rule: str) -> None:
    given, (hidden, head) = batch(), states()
    weights, _ = weigh(CREDIT.make(rule), Groups.of(given), hidden, head, CreditOptions(), seed=0)
    masked = ~(given["completion_mask"] * given["tool_mask"]).bool()
    assert not weights[masked].any()
    other = dict(given)
    other["completion_ids"] = torch.where(masked, 6 - given["completion_ids"], given["completion_ids"])
    moved = torch.where(masked[..., None], hidden + 100, hidden)
    again, _ = weigh(CREDIT.make(rule), Groups.of(other), moved, head, CreditOptions(), seed=0)
    torch.testing.assert_close(again, weights)
    assert bool((weights[0][~masked[0]] > 0).all())
    assert bool((weights[1:3] <= 0).all())
    assert bool((weights[1:3] < 0).any())


def test_the_order_of_rows_does_not_matter() -> None:
    given, (hidden, head) = batch(), states()
    rule = CREDIT.make("nthr(anchor=others,eta=0.25)")
    weights, tally = weigh(rule, Groups.of(given), hidden, head, CreditOptions(), seed=0)
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    mixed_up = {key: value[order] for key, value in given.items()}
    again, other = weigh(rule, Groups.of(mixed_up), hidden[order], head, CreditOptions(), seed=0)
    torch.testing.assert_close(again, weights[order])
    torch.testing.assert_close(other.sums, tally.sums)


def test_figures_by_hand() -> None:
    given = batch()
    given["scored"][5] = False
    _, tally = weigh(CREDIT.make("blanket(eta=0.5)"), Groups.of(given), None, None, CreditOptions(), seed=0)
    found = dict(zip(FIGURES, (tally.sums / tally.counts).tolist(), strict=True))
    assert found["mixed"] == 0.5
    assert found["correct"] == 3 / 5  # the sixth response has no verdict
    assert not tally.counts[FIGURES.index("selected")]  # blanket selects nothing
    assert Groups.of(given).mixed().tolist() == [True, True, True, False, False, False]


def test_a_figure_that_is_not_finite_is_left_out() -> None:
    tally = Tally()
    tally.add("tau", float("-inf"))
    tally.add("tau", 2.0)
    assert (float(tally.sums[FIGURES.index("tau")]), float(tally.counts[FIGURES.index("tau")])) == (2.0, 1.0)
