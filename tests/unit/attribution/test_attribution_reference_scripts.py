"""Against the reference scripts: maps and figures on fixed gradients, and a real network on real pictures."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("captum", reason="the extra attribution is not installed")

from PIL import Image

from antigrad.attribution.methods import METHODS
from antigrad.attribution.methods.guide import Guide, guide_weights
from antigrad.attribution.methods.guided_absolute_grad import GuidedAbsoluteGrad
from antigrad.attribution.methods.moments import Moments
from antigrad.attribution.metrics.controls import centre, sobel
from antigrad.attribution.metrics.paired import paired
from antigrad.attribution.metrics.rcap import Rcap, calibrated, rcap
from antigrad.attribution.views import to_map
from antigrad.vision.models import IMAGENET, Classifier
from helpers.data import shared
from helpers.fixed import fixed, small_network

CHECKS = Path(__file__).parents[4] / "shared" / "specs" / "checks"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A reference script as a module; the test is skipped where it is not beside the repository."""
    path = CHECKS / f"{name}.py"
    if not path.exists():
        pytest.skip(f"{name}.py is not in the folder of checks beside the repository")
    monkeypatch.syspath_prepend(str(CHECKS))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # Scripts import one another by name.
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("gag_rcap_reference", monkeypatch)


@pytest.mark.parametrize("p", [0.0, 0.15, 0.5, 0.85])
@pytest.mark.parametrize("guide", ["paper", "relative", "hard"])
def test_maps_of_a_stack_of_gradients(reference: ModuleType, p: float, guide: Guide) -> None:
    stack = fixed(6, 2, 3, 9, 7)
    moments = Moments()
    for piece in stack.split([1, 3, 2]):
        moments.add(piece)
    ours = to_map(moments.absolute * guide_weights(moments.variance, p, guide))
    torch.testing.assert_close(ours, reference.gag(stack, p, guide), atol=1e-10, rtol=0)
    if p == 0:
        torch.testing.assert_close(to_map(moments.mean), reference.smoothgrad(stack), atol=1e-10, rtol=0)
        torch.testing.assert_close(to_map(moments.variance), reference.vargrad(stack), atol=1e-10, rtol=0)


def test_the_same_noise_gives_the_same_map(reference: ModuleType) -> None:
    model, images, targets = small_network(), fixed(2, 3, 12, 12), torch.tensor([1, 3])
    gradients = reference.sample_gradients(model, images, targets, 8, 0.15, torch.Generator().manual_seed(4))
    ours = GuidedAbsoluteGrad(model).attribute(
        images, targets, n_samples=8, internal_batch_size=6, generator=torch.Generator().manual_seed(4)
    )
    assert isinstance(ours, Tensor)
    torch.testing.assert_close(to_map(ours), reference.gag(gradients), atol=1e-10, rtol=0)


@pytest.mark.parametrize("ties", ["paper", "rank"])
@pytest.mark.parametrize("base", ["black", "grey", "mean"])
def test_rcap(reference: ModuleType, ties: str, base: str) -> None:
    model, images, targets = small_network(), fixed(3, 3, 10, 10) + 0.5, torch.tensor([1, 3, 0])
    maps = to_map(fixed(3, 3, 10, 10).flip(0))
    maps[2] = (maps[2] > 0.6).double()  # With ties.

    def norm(images: Tensor) -> Tensor:
        return (images - 0.3) / 0.2

    def denorm(images: Tensor) -> Tensor:
        return images * 0.2 + 0.3

    fill = {"black": 0.0, "grey": 0.5, "mean": images.mean((2, 3), keepdim=True)}[base]
    want = reference.rcap(model, norm(images), targets, maps, denorm=denorm, norm=norm, base=fill, ties=ties)
    ours = rcap(lambda rgb: model(norm(rgb)).softmax(1), images, maps, targets, base=base, ties=ties)  # pyright: ignore[reportArgumentType]
    for found, wanted in zip((ours.score, ours.hit, ours.probability, ours.area), want, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-10, rtol=0)
    torch.testing.assert_close(calibrated(maps), reference.calibrated(maps), atol=1e-12, rtol=0)


