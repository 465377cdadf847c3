"""Labelled data sets: image folders, Parquet with encoded images, tensors, data sets in Hugging Face's format."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from antigrad.core.errors import AntigradError, InputValueError, raise_all
from antigrad.core.files import is_file, is_folder, is_there
from antigrad.vision.images import SUFFIXES, Picture, square, unwritable
from antigrad.vision.samples import Samples

IMAGES = ("image", "img", "pixel_values")
LABELS = ("label", "labels", "class_index", "fine_label")
IDS = ("id", "image_id", "file_name")
"""Columns of a table, the first that is there."""


@dataclass(frozen=True)
class Prepare:
    """From a picture to what a model reads.

    Args:
        size: Side of the image.
        mean: Of each channel in [0, 1]; as many as the model has channels, 1 or 3.
        std: Of each channel in [0, 1].
        resize: Length of the shorter side before the crop; None: the size.

    Example:
        >>> Prepare(2, (0.5,), (0.5,))(Image.new("RGB", (4, 4), "white")).tolist()
        [[[1.0, 1.0], [1.0, 1.0]]]
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int | None = None

    def __call__(self, picture: Image.Image) -> Tensor:
        """Prepare one picture.

        Args:
            picture: RGB.

        Returns:
            (C, size, size), normalised.
        """
        image = square(picture, resize=self.resize or self.size, size=self.size)
        if len(self.mean) == 1:
            image = image.new_tensor([0.299, 0.587, 0.114]).mul(image.movedim(0, -1)).sum(-1)[None]
        mean, std = (image.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (image - mean) / std


class Decoded:
    """Images that are decoded when they are asked for: `images[places]` is (n, C, H, W).

    Args:
        source: Gives the picture of a place.
        count: How many there are.
        prepare: From a picture to a tensor.
    """

    def __init__(self, source: Callable[[int], Picture], count: int, prepare: Callable[[Image.Image], Tensor]) -> None:
        self._source, self._count, self._prepare = source, count, prepare

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, places: Tensor) -> Tensor:
        """Decode images.

        Args:
            places: (n,) whole numbers.

        Returns:
            (n, C, H, W).
        """
        return torch.stack([self._prepare(self._source(place).open()) for place in places.tolist()])

    def damaged(self) -> Iterator[tuple[int, str]]:
        """Decode everything once, in order, and keep nothing.

        Yields:
            Places of images that can't be decoded, and why.
        """
        for place in range(self._count):
            try:
                self._source(place).open()
            except AntigradError as error:
                yield place, error.given


def read_samples(
    source: Path | str, prepare: Callable[[Image.Image], Tensor], *, split: str = "train", strict: bool = False
) -> tuple[Samples, list[str]]:
    """Read a labelled data set; images stay encoded until they are asked for, tables stay on the disk.

    Args:
        source: A folder with one folder a class; a `.parquet` table with a column of encoded images and one of labels;
            a `.safetensors` file with `images` (N, C, H, W), prepared already, and `labels` (N,); a folder that
            `datasets` saved, or the name of a data set on the hub.
        prepare: From a picture to a tensor.
        split: Which part of a data set in Hugging Face's format.
        strict: Refuse damaged images instead of leaving them out.

    Returns:
        The samples without the damaged ones, and what is wrong with those, one line each.

    Raises:
        AntigradError: There is no such data set, it has no labels, or, with `strict`, damaged images.
        InputValueError: As said.
    """
    path = Path(source)
    if path.suffix == ".safetensors" and is_file(path):
        return _tensors(path), []
    if is_folder(path) and not is_there(path / "state.json") and not is_there(path / "dataset_dict.json"):
        images, labels, ids, classes, columns = _folder(path, prepare)
    else:
        images, labels, ids, classes, columns = _table(source, split, prepare)
    samples = Samples(images, torch.tensor(labels), ids, classes, columns)
    wrong = list(images.damaged())
    if wrong and strict:
        told = "; ".join(text for _, text in wrong[:5])
        raise InputValueError(f"{len(wrong)} damaged images: {told}", "images that can be decoded", "leave strict off")
    if wrong:
        kept = torch.ones(len(samples), dtype=torch.bool)
        kept[[place for place, _ in wrong]] = False
        samples = samples.take(kept)
    return samples, [text for _, text in wrong]


