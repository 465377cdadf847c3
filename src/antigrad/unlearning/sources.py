"""Models and data by their names on the command line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.core.files import is_folder
from antigrad.unlearning.digits.load import digits, fresh, trained
from antigrad.unlearning.digits.networks import NETWORKS
from antigrad.vision.data import Prepare, read_samples
from antigrad.vision.models import load_classifier
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel, split

DIGITS = "digits"
Preparing = Callable[[Image.Image], Tensor]
"""From a picture to what a model reads."""
MOST_BYTES = 2_000_000_000
"""Sets up to this size are decoded once and kept."""


@dataclass(frozen=True)
class Given:
    """Names of what is to be loaded.

    Args:
        model: `digits-cnn`, `digits-vit`; `MODULE:FUNCTION`, a function that makes the network (it may take a seed);
            `timm:NAME`, `torchvision:NAME`, a folder or hub name of a transformers image classifier.
        weights: State of the network; empty for those that bring theirs.
        head: Name of the linear layer that gives the logits; empty finds it.
        data: `digits`, a folder of classes, a `.parquet` table, a `.safetensors` file, a data set in Hugging Face's
            format.
        test: The same of the test set; empty for a table with a column `split`, and for data sets that have a test set.
        size: Side of the images, for networks that do not say.
        mean: Of each channel in [0, 1], for networks that do not say.
        std: Of each channel in [0, 1], for networks that do not say.
        strict: Refuse damaged images instead of leaving them out.
        device: Where the model runs.
    """

    model: str
    weights: str = ""
    head: str = ""
    data: str = DIGITS
    test: str = ""
    size: int = 32
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    strict: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class Source:
    """A trained model, how to make one like it, and its data.

    Args:
        model: In eval mode.
        fresh: Makes one with new random weights from a seed; None where nobody knows how.
        train: What it was trained on.
        test: What it never saw.
        damaged: Images that were left out, one line each.
    """

    model: SplitModel
    fresh: Callable[[int], SplitModel] | None
    train: Samples
    test: Samples
    damaged: Sequence[str] = field(default_factory=tuple)


def load(given: Given) -> Source:
    """Load a trained model and its data.

    Args:
        given: Their names.

    Returns:
        Both.

    Raises:
        InputValueError: There is no such model or data, or the weights are not those of the network.
    """
    prepare: Preparing = Prepare(given.size, given.mean, given.std)
    module: nn.Module | None = None
    if given.model in NETWORKS:
        make: Any = partial(_new_embedded, given.model)
    elif packaged(given.model):
        found = load_classifier(given.model, device="cpu", trainable=True)
        module, make = found.model, _like(given.model, found.model)
        prepare = found.process or Prepare(found.size, found.mean, found.std, found.resize)
        if found.several:
            raise InputValueError(
                f"{given.model}: classes that do not exclude each other",
                "a classifier whose probabilities are a softmax",
                "unlearn from a model of single labels",
            )
    elif ":" in given.model:
        make = partial(_made, given.model, given.head or None)
    else:
        known = [*NETWORKS, "MODULE:FUNCTION", "timm:NAME", "torchvision:NAME", "OWNER/NAME"]
        raise InputValueError(f"model {given.model!r}", "a model", did_you_mean(given.model, known))
    train, test, damaged = load_data(given, prepare)
    network = (trained(given.model) if given.model in NETWORKS else make(0)).module if module is None else module
    if given.weights:
        network.load_state_dict(_state(Path(given.weights), network))
    elif ":" in given.model and not packaged(given.model):
        raise InputValueError(
            f"model {given.model} without weights", "those of the trained model", "add --weights FILE"
        )
    network.to(given.device).eval()
    model = split(network, train.images[torch.arange(min(4, len(train)))].to(given.device), given.head or None)
    if model.classes < len(train.classes):
        raise InputValueError(
            f"a model of {model.classes} classes for data of {len(train.classes)}", "as many", "check the labels"
        )
    named = None if make is None else lambda seed: SplitModel(make(seed).module, model.head_name)
    return Source(model, named, train, test, damaged)


def packaged(name: str) -> bool:
    """Whether a model is one of timm, torchvision or transformers.

    Args:
        name: Of the model.

    Returns:
        True for `timm:NAME`, `torchvision:NAME`, a folder, and `OWNER/NAME`.
    """
    return name.startswith(("timm:", "torchvision:")) or is_folder(name) or ("/" in name and ":" not in name)


def _like(name: str, module: nn.Module) -> Callable[[int], SplitModel] | None:
    # Fresh weights of the same architecture; of transformers by its configuration.
    kind, _, rest = name.partition(":")

    def make(seed: int) -> SplitModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if kind == "timm":
                network: Any = import_module("timm").create_model(rest, pretrained=False)
            elif kind == "torchvision":
                network = import_module("torchvision.models").get_model(rest, weights=None)
            else:
                inner: Any = module.model
                network = type(module)(type(inner)(inner.config))
        return SplitModel(network)

    return make


def load_data(given: Given, prepare: Preparing) -> tuple[Samples, Samples, list[str]]:
    """Load a training and a test set.

    Args:
        given: Their names.
        prepare: From a picture to what the model reads.

    Returns:
        Both, and what is wrong with images that were left out.

    Raises:
        InputValueError: There is no such data, or no test set.
    """
    if given.data == DIGITS:
        return (*digits(), [])
    train, damaged = read_samples(given.data, prepare, strict=given.strict)
    parts = set(train.columns.get("split", ()))
    if given.test:
        test, more = read_samples(given.test, prepare, split="test", strict=given.strict)
        damaged = [*damaged, *more]
    elif {"train", "test"} <= parts:
        tested = torch.tensor([one == "test" for one in train.columns["split"]])
        train, test = train.take(~tested), train.take(tested)
    else:
        raise InputValueError(f"data {given.data} without a test set", "what the model never saw", "add --test")
    classes = max((train.classes, test.classes), key=len)
    if (
        list(train.classes) != list(classes)[: len(train.classes)]
        or list(test.classes) != list(classes)[: len(test.classes)]
    ):
        raise InputValueError("classes of training and test data that differ", "the same names", "check both")
    train, test = (_kept(Samples(one.images, one.labels, one.ids, classes, one.columns)) for one in (train, test))
    shapes = [tuple(one.images[torch.arange(1)].shape[1:]) for one in (train, test)]
    if shapes[0] != shapes[1]:
        raise InputValueError(f"images of {shapes[0]} and {shapes[1]}", "one shape", "check both")
    return train, test, damaged


def _kept(samples: Samples) -> Samples:
    # Small sets are decoded once.
    one = samples.images[torch.arange(1)]
    if isinstance(samples.images, Tensor) or len(samples) * one.numel() * 4 > MOST_BYTES:
        return samples
    images = torch.cat([samples.images[places] for places in torch.arange(len(samples)).split(256)])
    return Samples(images, samples.labels, samples.ids, samples.classes, samples.columns)


def _new_embedded(name: str, seed: int) -> SplitModel:
    # Those that are embedded began with the weights of seed 0: a reference with the same would be their twin by birth.
    return fresh(name, seed + 1)


def _made(name: str, head: str | None, seed: int) -> SplitModel:
    module, _, function = name.partition(":")
    if str(Path.cwd()) not in sys.path:  # Console scripts leave the folder one works in out.
        sys.path.insert(0, str(Path.cwd()))
    try:
        make: Any = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputValueError(f"model {name!r}: {error}", "a function that makes the network", "check it") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: Any = make(seed) if _takes_seed(make) else make()
    if not isinstance(network, nn.Module):
        raise InputValueError(f"{name} returned {type(network).__name__}", "a torch.nn.Module", "return the network")
    return SplitModel(network, head)


def _takes_seed(make: Callable[..., Any]) -> bool:
    try:
        return "seed" in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False


def _state(path: Path, module: nn.Module) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # Of damaged files, readers raise whatever they stumble over.
        raise AntigradError(f"{path}: {error}", "weights: tensors alone", "save state_dict() as safetensors") from error
    found = {name.removeprefix("module."): value for name, value in found.items()}
    own = module.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    missing, odd = sorted(set(own) - set(found) - counters), sorted(set(found) - set(own))
    shapes = [name for name in own if name in found and own[name].shape != found[name].shape]
    broken = [name for name in own if name in found and not bool(torch.isfinite(found[name]).all())]
    problems: Sequence[tuple[str, list[str]]] = (
        ("missing", missing),
        ("unknown", odd),
        ("of another shape", shapes),
        ("not finite", broken),
    )
    told = [f"{len(names)} {what}, as {names[0]}" for what, names in problems if names]
    if told:
        raise InputValueError(
            f"{path}: tensors {'; '.join(told)}", "those of the network", "check --model and --weights"
        )
    return {name: found.get(name, own[name]) for name in own}