def test_controls(reference: ModuleType) -> None:
    images = fixed(2, 3, 11, 14) + 0.5
    torch.testing.assert_close(sobel(images), reference.sobel(images), atol=1e-12, rtol=0)
    stretched = to_map(centre(images)[:, None])  # The reference's goes from 0 to 1 on every frame.
    torch.testing.assert_close(stretched, reference.centre_gaussian(2, 11, 14).double(), atol=1e-6, rtol=0)


RESNET = {  # RCAP, rank only, calibrated, and the tolerance of another seed; maps without noise are held to .001.
    "saliency": (0.0826, 0.1336, 0.0678, 0.001),
    "guided_absolute_grad(percentile=0.0)": (0.1052, 0.2133, 0.1168, 0.015),
    "guided_absolute_grad": (0.1904, 0.2087, 0.1154, 0.015),
    "sobel": (0.2177, 0.3307, 0.1734, 0.001),
    "centre": (0.3277, 0.4038, 0.2260, 0.005),  # Its pixels tie in fours, which the reference does not break.
}


@pytest.mark.slow
def test_an_edge_detector_beats_it_on_small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10, ResNet-20, 256 pictures: golden figures, and GAG-85 below Sobel and below its own eighth power."""
    import pyarrow.parquet as pq
    from safetensors.torch import load_file

    network = script("attribution_cifar_controls", monkeypatch).ResNet20().eval()
    network.load_state_dict(load_file(shared("resnet20_cifar10.safetensors")), strict=False)
    network.requires_grad_(False)
    classifier = Classifier("resnet20", network, *IMAGENET, 32, 32, network.layer3)
    table = pq.read_table(shared("cifar10_jpeg_test.parquet")).slice(0, 2000)
    pixels = [np.array(Image.open(io.BytesIO(data)).convert("RGB")) for data in table["image"].to_pylist()]
    images, labels = (
        torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) / 255,
        torch.tensor(table["label"].to_pylist()),
    )
    sure = classifier.probabilities(images).gather(1, labels[:, None])[:, 0] > 0.9
    images, labels = images[sure][:256], labels[sure][:256]
    assert int(sure.sum()) == 1450
    inputs, maps = classifier.normalise(images), {"sobel": sobel(images), "centre": centre(images)}
    for name in set(RESNET) - {"sobel", "centre"}:
        maps[name] = to_map(METHODS.make(name)(classifier, inputs, labels, torch.Generator().manual_seed(0)))

    def scores(found: Tensor) -> tuple[Rcap, Rcap]:
        seen = classifier.probabilities
        ranked = rcap(seen, images, calibrated(found), labels, ties="rank")
        return rcap(seen, images, found, labels), ranked

    calibrated_scores: dict[str, Tensor] = {}
    for name, (*wanted, within) in RESNET.items():
        plain, ranked = scores(maps[name])
        calibrated_scores[name] = ranked.score
        found = [float(one.mean()) for one in (plain.score, plain.rank_only, ranked.score)]
        assert found == pytest.approx(wanted, abs=within), name
    gap = paired(calibrated_scores["guided_absolute_grad"], calibrated_scores["sobel"])
    assert gap.mean == pytest.approx(-0.058, abs=0.015) and gap.error == pytest.approx(0.010, abs=0.002)
    sharpened, _ = scores(maps["guided_absolute_grad(percentile=0.0)"] ** 8)
    plain, _ = scores(maps["guided_absolute_grad"])
    assert sharpened.score.mean() > plain.score.mean() and sharpened.score.mean() == pytest.approx(0.2041, abs=0.015)
    ones, _ = scores(torch.ones(256, 32, 32))
    assert float(ones.score.mean()) == pytest.approx(0.9933, abs=1e-3)
