"""Extras of which a package is missing, and the line that brings them."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from antigrad.cli import extras
from antigrad.cli.extras import install_line, is_missing, line_for
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


def test_an_extra_inside_an_extra_is_missing_with_it(installed: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["antigrad[report,lab]; extra == 'all'", "jinja2; extra == 'report'", "pyarrow; extra == 'lab'"]
    monkeypatch.setattr(extras, "requires", lambda name: lines)
    installed.add("antigrad")
    assert install_line(["report", "all"]) == "pip install 'antigrad[all]'"
    is_missing.cache_clear()
    installed.add("pyarrow")
    assert install_line(["report", "all"]) == ""


@pytest.mark.parametrize(
    ("module", "needs", "line"),
    [
        ("transformers", ("posttraining",), "pip install 'antigrad[posttraining]'"),
        ("pyarrow.parquet", ("unlearning",), "pip install 'antigrad[unlearning]'"),
        ("ray", ("attribution",), "pip install 'antigrad[ray]'"),
        ("PIL", ("scenarios",), "pip install 'antigrad[scenarios]'"),
        ("vllm", ("posttraining",), "pip install vllm"),
    ],
)
def test_the_message_names_what_brings_the_module(module: str, needs: tuple[str, ...], line: str) -> None:
    assert line_for(module, needs) == line


@pytest.mark.parametrize(
    ("there", "module", "line"),
    [
        ({"antigrad", "torch"}, "jinja2", "pip install 'antigrad[train]'"),  # of an extra inside: not that one alone
        ({"antigrad", "jinja2"}, "transformers.models", "pip install 'antigrad[train]'"),
        ({"antigrad", "jinja2", "transformers"}, "trl", "pip install 'antigrad[train]'"),
        ({"antigrad", "jinja2", "transformers", "trl"}, "captum", "pip install 'antigrad[attribution]'"),
        ({"antigrad", "trl"}, "captum", "pip install 'antigrad[attribution]'"),  # of no extra of the command
    ],
)
def test_one_message_brings_all_that_a_command_misses(
    installed: set[str], monkeypatch: pytest.MonkeyPatch, there: set[str], module: str, line: str
) -> None:
    lines = ["jinja2; extra == 'report'", "transformers; extra == 'posttraining'", "trl; extra == 'train'"]
    lines += ["antigrad[report]; extra == 'posttraining'", "antigrad[posttraining]; extra == 'train'"]
    monkeypatch.setattr(extras, "requires", lambda name: lines)
    installed.clear()
    installed |= there
    assert line_for(module, ["train"]) == line


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
