"""AsymRE: the baseline on a group with known numbers."""

from dataclasses import replace

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.credit import CREDIT, Group

RIGHT = torch.tensor([True, False, False, False])
GROUP = Group(torch.zeros(4, 2).long(), torch.ones(4, 2).bool(), RIGHT, torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        ("asym_re", 0.85, -0.15),
        ("asym_re(delta_v=0)", 0.75, -0.25),  # sums to zero over the group, as Dr. GRPO does
        ("asym_re(delta_v=-0.25)", 1.0, 0.0),
        ("asym_re(delta_v=-0.5)", 1.0, 0.0),
    ],
)
def test_weights(spec: str, right: float, wrong: float) -> None:
    rows = [[right] * 2, *([[wrong] * 2] * 3)]
    torch.testing.assert_close(CREDIT.make(spec)(GROUP), torch.tensor(rows, dtype=torch.float64))


@pytest.mark.parametrize("delta_v", [0.1, -1.1, "low"])
def test_a_baseline_out_of_range_is_refused(delta_v: object) -> None:
    with pytest.raises(InputValueError, match="delta_v"):
        CREDIT.classes["asym_re"](delta_v=delta_v)


def test_groups_that_are_not_mixed() -> None:
    """All correct: pulled up by −δV; all wrong: the baseline stops at 0 and nothing moves."""
    for verdict, weight in ((True, 0.1), (False, 0.0)):
        group = replace(GROUP, correct=torch.full_like(RIGHT, verdict))
        expected = torch.full((4, 2), weight, dtype=torch.float64)
        torch.testing.assert_close(CREDIT.make("asym_re")(group), expected)
        assert bool((CREDIT.make("asym_re(delta_v=0)")(group) == 0).all())
