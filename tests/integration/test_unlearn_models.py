"""`antigrad unlearn` with models of other libraries and pictures as files, from the command line to the page."""

from __future__ import annotations

import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.cli.main import main
from antigrad.core import InputValueError, RunFolder
from antigrad.unlearning.digits.load import digits
from antigrad.unlearning.digits.networks import DigitsCNN
from antigrad.unlearning.sources import Given, load
from helpers.data import shared

FAST = ["accuracy(on=forget)", "accuracy(on=retain)", "accuracy(on=test_retained)", "aus", "average_gap"]
CLASSES = 4
pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers, timm, torchvision


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIGRAD_CACHE", str(tmp_path_factory.getbasetemp() / "references"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Digits 0 to 3 as PNG files, one folder a class."""
    root = tmp_path_factory.mktemp("digits")
    for name, samples, most in zip(("train", "test"), digits(), (240, 120), strict=True):
        kept = samples.take((samples.labels < CLASSES) & (torch.arange(len(samples)) < 3 * most))
        for place, (image, label) in enumerate(zip(kept.images, kept.labels.tolist(), strict=True)):
            path = root / name / str(label) / f"{place:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image[0] * 255).byte().numpy()).resize((32, 32)).save(path)
    return {name: root / name for name in ("train", "test")}


