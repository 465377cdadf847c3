"""Backbone and head told apart, last layers, splits, deletions, draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.core import AntigradError, InputValueError
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits, fresh, trained
from antigrad.unlearning.draws import along_forget, along_retain, batches, mixed
from antigrad.unlearning.methods.layers import last_layers, transformer_blocks
from antigrad.unlearning.methods.method import Drawn, other_labels
from antigrad.unlearning.outputs import outputs
from antigrad.unlearning.sources import Given, load
from antigrad.unlearning.splits import SPLITS
from antigrad.vision.split import SplitModel
from helpers.unlearning import context, data, first, state


def test_embedded_networks_are_what_was_trained() -> None:
    train, test = digits()
    assert (len(train), len(test)) == (1078, 719)
    assert not set(train.ids) & set(test.ids)
    for name, least in (("digits-cnn", 0.98), ("digits-vit", 0.96)):
        model = trained(name)
        found = outputs(model, test)[1].argmax(1)
        assert float((found == test.labels).float().mean()) >= least
        assert float((outputs(model, train)[1].argmax(1) == train.labels).float().mean()) >= 0.999
        assert not torch.equal(state(fresh(name, 0))["head.weight"], state(fresh(name, 1))["head.weight"])


def test_a_factory_makes_bare_parameters_new_too() -> None:
    """What resetting modules would leave trained."""
    new, old = state(fresh("digits-vit", 3)), state(trained("digits-vit"))
    for name in ("class_token", "positions"):
        assert not torch.allclose(new[name], old[name])


@pytest.mark.parametrize("name", ["digits-cnn", "digits-vit"])
def test_references_do_not_begin_with_the_weights_that_the_embedded_began_with(name: str) -> None:
    found = load(Given(name)).fresh
    assert found is not None
    first = {key: value.clone() for key, value in fresh(name, 0).module.state_dict().items()}
    for seed in range(3):
        new = found(seed).module.state_dict()
        assert not any(torch.equal(new[key], first[key]) for key in new if key.endswith("head.weight"))


def test_transformers_vit_is_split_and_cut_into_blocks() -> None:
    transformers = pytest.importorskip("transformers")
    settings = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64, image_size=8, patch_size=4,
        num_labels=5,
    )  # fmt: skip
    module = transformers.ViTForImageClassification(settings)
    model, images = SplitModel(module), torch.randn(3, 3, 8, 8)
    model.check(images)
    assert model.head_name == "classifier" and model.features(images).shape == (3, 32)
    names = last_layers(module, 2)
    assert len(transformer_blocks(module)) == 4
    frozen = [name for name, _ in module.named_parameters() if name not in names]
    assert all("embeddings" in name or ".0." in name or ".1." in name for name in frozen)
    assert any(name.startswith("vit.layernorm") for name in names) and "classifier.weight" in names


@pytest.mark.parametrize("name", ["resnet18", "vit_b_16"])
def test_torchvision(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    with torch.device("meta"):
        module = models.get_model(name, num_classes=7)
    model = SplitModel(module)
    assert model.head_name in ("fc", "heads.head") and model.classes == 7
    names = last_layers(module, 3)
    if name == "resnet18":
        assert {one.partition(".")[0] for one in names} == {"layer3", "layer4", "fc"}
    else:
        assert {".".join(one.split(".")[:3]) for one in names if "layers" in one} == {
            f"encoder.layers.encoder_layer_{k}" for k in (9, 10, 11)
        }
        assert {"encoder.ln.weight", "heads.head.weight"} <= set(names)
        assert "class_token" not in names and "conv_proj.weight" not in names


def test_models_whose_head_cannot_be_told() -> None:
    with pytest.raises(InputValueError, match="linear layer"):
        SplitModel(nn.Sequential(nn.Conv2d(1, 3, 3)))
    after = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Softmax(1))
    with pytest.raises(InputValueError, match="logits are not those"):
        SplitModel(after).check(torch.rand(2, 1, 8, 8))
    tokens = nn.Sequential(nn.Linear(8, 3), nn.Flatten())
    with pytest.raises(InputValueError, match="one vector an image"):
        SplitModel(tokens).check(torch.rand(2, 1, 8, 8))
    with pytest.raises(AntigradError, match="shape"):
        trained("digits-cnn").check(torch.rand(2, 3, 8, 8))
    with pytest.raises(InputValueError, match="lower k"):
        last_layers(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), 2)


def test_splits(tmp_path: Path) -> None:
    train, test = data()
    one = SPLITS.make("classes(names=[3,'7'])")(train, test)
    assert one.removed == [3, 7] and one.scenario == "class"
    assert set(one.forget.labels.tolist()) == {3, 7} and 3 not in one.retain.labels
    share = SPLITS.make("share(fraction=0.1)")
    two = share(train, test, seed=4)
    assert len(two.forget) == 108 and two.removed == [] and two.scenario == "homogeneous"
    assert torch.equal(two.mask, share(train, test, seed=4).mask)
    assert not torch.equal(two.mask, share(train, test, seed=5).mask)
    (tmp_path / "ids.csv").write_text("id\n" + "\n".join([*train.ids[:3], train.ids[1]]) + "\n")
    three = SPLITS.make(f"named(file={tmp_path / 'ids.csv'})")(train, test)
    assert list(three.forget.ids) == list(train.ids[:3])
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"row": [0, 1], "id": list(train.ids[5:7])}), tmp_path / "ids.parquet")
    assert list(SPLITS.make(f"named(file={tmp_path / 'ids.parquet'})")(train, test).forget.ids) == list(train.ids[5:7])
    (tmp_path / "ids.csv").write_text("id\nnobody\n")
    with pytest.raises(InputValueError, match="as nobody"):
        SPLITS.make(f"named(file={tmp_path / 'ids.csv'})")(train, test)
    people = first(train, 4)
    people.columns["person"] = ["a", "b", "a", "c"]
    assert SPLITS.make("subject(column=person,value=a)")(people, test).mask.tolist() == [True, False, True, False]
    with pytest.raises(InputValueError, match="person=z"):
        SPLITS.make("subject(column=person,value=z)")(people, test)


def test_deletions_one_after_the_other_leave_what_is_gone_out() -> None:
    train, test = data()
    one = SPLITS.make("classes(names=[3])")(train, test)
    two = SPLITS.make("share(fraction=0.2)")(train, test, 0, one.mask)
    assert not bool((two.mask & one.mask).any())
    assert not bool((two.kept & (one.mask | two.mask)).any())
    assert int(two.kept.sum()) == len(train) - int((one.mask | two.mask).sum())
    with pytest.raises(InputValueError, match="leaves samples of every class"):
        Deletion(train, test, torch.arange(len(train)) == 0, "class")


def test_batches_cover_everything_once_and_leave_none_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    for count, size in ((9, 4), (8, 4), (1, 4), (2, 2), (101, 25)):
        cut = batches(count, size, generator)
        assert sorted(torch.cat(cut).tolist()) == list(range(count))
        assert count == 1 or min(map(len, cut)) >= 2
    for draws in (along_retain(7, 20, 4, generator), along_forget(20, 7, 4, generator, ratio=3)):
        seen = list(draws)
        assert all(len(one.forget) and len(one.retain) for one in seen)
    ratio = list(along_forget(8, 100, 4, generator, ratio=3))
    assert len(ratio) == 6 and torch.equal(ratio[0].forget, ratio[2].forget)
    fresh_ones = torch.cat([one.retain for one in ratio[:3]])
    assert len(set(fresh_ones.tolist())) == 12
    both = list(mixed(10, 30, 8, generator, share=0.5))
    assert sorted(torch.cat([one.forget for one in both]).tolist()) == list(range(10))
    assert len(torch.cat([one.retain for one in both])) == 15


def test_random_labels_are_of_other_classes_that_stay_and_uniform() -> None:
    given = context("class")
    drawn = Drawn(given.forget.images, given.forget.labels, torch.arange(len(given.forget)))
    found = torch.cat([other_labels(drawn, given, torch.Generator().manual_seed(k)) for k in range(40)])
    assert 3 not in found
    counts = torch.bincount(found, minlength=10)[given.deletion.present].double()
    assert float((counts / counts.mean() - 1).abs().max()) < 0.15
    stays = context("homogeneous")
    labels = stays.forget.labels
    drawn = Drawn(stays.forget.images, labels, torch.arange(len(labels)))
    found = torch.stack([other_labels(drawn, stays, torch.Generator().manual_seed(k)) for k in range(300)])
    assert bool((found != labels).all())
    for own in range(10):
        counts = torch.bincount(found[:, labels == own].flatten(), minlength=10).double()
        rest = counts[torch.arange(10) != own]
        assert counts[own] == 0 and float((rest / rest.mean() - 1).abs().max()) < 0.2
