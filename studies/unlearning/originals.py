"""Data and trained models of the study, made once and kept in the folder of its runs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from studies.unlearning import networks
from torch import Tensor, nn

from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods import UnlearningMethod
from antigrad.unlearning.methods.fine_tune import FineTune
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.vision.data import Prepare, read_samples
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


def trained(method: UnlearningMethod, make: Callable[[], nn.Module], train: Samples, test: Samples) -> nn.Module:
    """Train a network on a training set, as the reference is trained later on what is kept of it.

    Args:
        method: How: `retrain` or `fine_tune`.
        make: Makes the network.
        train: What it sees.
        test: What it does not see.

    Returns:
        The network.
    """
    images, labels = torch.cat([train.images, test.images]), torch.cat([train.labels, test.labels])
    both = Samples(images, labels, [*train.ids, *test.ids], train.classes)
    mask = torch.arange(len(both)) >= len(train)

    def fresh(seed: int) -> SplitModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return SplitModel(make())

    return unlearn(method, context_of(fresh(0), Deletion(both, test, mask, "homogeneous"), fresh=fresh)).model.module


def of_digits(folder: Path, count: int, tested: int, epochs: int) -> dict[str, Any]:
    """The published check's network, trained on scikit-learn's digits.

    Args:
        folder: Where weights are kept.
        count: Of training samples.
        tested: Of test samples.
        epochs: Of training.

    Returns:
        Settings of the comparison.
    """
    path = folder / "digits.safetensors"
    if not path.exists():
        train, test = digits()
        save(trained(Retrain(epochs=epochs), networks.mlp, train, test), path)
    return {"model": "studies.unlearning.networks:mlp", "weights": str(path)}


def of_cifar(folder: Path, count: int, tested: int, epochs: int) -> dict[str, Any]:
    """ResNet-20 with published weights, fine-tuned on CIFAR-10 as JPEG.

    Args:
        folder: Where data and weights are kept.
        count: Of training images.
        tested: Of test images.
        epochs: Of fine-tuning.

    Returns:
        Settings of the comparison.
    """
    paths = cifar_files(folder, count, tested)
    path = folder / "cifar-resnet20.safetensors"
    if not path.exists():
        recipe = FineTune(epochs=epochs, learning_rate=0.01, batch_size=128)
        save(trained(recipe, published, tensors(paths["train"]), tensors(paths["test"])), path)
    return {"model": "studies.unlearning.networks:ResNet20", "weights": str(path), **data(paths)}


def cifar_files(folder: Path, count: int, tested: int) -> dict[str, Path]:
    """Decode images of CIFAR-10.

    Args:
        folder: Where they are kept.
        count: Of training images.
        tested: Of test images.

    Returns:
        Files of training and test images.
    """
    facts = json.loads((SHARED / "resnet20_cifar10.json").read_text())["input"]
    prepare = Prepare(32, tuple(facts["mean"]), tuple(facts["std"]))
    named = {"train": ("cifar10_jpeg_train.parquet", count), "test": ("cifar10_jpeg_test.parquet", tested)}
    return {part: packed(folder, "cifar", part, SHARED / file, most, prepare) for part, (file, most) in named.items()}


def published() -> nn.Module:
    """ResNet-20 as published: of an author other than ours, for the lossless images.

    Returns:
        The network.
    """
    network = networks.ResNet20()
    network.load_state_dict(load_file(SHARED / "resnet20_cifar10.safetensors"), strict=False)
    return network


def of_mnist(folder: Path, count: int, tested: int, epochs: int) -> dict[str, Any]:
    """A small Vision Transformer, trained on MNIST.

    Args:
        folder: Where data and weights are kept.
        count: Of training images.
        tested: Of test images.
        epochs: Of training.

    Returns:
        Settings of the comparison.
    """
    prepare = Prepare(28, (0.1307,), (0.3081,))
    table: Any = SHARED / "mnist_subset.parquet"
    paths = {
        part: packed(folder, "mnist", part, table, most, prepare) for part, most in (("train", count), ("test", tested))
    }
    path = folder / "mnist-vit.safetensors"
    if not path.exists():
        save(trained(Retrain(epochs=epochs), networks.ViT, tensors(paths["train"]), tensors(paths["test"])), path)
    return {"model": "studies.unlearning.networks:ViT", "weights": str(path), **data(paths)}


def packed(folder: Path, name: str, part: str, table: Path, most: int, prepare: Prepare) -> Path:
    """Decode the first images of a table, once.

    Args:
        folder: Where they are kept.
        name: Of the data set.
        part: `train` or `test`.
        table: Where the images are; its rows go round the classes.
        most: Of images.
        prepare: From a picture to what the network reads.

    Returns:
        A file of images and labels.
    """
    path = folder / f"{name}-{part}-{most}.safetensors"
    if not path.exists():
        rows = pq.read_table(table, filters=[("split", "=", part)]).slice(0, most)  # pyright: ignore
        images = [prepare(Image.open(io.BytesIO(one.as_py())).convert("RGB")) for one in rows["image"]]
        labels: Tensor = torch.tensor(rows["label"].to_pylist())
        save_file({"images": torch.stack(images), "labels": labels}, path)
    return path


def tensors(path: Path) -> Samples:
    """Read such a file."""
    return read_samples(path, Prepare(1, (0.0,), (1.0,)))[0]


def data(paths: dict[str, Path]) -> dict[str, Any]:
    """Name data in settings."""
    return {"data": str(paths["train"]), "test": str(paths["test"])}


def save(network: nn.Module, path: Path) -> None:
    """Write weights."""
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
