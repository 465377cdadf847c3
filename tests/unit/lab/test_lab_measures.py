"""pass@k, diversity, divergences; the inner product behind displacement; presets."""

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.lab.measures import divergences, effective_number, entropy, log_ratio, pass_at_k
from antigrad.lab.presets import correct_set, length, lognormal_prior, peak, shared_prompts, tanh_cauchy
from helpers.labs import dirichlet, world


def test_pass_at_k_is_that_of_independent_attempts() -> None:
    bandit = correct_set(10, 2, 0.13)
    assert float(pass_at_k(bandit.reference, bandit, 8)) == pytest.approx(1 - 0.87**8, abs=1e-12)


def test_inner_product_of_two_scores() -> None:
    p = dirichlet(5000, 6, seed=3)
    eye = torch.eye(6, dtype=torch.float64)
    left = ((eye[0] - p) * (eye[1] - p)).sum(-1)
    torch.testing.assert_close(left, (p * p).sum(-1) - p[:, 0] - p[:, 1], atol=1e-14, rtol=0)


def test_diversity_and_divergences() -> None:
    bandit = correct_set(2000, 600, 0.3)
    assert float(effective_number(bandit.reference, bandit)) == pytest.approx(600)
    for sigma, share in ((0.5, 0.901), (1.0, 0.666)):
        skewed = correct_set(2000, 600, 0.3, lognormal_prior(600, sigma))
        assert float(effective_number(skewed.reference, skewed)) / 600 == pytest.approx(share, abs=5e-4)
    assert float(entropy(torch.full((4,), 0.25))) == pytest.approx(1.386294, abs=1e-6)
    one, other = world(seed=1), world(seed=2)
    there, back = divergences(other.reference, one)
    assert float(there) > 0 and float(back) > 0 and float(there) != float(back)
    assert float(log_ratio(other.reference, one, 3)) == pytest.approx(
        float((other.reference / one.reference)[0, 3].log())
    )


def test_data_law_and_peaks() -> None:
    law = tanh_cauchy()
    assert [round(float(law[b]), 4) for b in (0, 99, 16, 20, 70)] == [0.0781, 0.0422, 0.0268, 0.0243, 0.0021]
    assert float(law.sum()) == pytest.approx(1, abs=1e-12) and int(law[1:-1].argmax()) + 1 == 16
    assert float(law[60:81].sum()) == pytest.approx(0.0457, abs=5e-5)
    assert float(law[10:31].sum()) == pytest.approx(0.4542, abs=5e-5)
    for centre, width, start, even in ((70, 10, 0.039, 0.1772), (70, 20, 0.0955, 0.3479), (70, 30, 0.1876, 0.4878)):
        bandit = peak([centre], width)
        assert float((bandit.reference * bandit.rewards).sum()) == pytest.approx(start, abs=6e-4)
        assert float(bandit.rewards.mean()) == pytest.approx(even, abs=5e-5)
    r1, r2 = peak([70]), peak([20])
    starts = [0.9 * float((b.reference * b.rewards).sum()) + 0.1 * float(b.rewards.mean()) for b in (r1, r2)]
    assert starts == pytest.approx([0.0529, 0.3572], abs=5e-5)


def test_other_presets() -> None:
    bandit = shared_prompts(0.6)
    base = [float(pass_at_k(bandit.reference, bandit, k)) for k in (1, 16, 256)]
    assert base == pytest.approx([0.033, 0.341, 0.918], abs=5e-4)
    modes = {kind: int(length(kind).reference.argmax()) for kind in ("min", "mode", "skew")}
    assert set(modes.values()) <= {202, 203, 204}
    rare = [float(length(kind).reference[0, :100].sum()) for kind in ("min", "skew")]
    assert rare[1] < rare[0] / 10
    for bad in (lambda: correct_set(4, 4, 0.5), lambda: shared_prompts(2.0), lambda: length("max")):  # type: ignore
        with pytest.raises(InputValueError):
            bad()
