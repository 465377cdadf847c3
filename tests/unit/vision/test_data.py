"""Labelled data sets from folders, tables and tensors: the same samples, decoded when they are asked for."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError
from antigrad.vision.data import Prepare, read_samples
from antigrad.vision.samples import Samples

datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
pa = pytest.importorskip("pyarrow", reason="the package pyarrow is not installed")
import pyarrow.parquet as pq  # noqa: E402

from helpers.data import shared  # noqa: E402

PREPARE = Prepare(8, (0.5,) * 3, (0.5,) * 3)
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(out, "PNG")
    return out.getvalue()


def colour_of(image: torch.Tensor) -> tuple[int, ...]:
    return tuple(round(float(value) * 127.5 + 127.5) for value in image[:, 0, 0])


def test_folder_table_and_tensors_give_the_same_images(tmp_path: Path) -> None:
    for name, colour in COLOURS.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for place in range(2):
            (tmp_path / "set" / name / f"{place}.png").write_bytes(png(colour))
    folder, wrong = read_samples(tmp_path / "set", PREPARE)
    assert folder.classes == ["blue", "red"] and folder.labels.tolist() == [0, 0, 1, 1] and not wrong
    assert folder.ids == ["blue/0.png", "blue/1.png", "red/0.png", "red/1.png"]
    assert colour_of(folder.images[torch.tensor([3])][0]) == COLOURS["red"]

    given = {"image": [png(COLOURS["blue"]), png(COLOURS["red"])], "label": ["blue", "red"], "subject": ["a", "b"]}
    pq.write_table(pa.table(given), tmp_path / "rows.parquet")
    table, _ = read_samples(tmp_path / "rows.parquet", PREPARE)
    assert table.classes == ["blue", "red"] and table.labels.tolist() == [0, 1]
    assert table.columns == {"subject": ["a", "b"]} and table.ids == ["rows-00000", "rows-00001"]
    torch.testing.assert_close(table.images[torch.tensor([0, 1])], folder.images[torch.tensor([0, 2])])

    images = table.images[torch.tensor([0, 1])]
    save_file({"images": images, "labels": table.labels}, tmp_path / "rows.safetensors")
    tensors, _ = read_samples(tmp_path / "rows.safetensors", PREPARE)
    torch.testing.assert_close(tensors.images, images)
    assert tensors.labels.tolist() == [0, 1] and tensors.ids == table.ids

    rows = datasets.Dataset.from_dict({"img": [{"bytes": png(COLOURS["red"]), "path": None}], "label": [1]})
    rows = rows.cast_column("img", datasets.Image()).cast_column("label", datasets.ClassLabel(names=["blue", "red"]))
    datasets.DatasetDict({"train": rows}).save_to_disk(tmp_path / "saved")
    saved, _ = read_samples(tmp_path / "saved", PREPARE)
    assert saved.classes == ["blue", "red"] and colour_of(saved.images[torch.tensor([0])][0]) == COLOURS["red"]
    with pytest.raises(InputValueError, match="split 'test'"):
        read_samples(tmp_path / "saved", PREPARE, split="test")


def test_damaged_images_are_named_and_left_out(tmp_path: Path) -> None:
    given = {"image": [png(COLOURS["blue"]), b"no picture", png(COLOURS["red"])], "label": [0, 1, 1]}
    pq.write_table(pa.table(given), tmp_path / "rows.parquet")
    samples, wrong = read_samples(tmp_path / "rows.parquet", PREPARE)
    assert samples.ids == ["rows-00000", "rows-00002"] and len(wrong) == 1 and "rows-00001" in wrong[0]
    assert colour_of(samples.images[torch.tensor([1])][0]) == COLOURS["red"]
    with pytest.raises(InputValueError, match="1 damaged images: rows-00001"):
        read_samples(tmp_path / "rows.parquet", PREPARE, strict=True)


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "text.parquet")
    with pytest.raises(InputValueError, match="a column with the image"):
        read_samples(tmp_path / "text.parquet", PREPARE)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(AntigradError, match=r"torn\.parquet"):
        read_samples(tmp_path / "torn.parquet", PREPARE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputValueError, match="one folder a class"):
        read_samples(tmp_path / "empty", PREPARE)
    pq.write_table(pa.table({"image": [png((0, 0, 0))], "label": [-1]}), tmp_path / "label.parquet")
    with pytest.raises(ManyInputsError, match="label -1"):
        read_samples(tmp_path / "label.parquet", PREPARE)


def test_samples_know_themselves() -> None:
    samples = Samples(torch.zeros(3, 1, 2, 2), torch.tensor([0, 1, 1]), ["a", "b", "c"], ["x", "y"], {"who": "pqp"})
    kept = samples.take(torch.tensor([True, False, True]))
    assert kept.ids == ["a", "c"] and kept.columns == {"who": ["p", "p"]} and len(kept) == 2
    assert kept.digest() != samples.digest() == samples.take(torch.ones(3).bool()).digest()
    with pytest.raises(ManyInputsError, match="2 ids and 3 labels") as error:
        Samples(torch.zeros(3, 1, 2, 2), torch.tensor([0, 5, 1]), ["a", "a"], ["x", "y"])
    assert "more than once" in str(error.value) and "label 5" in str(error.value)


def test_cifar_as_jpeg_in_a_table() -> None:
    path = shared("cifar10_jpeg_test.parquet")
    samples, wrong = read_samples(path, Prepare(32, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)))
    assert len(samples) == 10_000 and not wrong and samples.labels.bincount().tolist() == [1000] * 10
    assert samples.images[torch.arange(2)].shape == (2, 3, 32, 32)
    assert samples.columns["label_name"][:2] == ["airplane", "automobile"]


def test_digits_have_one_channel() -> None:
    samples, _ = read_samples(shared("mnist_subset.parquet"), Prepare(28, (0.1307,), (0.3081,)))
    assert samples.images[torch.arange(3)].shape == (3, 1, 28, 28) and len(samples.classes) == 10