def words(output: Path, data: dict[str, Path], **options: object) -> list[str]:
    given: dict[str, object] = {
        "output": output, "data": data["train"], "test": data["test"], "forget": "classes(names=[3])",
        "recipe": "retrain(epochs=1)", "twin": "false", "metrics": ",".join(FAST), "payers": 8, **options,
    }  # fmt: skip
    return ["unlearn", "--json", *(word for name, value in given.items() for word in (f"--{name}", str(value)))]


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory, folders: dict[str, Path]) -> Path:
    """A small ViT of transformers that has learned them, with an image processor of its own, in a folder."""
    transformers = pytest.importorskip("transformers", reason="the extra posttraining is not installed")
    path = tmp_path_factory.mktemp("models") / "vit"
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        image_size=32, patch_size=8, hidden_size=48, num_hidden_layers=4, num_attention_heads=4, intermediate_size=96,
        num_labels=CLASSES,
    )  # fmt: skip
    processor = transformers.ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.2] * 3, image_std=[0.4] * 3
    )
    model = transformers.ViTForImageClassification(config)
    model.save_pretrained(path)
    processor.save_pretrained(path)
    train = load(Given(str(path), data=str(folders["train"]), test=str(folders["test"]))).train
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    model.train()
    for step in range(200):
        places = torch.randint(len(train), (64,), generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        cross_entropy(model(pixel_values=train.images[places]).logits, train.labels[places]).backward()
        optimizer.step()
    model.save_pretrained(path)
    return path


def test_a_vit_of_transformers_and_folders_of_pictures(
    vit: Path, folders: dict[str, Path], tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (vit / "model.safetensors").read_bytes()
    given = words(tmp_path / "run", folders, model=vit, method="duck")
    assert main(given) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["accuracy(on=forget)/original"] > 0.95
    assert summary["accuracy(on=forget)"] <= 0.02
    assert summary["accuracy(on=test_retained)"] > 0.9
    assert (vit / "model.safetensors").read_bytes() == before  # Never written to.
    run = RunFolder.open(tmp_path / "run")
    unlearned = as_the_card_says(run.artifact("models"), monkeypatch)
    unlearned.model.save_pretrained(tmp_path / "new")
    (tmp_path / "new" / "preprocessor_config.json").write_text((vit / "preprocessor_config.json").read_text())
    again = load(Given(str(tmp_path / "new"), data=str(folders["train"]), test=str(folders["test"])))
    kept = again.train.labels != 3
    shares = [again.model(again.train.images[mask]).argmax(1) == again.train.labels[mask] for mask in (kept, ~kept)]
    found = [float(one.float().mean()) for one in shares]
    assert found == pytest.approx([summary["accuracy(on=retain)"], summary["accuracy(on=forget)"]], abs=1e-6)
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000


def as_the_card_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the lines of the model card that load the weights."""
    monkeypatch.chdir(folder)
    lines = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0].splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(line for line in lines if "FOLDER" not in line), names)
    return names["network"]


def test_last_layers_of_it_move_and_no_others(vit: Path, folders: dict[str, Path], tmp_path: Path) -> None:
    assert main(words(tmp_path / "run", folders, model=vit, method="cf_k(k=1,epochs=1)", reference="false")) == 0
    old = load(Given(str(vit), data=str(folders["train"]), test=str(folders["test"]))).model.module.state_dict()
    new = load_file(RunFolder.open(tmp_path / "run").artifact("models/01-unlearned.safetensors"))
    moved = {name.removeprefix("model.") for name in new if not torch.equal(new[name], old[name])}
    first = {"vit.layernorm.weight", "classifier.weight", "classifier.bias"}
    assert first <= moved
    assert all(".3." in name for name in moved - first - {"vit.layernorm.bias"})


def test_pictures_reach_the_model_as_its_own_preprocessing_makes_them(vit: Path, folders: dict[str, Path]) -> None:
    train = load(Given(str(vit), data=str(folders["train"]), test=str(folders["test"]))).train
    picture = Image.open(folders["train"] / train.ids[0]).convert("RGB")
    plain = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(32, 32, 3).permute(2, 0, 1) / 255
    torch.testing.assert_close(train.images[:1][0], (plain - 0.2) / 0.4)


def test_channels_in_another_order(folders: dict[str, Path], tmp_path: Path) -> None:
    """MobileViT reads blue, green, red: a red picture has its last channel bright."""
    transformers = pytest.importorskip("transformers", reason="the extra posttraining is not installed")
    config = transformers.MobileViTConfig(
        num_labels=CLASSES, hidden_sizes=[8, 12, 16], neck_hidden_sizes=[4, 8, 12, 16, 20, 24, 32], image_size=64
    )
    transformers.MobileViTForImageClassification(config).save_pretrained(tmp_path / "m")
    size = {"height": 64, "width": 64}
    transformers.MobileViTImageProcessor(size={"shortest_edge": 64}, crop_size=size).save_pretrained(tmp_path / "m")
    for part in ("train", "test"):
        for name in map(str, range(CLASSES)):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (64, 64), (255, 0, 0)).save(tmp_path / part / name / "red.png")
    found = load(Given(str(tmp_path / "m"), data=str(tmp_path / "train"), test=str(tmp_path / "test"))).train.images
    assert found[0].mean((1, 2)).tolist() == pytest.approx([0, 0, 1], abs=0.01)


def test_classes_that_do_not_exclude_each_other_are_refused(
    folders: dict[str, Path], tmp_path: Path, vit: Path
) -> None:
    for file in vit.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    with pytest.raises(InputValueError, match="do not exclude each other"):
        load(Given(str(tmp_path), data=str(folders["train"]), test=str(folders["test"])))


@pytest.mark.parametrize("name", ["timm:test_vit", "timm:test_resnet", "torchvision:mobilenet_v3_small"])
def test_models_of_timm_and_torchvision(
    name: str, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With random weights: nothing is fetched. Every path is walked, and nothing is learned."""
    kind, _, plain = name.partition(":")
    package = loaded("timm" if kind == "timm" else "torchvision.models")
    maker = "create_model" if kind == "timm" else "get_model"
    make = getattr(package, maker)
    off = {"pretrained": False} if kind == "timm" else {"weights": None}
    monkeypatch.setattr(package, maker, lambda name, **options: make(name, **{**options, **off}))
    few = {part: few_of(folders[part], tmp_path / part, 3) for part in folders}
    torch.manual_seed(0)
    given = words(tmp_path / "run", few, model=name, method="duck(epochs=1,ratio=1,batch_size=4)", every=0, payers=0)
    assert main(given) == 0
    run = RunFolder.open(tmp_path / "run")
    assert run.summary["deletions"] == 1 and "accuracy(on=forget)/retrain" in run.summary
    written, new = load_file(run.artifact("models/01-unlearned.safetensors")), make(plain, **off).state_dict()
    assert set(written) == set(new)


def loaded(name: str) -> Any:
    """A package that loads beside this torch, or a skip that says why not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(name)
    except (ImportError, RuntimeError, OSError) as error:
        pytest.skip(f"{name} does not load beside torch {torch.__version__}: {error}")


def few_of(source: Path, target: Path, most: int) -> Path:
    """The first pictures of each class."""
    for folder in sorted(source.iterdir()):
        (target / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:most]:
            (target / folder.name / file.name).write_bytes(file.read_bytes())
    return target


def test_jpegs_in_a_table_and_what_is_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CIFAR-10's JPEG bytes as they come; one of them cut short is named and left out, or refused."""
    table, parquet = pytest.importorskip("pyarrow"), import_module("pyarrow.parquet")
    rows = [
        row | {"split": part}
        for part, file, most in (("train", "cifar10_jpeg_train", 300), ("test", "cifar10_jpeg_test", 100))
        for row in parquet.read_table(shared(f"{file}.parquet"), columns=["image", "label"]).slice(0, most).to_pylist()
    ]
    rows[11]["image"] = rows[11]["image"][:200]
    path = tmp_path / "cifar.parquet"
    parquet.write_table(table.Table.from_pylist(rows), path)
    (tmp_path / "small.py").write_text(
        "from torch import nn\n\ndef make(seed):\n    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), "
        "nn.Flatten(), nn.Linear(512, 10))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    save_file(import_module("small").make(0).state_dict(), tmp_path / "w.safetensors")
    given = [
        "unlearn", "--json", "--model", "small:make", "--weights", "w.safetensors", "--data", str(path), "--method",
        "fine_tune(epochs=1)", "--recipe", "retrain(epochs=1)", "--twin", "false", "--metrics", ",".join(FAST),
    ]  # fmt: skip
    assert main([*given, "--output", "strict", "--strict", "true"]) == 1
    assert "1 damaged images: cifar-00011" in capsys.readouterr().err and not (tmp_path / "strict").exists()
    assert main([*given, "--output", "run"]) == 0
    (row,) = RunFolder.open(tmp_path / "run").ledger.rows("damaged")
    assert len(row["images"]) == 1 and row["images"][0].startswith("cifar-00011")
    receipt = RunFolder.open(tmp_path / "run").read_json("receipt.json")
    assert receipt["deletions"][0]["samples"] == 30  # Row 11 is of class 1, and class 3 is forgotten.


def test_a_comparison_on_ray_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    given = [
        "unlearn", "compare", "--json", "--methods", "duck,neg_grad(epochs=1)", "--seeds", "1", "--recipe",
        "retrain(epochs=2)", "--metrics", ",".join(FAST), "--cache", "false",
    ]  # fmt: skip
    found: list[dict[str, Any]] = []
    for name, more in (("here", []), ("ray", ["--engine", "ray", "--workers", "2"])):
        assert main([*given, "--output", str(tmp_path / name), *more]) == 0
        found.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert found[0] == found[1]
    rows = [
        {(row["method"], row["seed"]): row["figures"] for row in RunFolder.open(tmp_path / name).ledger.rows("outcome")}
        for name in ("here", "ray")
    ]
    assert rows[0] == rows[1] and len(rows[0]) == 5


def test_digits_as_a_data_set_of_hugging_face(tmp_path: Path) -> None:
    """A folder that `datasets` saved, its images decoded by their own bytes."""
    datasets = pytest.importorskip("datasets", reason="the extra unlearning is not installed")
    parts: dict[str, Any] = {}
    for name, samples in zip(("train", "test"), digits(), strict=True):
        images = [Image.fromarray((one[0] * 255).byte().numpy()) for one in samples.images[:150]]
        labels = samples.labels[:150].tolist()
        parts[name] = datasets.Dataset.from_dict({"image": images, "label": labels}).cast_column(
            "image", datasets.Image()
        )
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "digits"))
    save_file(DigitsCNN().state_dict(), tmp_path / "w.safetensors")
    given = {
        "output": tmp_path / "run", "model": "antigrad.unlearning.digits.networks:DigitsCNN",
        "weights": tmp_path / "w.safetensors", "data": tmp_path / "digits", "test": tmp_path / "digits", "size": 8,
        "mean": "[0.0]", "std": "[1.0]", "recipe": "retrain(epochs=1)", "twin": "false", "metrics": ",".join(FAST),
    }  # fmt: skip
    assert main(["unlearn", *(word for name, value in given.items() for word in (f"--{name}", str(value)))]) == 0
    assert RunFolder.open(tmp_path / "run").summary["deletions"] == 1
