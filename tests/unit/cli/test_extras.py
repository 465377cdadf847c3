"""Extras of which a package is missing, and the line that brings them."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from antigrad.cli import extras
from antigrad.cli.extras import install_line, is_missing
from antigrad.cli.listing import KINDS
from antigrad.cli.views import COMMANDS

WANTED = [
    "torch>=2.8",
    "captum>=0.8; extra == 'attribution'",
    'Pillow>=11.0; python_version > "3" and extra == "attribution"',
    "jinja2>=3.1; extra == 'report'",
    "math-verify>=0.8; extra == 'report-more'",
    "trl==1.16.0; extra == 'train'",
]


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """Look again in every test."""
    is_missing.cache_clear()
    yield
    is_missing.cache_clear()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Packages that are installed; a test may add some."""
    names = {"torch", "captum", "jinja2"}

    def version(name: str) -> str:
        if name not in names:
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(extras, "version", version)
    monkeypatch.setattr(extras, "requires", lambda name: WANTED)
    return names


@pytest.mark.parametrize(
    ("needs", "line"),
    [
        ((), ""),
        (("report",), ""),
        (("attribution",), "pip install 'antigrad[attribution]'"),
        (("report", "attribution", "train"), "pip install 'antigrad[attribution,train]'"),
        (("no_such",), ""),
    ],
)
def test_only_extras_of_which_a_package_is_missing(installed: set[str], needs: tuple[str, ...], line: str) -> None:
    assert install_line(needs) == line


def test_nothing_is_missing_once_it_is_installed(installed: set[str]) -> None:
    installed |= {"Pillow", "trl"}
    assert install_line(["attribution", "train"]) == ""


def test_a_folder_of_sources_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", requires)
    assert install_line(["attribution"]) == ""


def test_what_is_needed_is_an_extra_of_this_package() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    needed = {need for one in (*COMMANDS, *KINDS) for need in one.needs}
    assert needed
    assert needed <= set(project["optional-dependencies"])
