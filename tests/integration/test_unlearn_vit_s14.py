"""Unlearning from a Vision Transformer of real size: shapes, what moves, and the memory it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")
pytest.importorskip("transformers", reason="the extra posttraining is not installed")

from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods import METHODS
from antigrad.unlearning.methods.method import Context
from antigrad.vision.samples import Samples
from antigrad.vision.split import split
from helpers.vit_s14 import SIDE, classifier, weights_file

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
PARAMETERS = 22_064_266  # 22,056,576 of the backbone, 7,690 of a head of ten classes.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    weights_file()
    return classifier(tmp_path_factory.mktemp("vit"), 10)


def context(model: Any) -> Context:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(12, 3, SIDE, SIDE, generator=generator), torch.arange(12) % 4
    train = Samples(images, labels, [str(place) for place in range(12)], [str(k) for k in range(10)])
    network = split(model, images[:2])
    return context_of(network, Deletion(train, train, labels == 3, "class"))


def test_shapes_and_names(model: Any) -> None:
    given = context(model)
    assert sum(value.numel() for value in model.parameters()) == PARAMETERS
    assert given.original.head_name == "classifier" and given.original.classes == 10
    features = given.original.features(given.forget.images)
    assert features.shape == (3, 768) and bool(torch.isfinite(features).all())
    apart = torch.pdist(torch.nn.functional.normalize(features, dim=1))
    assert float(apart.min()) > 1e-3  # Trained weights tell images apart.
    moved = {name for name in METHODS.make("cf_k").trained(given.original) if "layer." in name or "layers." in name}
    blocks = {int(part) for name in moved for part in name.split(".") if part.isdigit()}
    assert {9, 10, 11} <= blocks and not blocks & set(range(2, 9))


def test_memory_is_that_of_training_and_two_copies(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside gradients, Adam's two moments and activations: the model that changes and its last good state."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.measure import peak_megabytes

    given = context(model)
    weights = 4 * PARAMETERS / 1e6

    def train() -> None:
        network = given.original.copy()
        optimizer = torch.optim.Adam(network.module.parameters(), 1e-5)
        for _ in range(2):
            optimizer.zero_grad()
            loss = cross_entropy(network(given.retain.images), given.retain.labels)
            (loss + cross_entropy(network(given.forget.images), given.forget.labels)).backward()
            optimizer.step()

    duck = METHODS.make("duck(epochs=2,ratio=1,stop=False,batch_size=16,learning_rate=1e-5)")
    bare, ours = peak_megabytes(train), peak_megabytes(lambda: unlearn(duck, given))
    assert bare > 4 * weights  # The copy, gradients and two moments.
    assert ours < bare + 2.2 * weights


def test_only_the_last_blocks_move(model: Any) -> None:
    given = context(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = unlearn(METHODS.make("cf_k(epochs=1,batch_size=16)"), given).model.module.state_dict()
    moved = [name for name in found if not torch.equal(found[name], before[name])]
    frozen: list[Tensor] = [found[name] for name in found if name not in moved]
    assert all(any(f".{block}." in name for block in (9, 10, 11)) or "layernorm" in name or "classifier" in name
               for name in moved)  # fmt: skip
    assert sum(value.numel() for value in frozen) > 0.7 * PARAMETERS
