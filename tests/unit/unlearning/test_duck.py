"""DUCK's equations: centroids, assignments, losses, when it ends, the second phase."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.core import InputValueError
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.guard import accuracy
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods.duck import LOW, Centroids, Duck, centroids, cropped, nearest
from antigrad.unlearning.methods.method import Batch, Context
from antigrad.unlearning.outputs import evaluated, outputs
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel
from helpers.unlearning import SCENARIOS, context, data, shaken, state

ROOT = Path(__file__).parents[3]
CHECKS = ROOT / ".." / "shared" / "specs" / "checks"


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = CHECKS / "unlearning_digits.py"
    if not path.exists():
        pytest.skip("unlearning_digits.py is not in the folder of checks beside the repository")
    spec = importlib.util.spec_from_file_location("unlearning_digits", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "unlearning_digits", module)
    spec.loader.exec_module(module)
    return module


def batch(given: Context, method: Duck, phase: str = "main") -> Batch:
    draw = next(method.draws(given, phase, 0, torch.Generator().manual_seed(0)))
    parts = (given.batch(given.forget, draw.forget), given.batch(given.retain, draw.retain))
    return Batch(*parts, draw.kind, torch.Generator().manual_seed(1))


def test_targets_and_loss_are_those_of_the_reference(reference: ModuleType) -> None:
    xtr, xte, ytr, yte = reference.load()
    torch.manual_seed(3)
    net = reference.Net()
    classes = [str(k) for k in range(10)]
    train = Samples(xtr, ytr, [str(k) for k in range(len(ytr))], classes)
    test = Samples(xte, yte, [str(k) for k in range(len(yte))], classes)
    for mask, scenario in ((ytr == 3, "class"), (torch.arange(len(ytr)) < 100, "homogeneous")):
        given = context_of(SplitModel(net), Deletion(train, test, mask, scenario))
        memory = Duck().prepare(given.original.copy(), given)
        expected, assigned, present = reference.duck_targets(net, xtr[~mask], ytr[~mask], xtr[mask], ytr[mask])
        torch.testing.assert_close(memory.vectors, expected)
        assert torch.equal(memory.classes, present) and torch.equal(memory.assigned, assigned)
        one = batch(given, Duck())
        model = given.original.copy()
        found = Duck(forget_weight=1.0).parts(one, model, memory).down
        places = one.forget.places
        loss = reference.duck_forget_loss(net, xtr[mask][places], expected, assigned[places])
        torch.testing.assert_close(found, loss)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_own_class_is_never_chosen_and_removed_classes_have_no_centroid(scenario: str) -> None:
    given = context(scenario)
    memory = Duck().prepare(given.original.copy(), given)
    assert (memory.classes[memory.assigned] != given.forget.labels).all()
    assert memory.classes.tolist() == given.deletion.present
    if scenario == "class":
        assert 3 not in memory.classes.tolist()
        # Where position and class number differ: the nearest centroid of class 4 is row 3, and stays allowed.
        features = evaluated(given.original, given.forget.images)[0]
        plain = (1 - torch.nn.functional.normalize(features) @ torch.nn.functional.normalize(memory.vectors).T).argmin(
            1
        )
        assert torch.equal(memory.assigned, plain)


def test_masking_is_by_class_not_by_position() -> None:
    vectors, classes = torch.eye(3), torch.tensor([0, 2, 5])
    features = torch.tensor([[0.0, 1.0, 0.1], [0.0, 1.0, 0.1]])
    assert nearest(features, vectors, classes, torch.tensor([1, 2])).tolist() == [1, 2]
    with pytest.raises(InputValueError, match="single class"):
        nearest(features, vectors[:1], classes[:1], torch.tensor([0, 0]))


def test_centroids_are_the_means_of_each_class_and_frozen() -> None:
    given = context()
    vectors, classes = centroids(given)
    features, _ = outputs(given.original, given.retain)
    for row, place in enumerate(classes.tolist()):
        torch.testing.assert_close(vectors[row], features[given.retain.labels == place].mean(0), rtol=1e-5, atol=1e-6)
    assert not vectors.requires_grad and bool(torch.isfinite(vectors).all())


def test_the_centroid_pass_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times the data take no more memory than the data."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.measure import peak_megabytes

    def given(times: int) -> Context:
        train, test = data()
        names = [f"{name}-{turn}" for turn in range(times) for name in train.ids]
        many = Samples(train.images.repeat(times, 1, 1, 1), train.labels.repeat(times), names, train.classes)
        return context_of(context().original, Deletion(many, test, many.labels == 3, "class"))

    once, often = (peak_megabytes(partial(centroids, given(times))) for times in (1, 8))
    assert often < 1.05 * once


def test_forget_loss_leaves_the_head_alone() -> None:
    given, method = context(), Duck()
    model = shaken(given)
    parts = method.parts(batch(given, method), model, method.prepare(model, given))
    assert 0 <= float(parts.down.detach()) <= 2
    parts.down.backward()
    head = {id(value) for value in model.head_layer.parameters()}
    for value in model.module.parameters():
        if id(value) in head:
            assert value.grad is None or not bool(value.grad.any())
    assert any(bool(value.grad.any()) for value in model.module.parameters() if value.grad is not None)


def test_distance_is_0_at_the_centroid_1_across_and_2_on_the_other_side() -> None:
    given, method = context(count=200), Duck(forget_weight=1.0)
    one, model = batch(given, method), given.original.copy()
    model.module.eval()
    features = model.features(one.forget.images).detach()
    across = torch.stack([-features[:, 1], features[:, 0]], 1)
    turned = torch.cat([across, torch.zeros_like(features[:, 2:])], 1)
    for vectors, expected in ((3 * features, 0.0), (-features, 2.0), (turned, 1.0)):
        rows = torch.zeros(len(given.forget), dtype=torch.long)
        rows[one.forget.places] = torch.arange(len(features))
        found = method.parts(one, model, Centroids(vectors, torch.arange(len(features)), rows)).down
        assert float(found.detach()) == pytest.approx(expected, abs=1e-5)


def test_a_class_that_goes_by_the_names_of_its_samples_has_no_centroid_and_gives_no_nan() -> None:
    train, test = data()
    gone = (train.labels == 5) | (torch.arange(len(train)) % 50 == 0)
    given = context_of(context().original, Deletion(train, test, gone, "homogeneous"))
    memory = Duck().prepare(given.original.copy(), given)
    assert 5 not in memory.classes.tolist() and bool(torch.isfinite(memory.vectors).all())
    done = unlearn(Duck(epochs=1), given)
    assert done.stopped is None and all(bool(torch.isfinite(one).all()) for one in state(done.model).values())


def test_retain_loss_at_a_temperature() -> None:
    given, method = context(), Duck(temperature=2.0, retain_weight=1.0)
    model = shaken(given)
    model.module.eval()
    one = batch(given, method)
    logits: list[torch.Tensor] = []

    def keep(layer: object, inputs: object, output: torch.Tensor) -> None:
        output.retain_grad()
        logits.append(output)

    model.head_layer.register_forward_hook(keep)
    method.parts(one, model, method.prepare(model, given)).up.backward()
    z = logits[-1].detach()
    labels = one.retain.labels
    expected = ((z / 2).softmax(1) - torch.nn.functional.one_hot(labels, 10)) / (2 * len(labels))
    torch.testing.assert_close(logits[-1].grad, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_ends_when_the_target_is_reached(scenario: str) -> None:
    given = context(scenario)
    original = float(
        (outputs(given.original, given.deletion.test)[1].argmax(1) == given.deletion.test.labels).float().mean()
    )
    assert given.target == (0.01 if scenario == "class" else original)
    done = unlearn(Duck(), given)
    assert [row["forget"] <= given.target for row in done.history[:-1]] == [False] * (done.epochs - 1)
    assert accuracy(done.model, given) <= given.target or done.epochs == 30
    assert done.steps == 5 * done.epochs  # Exactly `ratio` steps a forget batch.
    assert done.passes == pytest.approx(5 * done.epochs)


def test_assignments_belong_to_samples_whatever_the_order() -> None:
    given, method = context(), Duck(batch_size=20)
    memory = method.prepare(given.original.copy(), given)
    seen: dict[str, set[int]] = {}
    for epoch in range(3):
        for draw in method.draws(given, "main", epoch, torch.Generator().manual_seed(epoch)):
            for place in draw.forget.tolist():
                seen.setdefault(given.forget.ids[place], set()).add(int(memory.assigned[place]))
    assert len(seen) == len(given.forget)  # Nobody is dropped.
    assert all(len(rows) == 1 for rows in seen.values())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_second_phase(scenario: str) -> None:
    given, method = context(scenario), Duck(low_regime=True, batch_size=50)
    first, second = method.phases(given)
    assert (second.name, second.epochs) == (LOW, 2)
    draws = list(method.draws(given, LOW, 0, torch.Generator().manual_seed(0)))
    if scenario == "class":  # The first forget batch alone, a full pass over the retain set.
        assert len({tuple(draw.forget.tolist()) for draw in draws}) == 1
        assert sorted(torch.cat([draw.retain for draw in draws]).tolist()) == list(range(len(given.retain)))
    else:
        assert len(draws) == 20 * len({tuple(draw.forget.tolist()) for draw in draws})
    assert second.rate(0, 0) == pytest.approx(1e-4)
    assert second.rate(0, 1) < second.rate(0, 0)
    assert second.optimizer(list(given.original.copy().module.parameters())).defaults["lr"] == 1e-4
    model = given.original.copy()
    memory, one = method.prepare(model, given), batch(given, method, LOW)
    model.module.eval()
    low = method.parts(one, model, memory)
    plain = method.parts(replace(one, kind=""), model, memory)
    assert float(low.down.detach()) == pytest.approx(float(plain.down.detach()) / 10, rel=1e-5)
    assert [phase.name for phase in replace(method, forget_weight=0.0).phases(given)] == [first.name]


def test_milestones_halve_the_rate() -> None:
    phase = Duck().phases(context())[0]
    assert [phase.rate(epoch, 0) for epoch in (0, 24, 25, 39, 40)] == [1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4]


def test_crops_are_shifted_and_mirrored_images() -> None:
    images = torch.arange(64.0).reshape(1, 1, 8, 8).expand(40, -1, -1, -1) + 1
    found = cropped(images, torch.Generator().manual_seed(0))
    assert found.shape == images.shape
    centre = found[:, 0, 3:5, 3:5]  # Never in the frame.
    assert bool((centre > 0).all())
    assert {float(torch.sign(one[3, 4] - one[3, 3])) for one in found[:, 0]} == {1.0, -1.0}


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"ratio": 0}, {"assign": "never"}, {"learning_rate": -1.0}])
def test_options_that_cannot_be(options: dict[str, object]) -> None:
    with pytest.raises(InputValueError, match="try:"):
        Duck(**options)  # type: ignore[arg-type]
