"""Methods by the text of their files: the same as by importing them, and nothing is imported."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from antigrad.core import outline as outline_module
from antigrad.core.outline import outline

BASE = """
from abc import ABC, abstractmethod
import package_that_is_not_installed

class Base(ABC):
    @abstractmethod
    def weigh(self): ...
"""
FILES = {
    "__init__": "from pkg_outline.base import Base as Rule\nraise RuntimeError('imported')\n",
    "base": BASE,
    "plain": '@dataclass\nclass Plain(Base):\n    """Plain.\n\n    More.\n    """\n',
    "frozen": 'import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass F(base.Base):\n    r"""Frozen."""\n',
    "generic": '@dataclass\nclass G(Base[int]):\n    """Generic."""\n',
    "grandchild": 'from pkg_outline.plain import Plain as P\n@dataclass\nclass C(P):\n    """By another name."""\n',
    "relative": 'from .plain import Plain\nfrom . import Rule\n@dataclass\nclass R(Plain):\n    """By a dot."""\n',
    "handed_on": 'from pkg_outline import Rule\n@dataclass\nclass H(Rule):\n    """Handed on."""\n',
    "silent": "@dataclass\nclass S(Base): ...\n",
    "no_dataclass": 'class N(Base):\n    """No options."""\n',
    "half": '@dataclass\nclass Half(Base):\n    """Abstract."""\n    @abstractmethod\n    def other(self): ...\n',
    "helper": '@dataclass\nclass Helper:\n    """Not of this kind."""\n',
    "uses": "from pkg_outline.plain import Plain\nX = Plain\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pkg_outline").mkdir()
    for name, text in FILES.items():
        (tmp_path / "pkg_outline" / f"{name}.py").write_text(text)
    (tmp_path / "pkg_outline" / "folder").mkdir()
    (tmp_path / "pkg_outline" / "folder" / "__init__.py").write_text(
        '@dataclass\nclass A(Base):\n    """A folder."""\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    outline_module._read.cache_clear()
    outline_module._file.cache_clear()
    return tmp_path


def test_methods_are_found_by_what_they_derive_from(package: Path) -> None:
    assert outline("pkg_outline", "Base") == {
        "folder": "A folder.",
        "frozen": "Frozen.",
        "generic": "Generic.",
        "grandchild": "By another name.",
        "handed_on": "Handed on.",
        "plain": "Plain.",
        "relative": "By a dot.",
        "silent": "",
    }
    assert not [name for name in sys.modules if name.startswith("pkg_outline")]


def test_a_package_that_does_not_exist_has_no_methods() -> None:
    assert outline("no_such_package.at_all", "Base") == {}


def test_methods_of_other_packages_are_listed_without_loading_them(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = (
        EntryPoint("theirs", "pkg_outline.plain:Plain", "antigrad.credit"),
        EntryPoint("lost", "nowhere.at_all:Rule", "antigrad.credit"),
    )
    monkeypatch.setattr(outline_module, "entry_points", lambda group: points if group == "antigrad.credit" else ())
    listed = outline("antigrad.credit", "CreditRule")
    assert listed["theirs"] == "Plain."
    assert listed["lost"] == "from nowhere.at_all:Rule"
    assert list(listed) == sorted(listed)
    assert not [name for name in sys.modules if name.startswith("pkg_outline")]
