"""Folders of timm: nothing in them is unpickled."""

from pathlib import Path

import pytest

from antigrad.core import AntigradError, InputValueError
from antigrad.vision.models import load_classifier


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    for name in (f"timm:local-dir:{tmp_path}/model.safetensors", str(tmp_path / "model.safetensors")):
        with pytest.raises(AntigradError, match=r"model\.safetensors"):
            load_classifier(name)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pth", "weights.ckpt", "sub/x.pt", None])
def test_a_folder_with_pickles_or_without_weights_is_refused(tmp_path: Path, name: str | None) -> None:
    if name is not None:
        (tmp_path / "model.safetensors").touch()
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(InputValueError, match=r"safetensors and config\.json alone"):
        load_classifier(f"timm:local-dir:{tmp_path}")
