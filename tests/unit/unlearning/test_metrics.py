"""Metrics: golden values, what is ideal at the retrained model, and attacks that say what they tell."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from functools import lru_cache, partial

import pytest
import torch

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.core import AntigradError, InputValueError
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import fresh
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.metrics import METRICS, salun_forget_as_unseen
from antigrad.unlearning.metrics.aus import adaptive_score
from antigrad.unlearning.metrics.average_gap import mean_gap
from antigrad.unlearning.metrics.case import Case, Cost, Seen, look
from antigrad.unlearning.metrics.divergences import jensen_shannon
from antigrad.unlearning.metrics.metric import evaluate
from antigrad.unlearning.metrics.nomus import normalised_score
from antigrad.unlearning.metrics.quantisation import rounded
from antigrad.unlearning.metrics.tow import tug_of_war
from antigrad.unlearning.reference import retrained, shadow_context
from antigrad.vision.samples import Samples
from helpers.unlearning import context, data, first

NOTHING = Cost(0.0, 0, 0.0)


def noisy(samples: Samples, seed: int, share: float = 1 / 3) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(len(samples), generator=generator) < share
    labels = torch.where(drawn, torch.randint(10, (len(samples),), generator=generator), samples.labels)
    return replace(samples, labels=labels)


@lru_cache
def overfitted() -> Case:
    """Half of 360 digits to be forgotten, a third of them labelled at random, from a network that knows them by heart.

    What it never saw has such labels too. With shadow models.
    """
    train, test = (noisy(one, seed) for seed, one in enumerate(data()))
    train = first(train, 360)
    everything = replace(train, images=torch.cat([train.images, test.images[:1]]), labels=torch.cat([train.labels, test.labels[:1]]), ids=[*train.ids, test.ids[0]])  # fmt: skip  # noqa: E501
    make = partial(fresh, "digits-cnn")
    last = torch.arange(len(everything)) == len(train)
    recipe = Retrain(epochs=40, learning_rate=2e-3)
    original = unlearn(recipe, context_of(make(0), Deletion(everything, test, last, "homogeneous"), fresh=make)).model
    mask = torch.arange(len(train)) % 2 == 0
    given = context_of(original, Deletion(train, test, mask, "homogeneous"), fresh=make)
    models = [retrained(replace(given, seed=seed), recipe).model for seed in (1, 2)]
    seen, said = [], []
    for number in range(6):
        mine, mask = shadow_context(given, number)
        seen.append(mask)
        said.append(look(retrained(mine, recipe).model, given, NOTHING).logits)
    views = [look(model, given, Cost(1.0, 25, 0.0)) for model in models]
    return Case(given, look(original, given, NOTHING), *views, (torch.stack(seen), said), given.new_model)


@pytest.mark.parametrize(
    ("scenario", "test", "original", "forget", "expected"),
    [
        ("class", 0.7156, 0.7755, 0.0109, 0.929963),
        ("homogeneous", 0.9, 0.9, 0.9, 1.0),
        ("homogeneous", 0.974, 0.979, 0.983, 0.986125),
        ("class", 0.98, 0.98, 0.98, 0.505051),
    ],
)
def test_adaptive_score(scenario: str, test: float, original: float, forget: float, expected: float) -> None:
    found = adaptive_score(scenario, test=test, original=original, forget=forget)
    assert found == pytest.approx(expected, abs=1e-6)


def test_adaptive_score_without_a_scenario() -> None:
    assert inspect.signature(adaptive_score).parameters["scenario"].default is inspect.Parameter.empty
    with pytest.raises(InputValueError, match="class or homogeneous"):
        adaptive_score("CR", test=1, original=1, forget=0)
    assert adaptive_score("class", test=0.8, original=0.78, forget=0.0) > 1


def test_golden_values_of_scores() -> None:
    assert normalised_score(0.5952, 0.7136) == pytest.approx(0.5840, abs=1e-9)
    assert (normalised_score(1.0, 0.5), normalised_score(0.0, 1.0)) == (1.0, 0.0)
    same, one, two = (0.9, 0.8, 0.7), (0.9, 0.8, 0.7), (0.8, 0.9, 0.75)
    assert (tug_of_war(same, same), mean_gap(same, same)) == (1.0, 0.0)
    assert tug_of_war(one, two) == pytest.approx(0.7695, abs=1e-9)
    assert mean_gap(one, two) == pytest.approx(0.083333, abs=1e-6)


def test_golden_values_of_distances() -> None:
    p, q = torch.tensor([[0.7, 0.2, 0.1]]).double(), torch.full((1, 3), 1 / 3, dtype=torch.float64)
    p = torch.tensor([[0.7, 0.2, 0.1]], dtype=torch.float64)
    assert jensen_shannon(p, q, "e").item() == pytest.approx(0.0748063993, abs=1e-10)
    assert jensen_shannon(p, q).item() == pytest.approx(0.1079228212, abs=1e-10)
    assert jensen_shannon(p, p).item() == 0
    one, other = torch.tensor([[1.0, 0, 0]]).double(), torch.tensor([[0, 0.5, 0.5]]).double()
    assert jensen_shannon(one, other).item() == pytest.approx(1.0)
    case = overfitted()
    mine = replace(case.original, logits={**case.original.logits, "forget": p.log()})
    theirs = replace(case.original, logits={**case.original.logits, "forget": q.log()})
    distance = METRICS.make("activation_distance")(replace(case, retrained=theirs), mine)
    assert distance.value == pytest.approx(0.4546060566, abs=1e-9)


@pytest.mark.parametrize("name", METRICS.names())
def test_every_metric_reads_the_retrained_model_as_ideal(name: str) -> None:
    case, metric = overfitted(), METRICS.make(name)
    assert case.retrained is not None
    found = metric(case, case.retrained)
    assert math.isfinite(found.value)
    if metric.relative and name != "detection":
        assert found.value == pytest.approx(metric.ideal, abs=1e-12)
        assert abs(metric(case, case.original).value - (metric.ideal or 0)) > 1e-3
    if metric.attack:
        assert set(metric.attack) == {"attack", "feature", "direction"}
    text = type(metric).__doc__ or ""
    assert all(word in text for word in ("Sign:", "Source:", "Deviations:", "Example:"))


def test_every_reading_has_its_direction_its_ideal_and_retraining() -> None:
    case = overfitted()
    names = [name for name in METRICS.names() if METRICS.make(name).applies(case)]
    rows = [one.row() for one in evaluate(case, case.original, {name: METRICS.make(name) for name in names})]
    assert {"svm_softmax_forget_vs_unseen", "svm_loss_forget_vs_unseen", "logistic_loss_forget_vs_unseen"} <= set(names)
    for row in rows:
        assert row["better"] in ("higher", "lower", "as retrained")
        assert row["retrain"] is not None
        if row["name"].endswith(("_unseen", "_member")):
            assert {"attack", "feature", "direction"} <= set(row)
            assert row["value_low"] <= row["value"] <= row["value_high"]
            assert row["retrain_low"] <= row["retrain"] <= row["retrain_high"]


APART = ("svm_softmax_forget_vs_unseen", "svm_loss_forget_vs_unseen", "logistic_loss_forget_vs_unseen")
ATTACKS = [name for name in METRICS.names() if METRICS.classes[name].attack]


@pytest.mark.parametrize("name", ["lira_forget_above_unseen", *APART])
def test_attacks_beat_chance_on_the_original_and_not_on_the_retrained_model(name: str) -> None:
    case, metric = overfitted(), METRICS.make(name)
    assert case.retrained is not None
    assert metric(case, case.original).low > 0.5
    assert metric(case, case.retrained).contains(0.5)


@pytest.mark.parametrize("name", [*ATTACKS, "salun_forget_as_unseen(feature=vector)"])
def test_curves_of_attacks_are_above_chance_on_the_original_and_on_it_after_retraining(name: str) -> None:
    """Members are those that score higher, whichever way an attack's own figure runs."""
    case, metric = overfitted(), METRICS.make(name)
    assert case.retrained is not None
    found = metric.curve(case, case.original)
    assert found is not None and found.auc.low > 0.5
    assert found.false_positive[0] == found.true_positive[0] == 0
    assert found.false_positive[-1] == found.true_positive[-1] == 1
    twin = replace(case, retrained=case.twin) if metric.relative else case
    again = metric.curve(twin, case.retrained)
    assert again is not None and again.auc.contains(0.5)


