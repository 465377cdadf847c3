"""Attacks on given scores, against scikit-learn, hand-made cases and chance."""

import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from sklearn.metrics import roc_auc_score, roc_curve

from antigrad.attacks import (
    Estimate,
    bootstrap,
    confidence,
    entropy,
    ks,
    label_loss,
    like_others,
    logistic_apart,
    logit_margin,
    mean_interval,
    modified_entropy,
    offline_lira,
    privleak,
    roc,
    share_like_others,
    svm_apart,
    wilson,
)
from antigrad.attacks.given import Array
from antigrad.core import InputTypeError, InputValueError

RANDOM = np.random.default_rng(0)


def test_roc_is_that_of_scikit_learn() -> None:
    inside, outside = RANDOM.normal(1, 1, 70).round(1), RANDOM.normal(0, 1, 40).round(1)  # With ties.
    found = roc(inside, outside)
    labels, scores = np.repeat([1, 0], [70, 40]), np.concatenate([inside, outside])
    assert found.auc.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive, false)
    np.testing.assert_allclose(found.true_positive, true)
    assert roc(outside, inside).auc.value == pytest.approx(1 - found.auc.value, abs=1e-12)
    assert found.true_positive_at(0.1) == pytest.approx(true[false <= 0.1].max())


def test_interval_of_the_area_is_that_of_the_bootstrap() -> None:
    inside, outside = RANDOM.normal(0.7, 1, 200), RANDOM.normal(0, 1, 150)
    found = roc(inside, outside).auc
    drawn = bootstrap(lambda a, b: roc(a, b).auc.value, inside, outside, rounds=400)
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.015)


def test_wilson_and_gaps() -> None:
    found = wilson(81, 263)  # Newcombe 1998, table 1.
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    # Newcombe 1998, method 10, 56/70 against 48/80: .0524 to .3339.
    gap = wilson(56, 70).gap(wilson(48, 80))
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert wilson(0, 10).low == 0.0 and wilson(10, 10).high == 1.0
    assert mean_interval([1.0]).high == math.inf
    assert Estimate(0.1, 0.0, 0.2).gap(Estimate(0.1, 0.0, 0.2)).contains(0.0)
    with pytest.raises(InputValueError, match="3 of 2"):
        wilson(3, 2)


def test_ks_tells_distributions_apart() -> None:
    a, b = RANDOM.normal(0, 1, 200), RANDOM.normal(1, 1, 200)
    assert ks(a, b).p_value < 1e-6
    assert ks(a, RANDOM.normal(0, 1, 200)).p_value > 0.05
    assert ks([1, 2], [3, 4]).distance == 1.0


def test_features_by_hand() -> None:
    p, y = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]), np.array([0, 0])
    np.testing.assert_allclose(confidence(p, y), [0.7, 0.1])
    np.testing.assert_allclose(label_loss(p, y), [-math.log(0.7), -math.log(0.1)])
    np.testing.assert_allclose(logit_margin(p, y), [math.log(0.7 / 0.3), math.log(0.1 / 0.9)])
    own = -sum(v * math.log(v) for v in (0.7, 0.2, 0.1))
    np.testing.assert_allclose(entropy(p)[0], own)
    by_hand = -0.3 * math.log(0.7) - 0.2 * math.log(0.8) - 0.1 * math.log(0.9)
    np.testing.assert_allclose(modified_entropy(p, y)[0], by_hand)
    assert modified_entropy(p, y)[1] > modified_entropy(p, np.array([1, 1]))[1]
    assert logit_margin([[1.0, 0.0]], [0])[0] > 20
    sure = np.array([[1 - 1e-20, 1e-20]])  # 1 − p would be 0.
    assert logit_margin(sure, [0])[0] == pytest.approx(math.log(1e12))


def test_lira_by_hand() -> None:
    shadows = np.array([[0.0, 5.0], [1.0, 6.0], [2.0, 1.0], [3.0, 2.0]])
    seen = np.array([[0, 1], [0, 1], [1, 0], [1, 0]], dtype=bool)
    # Sample 0: out scores 0, 1 (mean .5, deviation √.5); sample 1: out scores 1, 2.
    found = offline_lira([0.5 + math.sqrt(0.5), 1.5], shadows, seen)
    np.testing.assert_allclose(found, [0.8413447460685429, 0.5])
    with pytest.raises(InputValueError, match="fewer than 2"):
        offline_lira([0.0, 0.0], shadows, np.array([[1, 1], [1, 1], [1, 0], [0, 0]], dtype=bool))


