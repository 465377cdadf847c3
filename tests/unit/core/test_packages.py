"""The packages that a run records are those of the extras, neither more nor fewer."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from antigrad.cli.jobs import JOBS
from antigrad.core.packages import BASE, EXTRAS, packages_of, versions_of
from antigrad.core.runs import RunFolder

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
FOR_DEVELOPERS = {"dev", "docs", "all"}


def names(requirements: list[str]) -> set[str]:
    """Names without versions and extras; an extra inside an extra is the other one's line of the table."""
    found = {re.split(r"[\[<>=! ;]", one)[0] for one in requirements}
    return found - {"antigrad"}


def test_the_table_is_that_of_the_project() -> None:
    extras = {name: names(given) for name, given in PROJECT["optional-dependencies"].items()}
    assert {name: set(given) for name, given in EXTRAS.items()} == {
        name: given for name, given in extras.items() if name not in FOR_DEVELOPERS
    }
    assert set(BASE) == names(PROJECT["dependencies"]) | {"antigrad"}


def test_every_job_of_ours_has_its_wing() -> None:
    everything = set(packages_of("a training of your own"))
    for job in JOBS:
        assert set(packages_of(" ".join(job.words))) < everything, job.words


@pytest.mark.parametrize(
    ("job", "named", "not_named"),
    [
        ("train grpo", {"trl", "peft", "accelerate", "datasets", "transformers", "vllm", "scipy"}, {"captum", "timm"}),
        ("explain", {"captum", "timm", "torchvision", "transformers", "ray", "scipy"}, {"trl"}),
        ("lab run", {"jinja2", "torch", "numpy"}, {"transformers", "captum"}),
        ("my loop", {"trl", "captum", "ray", "jinja2"}, set[str]()),
    ],
)
def test_what_a_job_names(job: str, named: set[str], not_named: set[str]) -> None:
    found = packages_of(job)
    assert named <= set(found) and not not_named & set(found) and len(found) == len(set(found))


def test_a_run_says_the_versions_of_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl", reason="the extra train is not installed")
    monkeypatch.setitem(EXTRAS, "train", (*EXTRAS["train"], "no-such-package"))
    run = RunFolder.start(tmp_path / "run", job="train grpo", config={})
    assert run.facts["versions"] == versions_of("train grpo")
    assert run.facts["versions"]["trl"] == version("trl") and "no-such-package" not in run.facts["versions"]
