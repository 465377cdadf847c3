"""The hard guide's tie rule: rounding alone turns pixels at its threshold, a tolerance leaves them out."""

import pytest
import torch

from antigrad.attribution.methods.guide import guide_weights
from antigrad.core.errors import InputValueError


def test_a_tolerance_makes_the_guide_indifferent_to_rounding() -> None:
    numbers = torch.Generator().manual_seed(0)
    variance = torch.rand(1, 3, 64, 64, generator=numbers)
    variance[..., ::2] = variance.flatten(2).quantile(0.85, dim=-1)[..., None, None]  # many pixels at one value
    rounded = variance * (1 + 1e-6 * torch.randn(variance.shape, generator=numbers))
    flips = {
        tolerance: int((guide_weights(variance, 0.7, "hard", tolerance=tolerance)
                        != guide_weights(rounded, 0.7, "hard", tolerance=tolerance)).sum())
        for tolerance in (0.0, 1e-4)
    }  # fmt: skip
    assert flips[0.0] > 100 and flips[1e-4] < 10
    kept = guide_weights(variance, 0.7, "hard", tolerance=1e-4)
    assert bool((kept <= guide_weights(variance, 0.7, "hard")).all()) and bool(kept.any())


def test_a_tolerance_out_of_range_is_refused() -> None:
    with pytest.raises(InputValueError, match="tolerance 1"):
        guide_weights(torch.rand(1, 1, 4), 0.5, "hard", tolerance=1.0)
