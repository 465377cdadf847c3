"""The data and the trained networks of this room."""

from __future__ import annotations

from importlib.resources import files

import torch
from safetensors.torch import load
from torch import nn

from antigrad.unlearning.digits.networks import NETWORKS
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

TEST_SHARE = 0.4


def digits() -> tuple[Samples, Samples]:
    """Split scikit-learn's digits, by class, with seed 0.

    Returns:
        1,078 training and 719 test samples, (1, 8, 8) in [0, 1]; ids are rows of the data set.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images, labels = data.data, data.target  # pyright: ignore[reportAttributeAccessIssue]
    rows = range(len(labels))
    split = train_test_split(rows, test_size=TEST_SHARE, random_state=0, stratify=labels)
    found: list[Samples] = []
    for places in split:
        pixels = torch.tensor(images[places] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
        names = [f"digits-{place:04d}" for place in places]
        found.append(Samples(pixels, torch.tensor(labels[places]).long(), names, [str(k) for k in range(10)]))
    return found[0], found[1]


def fresh(name: str, seed: int) -> SplitModel:
    """Make a network of this room with new random weights.

    Args:
        name: `digits-cnn` or `digits-vit`.
        seed: Decides the weights; the global random stream stays as it was.

    Returns:
        The model.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: nn.Module = NETWORKS[name]()
    return SplitModel(module)


def trained(name: str) -> SplitModel:
    """Load a trained network of this room.

    Args:
        name: `digits-cnn` or `digits-vit`.

    Returns:
        The model, in eval mode.
    """
    model = fresh(name, 0)
    weights = files("antigrad.unlearning.digits").joinpath(f"{name}.safetensors").read_bytes()
    model.module.load_state_dict(load(weights))
    model.module.eval()
    return model
