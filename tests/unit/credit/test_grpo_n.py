"""GRPO-N: the two denominators, and what each makes of a loss that divides by all tokens."""

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from antigrad.credit import CREDIT, Group
from antigrad.lab.objective import over_kept
from antigrad.objectives import Grpo, group_advantages
from helpers.cases import random_case


def group_of(correct: list[bool], lengths: list[int]) -> Group:
    verdict = torch.tensor(correct)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    advantages = group_advantages(verdict.double(), scale="population")
    return Group(torch.zeros(mask.shape).long(), mask, verdict, advantages)


def down(groups: list[Group], weights: list[Tensor], keep: list[Tensor] | None = None) -> float:
    """The token-normalised loss's down part of a batch of groups, cut to some rows first."""
    rows = torch.cat(keep or [torch.ones(len(group.mask)).bool() for group in groups])
    width = max(group.mask.shape[1] for group in groups)
    masks = [torch.nn.functional.pad(group.mask, (0, width - group.mask.shape[1])) for group in groups]
    signed = [torch.nn.functional.pad(w, (0, width - w.shape[1])) for w in weights]
    zeros = torch.zeros(len(rows), width, dtype=torch.float64)[rows]
    return Grpo()(zeros, zeros, torch.cat(signed)[rows], torch.cat(masks)[rows]).down.item()


ONE = group_of([True, False, False, True], [3, 2, 1, 2])  # advantages ±1; 3 of 8 tokens are wrong
TWO = group_of([True, False, True, True], [1, 4, 2, 1])  # wrong: −√3; 4 of 8 tokens


def test_weights_by_hand() -> None:
    group, kept = (CREDIT.make(f"grpo_n(denominator={name})")(ONE) for name in ("group", "kept"))
    assert group.tolist() == [[0, 0, 0], [-1, -1, 0], [-1, 0, 0], [0, 0, 0]]
    torch.testing.assert_close(kept, group * 8 / 3, atol=1e-15, rtol=0)


def test_group_is_negatives_only() -> None:
    for seed in (31, 32):
        group = random_case(seed).group()
        assert torch.equal(CREDIT.make("grpo_n")(group), CREDIT.make("negatives_only")(group))


def test_masking_comes_after_normalising() -> None:
    """Advantages of the wrong rows alone would all be 0: their rewards are equal."""
    wrong = CREDIT.make("grpo_n")(TWO)[1]
    torch.testing.assert_close(wrong, torch.full((4,), -(3**0.5), dtype=torch.float64))


def test_one_group_in_a_token_normalised_loss_is_the_cut_to_its_wrong_rows() -> None:
    plain, kept = CREDIT.make("grpo_n")(ONE), CREDIT.make("grpo_n(denominator=kept)")(ONE)
    assert down([ONE], [plain]) == pytest.approx(3 / 8)
    assert down([ONE], [kept]) == pytest.approx(1.0) == down([ONE], [plain], [~ONE.correct])


def test_several_groups_count_by_size_where_a_cut_batch_counts_kept_tokens() -> None:
    groups = [ONE, TWO]
    plain = [CREDIT.make("grpo_n")(group) for group in groups]
    kept = [CREDIT.make("grpo_n(denominator=kept)")(group) for group in groups]
    root = 3**0.5
    assert down(groups, kept) == pytest.approx((8 * 1 + 8 * root) / 16)
    assert down(groups, plain, [~group.correct for group in groups]) == pytest.approx((3 * 1 + 4 * root) / 7)


def test_one_group_of_one_token_each_is_the_laboratory_s() -> None:
    group = group_of([True, False, False, False, True], [1] * 5)
    plain = CREDIT.make("grpo_n")(group)[:, 0]
    kept = CREDIT.make("grpo_n(denominator=kept)")(group)[:, 0]
    torch.testing.assert_close(kept, over_kept(plain[None])[0], atol=1e-15, rtol=0)


def test_other_denominators_are_refused() -> None:
    with pytest.raises(InputValueError, match="did you mean 'kept'"):
        CREDIT.make("grpo_n(denominator=keep)")