def test_what_is_no_attack_has_no_curve() -> None:
    case = overfitted()
    others = [METRICS.make(name) for name in METRICS.names() if name not in ATTACKS]
    assert all(metric.curve(case, case.original) is None for metric in others)


def test_salun_and_entropy_have_opposite_directions() -> None:
    case = overfitted()
    assert case.retrained is not None
    unseen, member = METRICS.make("salun_forget_as_unseen"), METRICS.make("entropy_forget_as_member")
    assert unseen(case, case.original).value < unseen(case, case.retrained).value
    assert member(case, case.original).value > member(case, case.retrained).value


def test_attackers_are_fitted_to_samples_of_all_classes_whatever_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of classes comes class by class: its first samples are of one."""
    metric, case = METRICS.make("salun_forget_as_unseen"), overfitted()
    monkeypatch.setattr(salun_forget_as_unseen, "MOST", 40)
    order = torch.argsort(case.labels["retain"], stable=True)
    labels = {**case.labels, "retain": case.labels["retain"][order]}
    seen = replace(case.original, logits={**case.original.logits, "retain": case.original.logits["retain"][order]})
    given = replace(case, original=seen)
    object.__setattr__(given, "labels", labels)
    whole, some = metric.of(given, seen, "retain"), metric.some(given, seen, "retain")
    place = {float(value): place for place, value in enumerate(whole[:, 0])}
    taken = labels["retain"][torch.tensor([place[float(value)] for value in some[:, 0]])]
    assert len(some) == 40 and len(set(taken.tolist())) >= 8
    assert (metric.some(given, seen, "retain") == some).all()


def test_relearning_of_what_was_never_forgotten_takes_no_step() -> None:
    given = context("class", count=400)
    new = look(given.new_model(), given, NOTHING)
    case = Case(given, look(given.original, given, NOTHING))
    metric = METRICS.make("relearning")
    assert metric(case, case.original).value == 0
    assert metric(case, new).value > 3


def test_rounding() -> None:
    weight = torch.tensor([[1.0, -0.26, 0.12], [10.0, 0.0, 5.0]])
    assert rounded(weight, 3).tolist() == [[1.0, pytest.approx(-1 / 3), 0.0], [10.0, 0.0, pytest.approx(20 / 3)]]
    torch.testing.assert_close(rounded(weight, 16), weight, atol=1e-3, rtol=0)


def test_metrics_that_lack_what_they_compare_with() -> None:
    case = replace(overfitted(), retrained=None, twin=None, shadows=None)
    names = [name for name in METRICS.names() if METRICS.make(name).applies(case)]
    assert not {"tow", "js", "detection", "lira_forget_above_unseen"} & set(names)
    rows = [one.row() for one in evaluate(case, case.original, {"aus": METRICS.make("aus")})]
    assert rows[0]["retrain"] is None
    with pytest.raises(AntigradError, match="retrained"):
        METRICS.make("tow")(case, case.original)


def test_options_of_metrics() -> None:
    for spec in ("accuracy(on=train)", "zrf(base=10)", "quantisation(bits=1)", "salun_forget_as_unseen(feature=loss)"):
        with pytest.raises(InputValueError):
            metric = METRICS.make(spec)
            metric(overfitted(), overfitted().original)


def test_homogeneous_score_hardly_tells_a_method_from_doing_nothing() -> None:
    """Of a model that generalises: the score of the untouched one is as high as that of the retrained one."""
    given = context("homogeneous")
    seen: Seen = look(given.original, given, NOTHING)
    assert METRICS.make("aus")(Case(given, seen), seen).value > 0.97
