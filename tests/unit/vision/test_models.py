"""Folders of timm: nothing in them is unpickled."""

from pathlib import Path

import pytest

from antigrad.core import InputValueError
from antigrad.vision.models import load_classifier


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pth", "weights.ckpt", "sub/x.pt", None])
def test_a_folder_with_pickles_or_without_weights_is_refused(tmp_path: Path, name: str | None) -> None:
    if name is not None:
        (tmp_path / "model.safetensors").touch()
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(InputValueError, match=r"safetensors and config\.json alone"):
        load_classifier(f"timm:local-dir:{tmp_path}")
