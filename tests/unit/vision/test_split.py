"""Backbone and head told apart, of CNNs and transformers, and of what cannot be."""

import pytest
import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.vision.split import SplitModel, split

transformers = pytest.importorskip("transformers", reason="the extra posttraining is not installed")
SMALL = {"num_labels": 4, "image_size": 32}
LAYERS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def vit() -> nn.Module:
    config = transformers.ViTConfig(patch_size=8, **LAYERS, **SMALL)
    return transformers.ViTForImageClassification(config)


def swin() -> nn.Module:
    config = transformers.SwinConfig(patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4, **SMALL)
    return transformers.SwinForImageClassification(config)


def resnet() -> nn.Module:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=4)
    return transformers.ResNetForImageClassification(config)


def dinov2() -> nn.Module:
    config = transformers.Dinov2Config(patch_size=8, **LAYERS, **SMALL)
    return transformers.Dinov2ForImageClassification(config)


class HeadFirst(nn.Module):
    """Its head is made before its backbone: the last linear layer by order is not the one that gives the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 8), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images))


@pytest.mark.filterwarnings("ignore")  # transformers' own
@pytest.mark.parametrize("make", [vit, swin, resnet, dinov2, HeadFirst])
def test_logits_are_the_head_of_the_features(make: type[nn.Module]) -> None:
    model, images = make().eval(), torch.randn(3, 3, 32, 32)
    found = split(model, images)
    features = found.features(images)
    assert features.ndim == 2 and found.classes == 4 == found.head(features).shape[1]
    torch.testing.assert_close(found.head(features), found(images))
    features.square().sum().backward()  # gradients reach the backbone and not the head
    assert found.head_layer.weight.grad is None
    assert any(p.grad is not None and bool((p.grad != 0).any()) for p in model.parameters())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_model_without_such_a_layer_is_refused() -> None:
    images = torch.randn(2, 3, 8, 8)
    with pytest.raises(InputValueError, match="a linear layer that gives the logits"):
        split(nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten()), images)
    scaled = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.Softmax(-1))
    with pytest.raises(InputValueError, match="whose logits are not those of 1"):
        split(scaled, images)
    shared = nn.Linear(192, 192)
    with pytest.raises(InputValueError, match="2 times"):
        split(nn.Sequential(nn.Flatten(), shared, shared), images)
    with pytest.raises(InputValueError, match="head 'fc'"):
        split(HeadFirst(), torch.randn(2, 3, 32, 32), head="fc")


def test_nan_and_wrong_shapes_are_said() -> None:
    model = HeadFirst()
    with pytest.raises(AntigradError, match="a model for images of this shape"):
        split(model, torch.randn(2, 1, 32, 32))
    model.head.weight.data[0, 0] = float("nan")
    with pytest.raises(InputValueError, match="NaN"):
        split(model, torch.randn(2, 3, 32, 32))


def test_a_copy_shares_nothing() -> None:
    model = SplitModel(HeadFirst().requires_grad_(False), "head")
    copy = model.copy()
    copy.head_layer.weight.data.zero_()
    assert bool(model.head_layer.weight.any()) and all(p.requires_grad for p in copy.module.parameters())
    assert not any(p.requires_grad for p in model.module.parameters())