Found = tuple[Decoded, list[int], list[str], list[str], dict[str, Sequence[str]]]
"""Images, labels, ids, classes, other columns."""


def _folder(path: Path, prepare: Callable[[Image.Image], Tensor]) -> Found:
    classes = sorted(entry.name for entry in path.iterdir() if is_folder(entry))
    files = [
        (place, file)
        for place, name in enumerate(classes)
        for file in sorted((path / name).rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise InputValueError(f"{path}: no pictures in folders of classes", "one folder a class", "see the layout")
    raise_all(f"{path}", unwritable([file for _, file in files]))
    ids = [str(file.relative_to(path)) for _, file in files]
    images = Decoded(lambda place: Picture(ids[place], files[place][1]), len(files), prepare)
    return images, [place for place, _ in files], ids, classes, {}


def _table(source: Path | str, split: str, prepare: Callable[[Image.Image], Tensor]) -> Found:
    rows = _dataset(source, split)
    image, label = (_column(rows, names, what) for names, what in ((IMAGES, "image"), (LABELS, "label")))
    named: Any = next((name for name in IDS if name in rows.column_names), None)
    stem = Path(source).stem
    ids = [str(one) for one in rows[named]] if named else [f"{stem}-{place:05d}" for place in range(len(rows))]
    numbers = list(rows[label])
    kind: Any = rows.features[label]
    if any(not isinstance(one, int) for one in numbers):
        classes = sorted({str(one) for one in numbers})
        labels = [classes.index(str(one)) for one in numbers]
    else:
        labels = numbers
        classes = list(getattr(kind, "names", None) or map(str, range(max(numbers, default=-1) + 1)))
    texts = [name for name in rows.column_names if name not in (image, label, named)]
    columns: dict[str, Sequence[str]] = {
        name: [str(one) for one in rows[name]] for name in texts if str(rows.features[name]).count("string")
    }

    def picture(place: int) -> Picture:
        given = rows[place][image]
        data = given if isinstance(given, bytes) else given.get("bytes") or Path(given["path"])
        return Picture(ids[place], data)

    return Decoded(picture, len(rows), prepare), labels, ids, classes, columns


def _dataset(source: Path | str, split: str) -> Any:
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other packages
            import datasets
    except ImportError as error:
        raise AntigradError(
            f"the data set {source}", "the package datasets", "pip install 'antigrad[unlearning]'"
        ) from error
    try:
        if Path(source).suffix == ".parquet":
            rows: Any = datasets.Dataset.from_parquet(str(source))
        elif is_folder(source):
            rows = datasets.load_from_disk(str(source))
        else:
            rows = datasets.load_dataset(str(source))
    except Exception as error:  # it raises what its readers stumble over
        raise AntigradError(
            f"{source}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            "a folder of classes, a .parquet or .safetensors file, or a data set in Hugging Face's format",
            "check the path",
        ) from error
    if isinstance(rows, dict):
        if split not in rows:
            raise InputValueError(f"{source}: split {split!r}", f"one of {', '.join(rows)}", "name one")
        rows = rows[split]
    name = _column(rows, IMAGES, "image")
    if isinstance(rows.features[name], datasets.Image):
        rows = rows.cast_column(name, datasets.Image(decode=False))
    return rows


def _column(rows: Any, names: Sequence[str], what: str) -> str:
    found = next((name for name in names if name in rows.column_names), None)
    if found is None:
        raise InputValueError(
            f"columns {', '.join(rows.column_names)}", f"a column with the {what}: {', '.join(names)}", "rename one"
        )
    return found


def _tensors(path: Path) -> Samples:
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except Exception as error:  # SafetensorError, OSError
        raise AntigradError(f"{path}: {error}", "a safetensors file", "write it again") from error
    if set(found) != {"images", "labels"} or found["images"].ndim != 4:
        shapes = {name: tuple(one.shape) for name, one in found.items()}
        raise InputValueError(f"{path}: {shapes}", "images (N, C, H, W) and labels (N,)", "name them so")
    labels = found["labels"].long()
    count = int(labels.max()) + 1 if len(labels) else 0
    ids = [f"{path.stem}-{place:05d}" for place in range(len(labels))]
    return Samples(found["images"].float(), labels, ids, list(map(str, range(count))))