def test_lira_finds_members_that_shadow_models_missed() -> None:
    """Scores of members are higher than those of the same samples under models without them."""
    level = RANDOM.normal(0, 3, 200)  # Samples differ more than membership does: a threshold on φ fails.
    shadows = level + RANDOM.normal(0, 1, (20, 200))
    target = level + RANDOM.normal(0, 1, 200) + np.repeat([2.0, 0.0], 100)
    scores = offline_lira(target, shadows, np.zeros((20, 200)))
    assert roc(scores[:100], scores[100:]).auc.low > 0.8
    assert roc(target[:100], target[100:]).auc.value < 0.8


@pytest.mark.parametrize("attack", [svm_apart, logistic_apart])
def test_attacks_find_what_is_there_and_nothing_else(attack: object) -> None:
    one, two, far = RANDOM.normal(0, 1, 150), RANDOM.normal(0, 1, 120), RANDOM.normal(3, 1, 150)

    def run(other: Array) -> Estimate:
        if attack is svm_apart:
            return svm_apart(one[:, None], other[:, None], repeats=2).accuracy
        return logistic_apart(one, other)

    near, apart = run(two), run(far)
    assert near.contains(0.5)
    assert apart.low > 0.7
    assert near == run(two)


def test_accuracy_is_the_point_of_the_curve_at_threshold_zero() -> None:
    one, two = RANDOM.normal(0, 1, (60, 1)), RANDOM.normal(1.5, 1, (60, 1))
    found = svm_apart(one, two, repeats=3)
    assert (len(found.first), len(found.second)) == (36, 36)  # A fifth of each, three times; balanced.
    below, above = (found.first < 0).mean(), (found.second >= 0).mean()
    assert found.accuracy.value == pytest.approx((below + above) / 2, abs=1e-12)
    assert below > 0.6 and above > 0.6  # The second group is that of positive decisions.
    labels = np.repeat([1, 0], 36)
    area = roc_auc_score(labels, -np.concatenate([found.first, found.second]))
    assert found.roc.auc.value == pytest.approx(area, abs=1e-12)
    wide = roc(-found.first, -found.second).auc
    assert found.roc.auc.value - found.roc.auc.low == pytest.approx(3**0.5 * (wide.value - wide.low))


def test_the_same_samples_under_two_models_that_agree_cannot_be_told_apart() -> None:
    """Split on their own, the half that is left is taken for the other group: below chance."""
    one = RANDOM.normal(0, 1, (150, 2))
    two, far = one + RANDOM.normal(0, 0.01, one.shape), one + np.array([0.5, 0.0])
    assert svm_apart(one, two, paired=True).accuracy.contains(0.5)
    assert svm_apart(one, far, paired=True).accuracy.value > 0.55
    assert svm_apart(one, two).accuracy.value < svm_apart(one, two, paired=True).accuracy.value


def test_direction_of_the_share() -> None:
    members, others = RANDOM.normal(5, 1, (60, 1)), RANDOM.normal(0, 1, (60, 1))
    for logistic in (False, True):
        assert share_like_others(members, others, others + 0.1, logistic=logistic).value > 0.9
        assert share_like_others(members, others, members + 0.1, logistic=logistic).value < 0.1
        some = np.concatenate([members, others]) + 0.05
        decision = like_others(members, others, some, logistic=logistic)
        assert roc(decision[60:], decision[:60]).auc.low > 0.9
        share = share_like_others(members, others, some, logistic=logistic).value
        assert share == pytest.approx((decision >= 0).mean())


def test_privleak() -> None:
    """Below 0 where forgotten samples still look like members."""
    assert privleak(0.9, 0.5) == pytest.approx(-80, abs=1e-9)
    assert privleak(0.1, 0.5) == pytest.approx(80, abs=1e-9)
    assert privleak(0.6, 0.6) == 0
    for areas in ((1.2, 0.5), (0.5, 1.0), (math.nan, 0.5)):
        with pytest.raises(InputValueError, match="areas"):
            privleak(*areas)


def test_what_no_attack_can_use() -> None:
    with pytest.raises(InputValueError, match="NaN"):
        roc([math.nan], [1.0])
    with pytest.raises(InputValueError, match="at least 10"):
        logistic_apart(np.zeros(3), np.zeros(30))
    with pytest.raises(InputTypeError, match="1 dimensions"):
        ks([[1.0]], [1.0])
    with pytest.raises(InputValueError, match="whole numbers below 2"):
        confidence([[0.5, 0.5]], [2])
