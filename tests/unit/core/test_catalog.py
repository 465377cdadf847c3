"""Methods are found by their files, made by their names, and refused with a reason."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import AntigradError, Catalog, InputValueError
from antigrad.core import catalog as catalog_module
from antigrad.credit import CREDIT, CreditRule
from antigrad.credit.nthr import Nthr
from antigrad.credit.pairs import PAIR_CREDIT

METHOD = """
from dataclasses import dataclass
from base_of_{package} import Base

@dataclass(frozen=True)
class {name}(Base):
    size: int = 1
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Catalog]:
    """Write a package of method files and return its catalog."""

    def build(name: str, **files: str) -> Catalog:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / f"base_of_{name}.py").write_text("class Base: ...\n")
        for file, text in files.items():
            (tmp_path / name / f"{file}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        base = __import__(f"base_of_{name}").Base
        return Catalog(name, base)

    yield build  # type: ignore[misc]
    for module in [
        module for module in sys.modules if module.split(".")[0].removeprefix("base_of_").startswith("pkg_")
    ]:
        del sys.modules[module]


@dataclass(frozen=True)
class Foreign(CreditRule):
    """A rule of another package."""

    strength: float = 0.5

    def weigh(self, group):  # type: ignore
        return self.strength * group.spread()


class Point:
    """An entry point that loads what it was given."""

    def __init__(self, name: str, item: object) -> None:
        self.name, self.item, self.value = name, item, f"elsewhere:{name}"

    def load(self) -> object:
        return self.item


def credit_with(monkeypatch: pytest.MonkeyPatch, *points: Point) -> Catalog[CreditRule]:
    groups = {"antigrad.credit": points}
    monkeypatch.setattr(catalog_module, "entry_points", lambda group: groups.get(group, ()))
    return Catalog("antigrad.credit", CreditRule)  # type: ignore[type-abstract]


def test_credit_has_the_rules_of_this_library() -> None:
    assert {"none", "nthr", "random", "blanket", "positives_only", "negatives_only", "w_reinforce"} <= set(
        CREDIT.names()
    )
    assert CREDIT.names() == sorted(CREDIT.names())


def test_a_file_dropped_in_is_found_and_helpers_are_not(package: Callable[..., Catalog]) -> None:
    files = {"mild": METHOD.format(package="pkg_a", name="Mild"), "tools": "from pkg_a.mild import Mild\nX = 1\n"}
    found = package("pkg_a", **files)
    assert found.names() == ["mild"]
    assert found.make("mild(size=3)").size == 3


def test_two_methods_in_a_file_are_refused(package: Callable[..., Catalog]) -> None:
    text = METHOD.format(package="pkg_b", name="One") + METHOD.format(package="pkg_b", name="Two")
    with pytest.raises(InputValueError, match=r"pkg_b.both defines 2 methods.*one file, one method"):
        package("pkg_b", both=text).names()


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(InputValueError, match=r"unknown method 'ntrh'.*did you mean 'nthr'\? known: .*none"):
        CREDIT.make("ntrh")
    with pytest.raises(InputValueError, match="unknown method ''"):
        CREDIT.make("")


def test_unknown_options_get_a_suggestion() -> None:
    with pytest.raises(InputValueError, match=r"option 'ancor' of nthr.*did you mean 'anchor'\?"):
        CREDIT.make("nthr(ancor=others)")
    with pytest.raises(InputValueError, match="none are known"):
        CREDIT.make("none(eta=1)")


@pytest.mark.parametrize(
    "spec",
    [
        "nthr(beta=1",
        "nthr(1)",
        "nthr(beta)",
        "nthr(beta=high)",
        "nthr(beta=null)",
        "nthr(beta=nan)",
        "nthr(eta=null)",
        "nthr(eta=[1])",
        "nthr(tau_floor=low)",
        "nthr(tau_floor=nan)",
        "random(beta='1e-3')",
        "w_reinforce(positive_weight=half)",
        "w_reinforce(positive_weight=inf)",
        "w_reinforce(positive_weight=null)",
        "nthr(eta=2)",
        "nthr(anchor=mine)",
        "nthr(eta=half)",
        "blanket(eta=-1)",
    ],
)
def test_bad_specs_and_values_are_refused(spec: str) -> None:
    with pytest.raises(AntigradError, match="expected"):
        CREDIT.make(spec)


def test_values_are_read_as_yaml() -> None:
    assert CREDIT.make(" nthr( beta = -.inf , eta = 1-p , tau_floor = 0.5 ) ") == Nthr(
        -float("inf"), "1-p", tau_floor=0.5
    )
    assert CREDIT.make("nthr(beta=1e-3)") == Nthr(0.001)
    assert CREDIT.make("nthr(beta=-inf)") == Nthr(-float("inf"))
    assert CREDIT.make("nthr(tau_floor=null,anchor=others)") == Nthr(anchor="others")


def test_names_of_methods() -> None:
    assert CREDIT.name_of(Nthr()) == CREDIT.name_of(Nthr) == "nthr"
    assert CREDIT.name_of(Foreign()) == "Foreign"


def test_entry_points_add_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    found = credit_with(monkeypatch, Point("foreign", Foreign))
    assert set(found.names()) == {*CREDIT.names(), "foreign"}
    assert found.make("foreign(strength=2)") == Foreign(2)
    assert found.name_of(Foreign()) == "foreign"


def test_entry_points_cannot_replace_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputValueError, match=r"named 'nthr'.*rename it"):
        credit_with(monkeypatch, Point("nthr", Foreign)).names()


@pytest.mark.parametrize("item", [object(), int, CreditRule, Foreign()])
def test_entry_points_must_be_methods(monkeypatch: pytest.MonkeyPatch, item: object) -> None:
    with pytest.raises(InputValueError, match="a dataclass derived from CreditRule"):
        credit_with(monkeypatch, Point("other", item)).names()


@pytest.mark.parametrize(
    ("catalog", "name", "use"), [(CREDIT, "vpo", "antigrad train dpo"), (PAIR_CREDIT, "nthr", "antigrad train grpo")]
)
def test_a_rule_of_another_command_is_told_where_it_belongs(catalog: Catalog[Any], name: str, use: str) -> None:
    with pytest.raises(InputValueError, match=rf"{name} is one of antigrad\.credit.*{use}"):
        catalog.make(name)
    with pytest.raises(InputValueError) as found:
        catalog.make("no_such_rule")
    assert "is one of" not in str(found.value)


@pytest.mark.parametrize("spec", [1, None, True])
def test_a_key_of_yaml_that_is_no_text(spec: Any) -> None:
    with pytest.raises(InputValueError, match="name"):
        CREDIT.make(spec)
