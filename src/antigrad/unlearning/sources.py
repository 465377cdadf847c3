"""Models and data by their names on the command line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.unlearning.digits.load import digits, fresh, trained
from antigrad.unlearning.digits.networks import NETWORKS
from antigrad.unlearning.model import SplitModel
from antigrad.unlearning.samples import Samples

DIGITS = "digits"


@dataclass(frozen=True)
class Source:
    """A trained model, and how to make one like it.

    Args:
        model: In eval mode.
        fresh: Makes one with new random weights from a seed; None where nobody knows how.
    """

    model: SplitModel
    fresh: Callable[[int], SplitModel] | None


def load_data(data: str, test: str) -> tuple[Samples, Samples]:
    """Load a training and a test set.

    Args:
        data: `digits`, or a `.safetensors` file with `images` (N, C, H, W) and `labels` (N,).
        test: The same of the test set; not used for `digits`.

    Returns:
        Training and test samples.

    Raises:
        InputValueError: There is no such data.
    """
    if data == DIGITS:
        return digits()
    sets = [_tensors(Path(one)) for one in (data, test)]
    most = max(len(one.classes) for one in sets)
    classes = [str(place) for place in range(most)]
    train, unseen = (Samples(one.images, one.labels, one.ids, classes) for one in sets)
    if train.images.shape[1:] != unseen.images.shape[1:]:
        raise InputValueError(
            f"images of {tuple(train.images.shape[1:])} and {tuple(unseen.images.shape[1:])}", "one shape", "check both"
        )
    return train, unseen


def _tensors(path: Path) -> Samples:
    try:
        found = load_file(path)
    except Exception as error:  # SafetensorError, OSError
        raise InputValueError(
            f"data {str(path)!r}: {error}", "digits, or a .safetensors file of images and labels", "check the path"
        ) from error
    if set(found) != {"images", "labels"} or found["images"].ndim != 4:
        shapes = {name: tuple(one.shape) for name, one in found.items()}
        raise InputValueError(f"{path}: {shapes}", "images (N, C, H, W) and labels (N,)", "name them so")
    labels = found["labels"].long()
    names = [f"{path.stem}-{place:06d}" for place in range(len(labels))]
    return Samples(found["images"].float(), labels, names, [str(k) for k in range(int(labels.max()) + 1)])


def load_model(name: str, weights: str, head: str, images: Tensor, device: str) -> Source:
    """Load a trained model.

    Args:
        name: `digits-cnn`, `digits-vit`, or `MODULE:FUNCTION`: a function of yours that makes the network; it may take
            a seed, and is otherwise called after the random stream was seeded.
        weights: State of a network made by such a function: `.safetensors`, or a `.pt` file of tensors alone.
        head: Name of the linear layer that gives the logits; empty finds the last one.
        images: A few, to see that the model takes them.
        device: Where it runs.

    Returns:
        The model and its factory.

    Raises:
        InputValueError: There is no such model, or its weights are not its own.
    """
    if name in NETWORKS:
        make, model = partial(fresh, name), trained(name)
    elif ":" in name:
        make = partial(_made, name, head or None)
        model = make(0)
    else:
        known = [*NETWORKS, "MODULE:FUNCTION"]
        raise InputValueError(f"model {name!r}", "a model that is known here", did_you_mean(name, known))
    if weights:
        model.module.load_state_dict(_state(Path(weights), model.module))
    elif name not in NETWORKS:
        raise InputValueError(f"model {name} without weights", "the weights of the trained model", "add --weights FILE")
    model.module.to(device).eval()
    model.check(images.to(device))
    return Source(model, make)


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
