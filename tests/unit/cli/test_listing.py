"""`antigrad methods`: all that can be named, each with a line."""

import inspect
from functools import partial
from importlib import import_module

import pytest

from antigrad.cli.listing import KINDS, Kind, methods
from antigrad.core import Catalog
from antigrad.credit import CREDIT
from antigrad.language.embedded import EMBEDDED
from antigrad.language.tasks.verifiers import VERIFIERS


def test_everything_that_can_be_named_is_listed() -> None:
    known = methods()
    kinds = [
        "credit rules",
        "losses on pairs",
        "rules for pairs",
        "lab objectives",
        "lab studies",
        "attribution methods",
        "metrics of maps",
    ]
    kinds += ["unlearning methods", "metrics of unlearning", "splits"]
    kinds += ["scenario costs", "scenario metrics", "scenario steering", "planners", "vehicles", "scene readers"]
    kinds += ["scene writers", "road layouts"]
    assert list(known) == [*kinds, "embedded models", "tasks", "verifiers"]
    assert {"duck", "npo", "salun"} <= set(known["unlearning methods"])
    assert {"guided_absolute_grad", "gradcam", "blur_ig"} <= set(known["attribution methods"])
    assert set(known["metrics of maps"]) == {"rcap", "insertion", "deletion"}
    assert list(known["credit rules"]) == CREDIT.names()
    assert set(known["embedded models"]) == set(EMBEDDED)
    assert set(known["verifiers"]) == set(VERIFIERS)
    assert {"products", "sums", "tiny_arithmetic"} <= set(known["tasks"])


def test_rules_models_and_verifiers_have_a_line_each() -> None:
    known = methods()
    for kind in ("credit rules", "attribution methods", "metrics of maps", "embedded models", "verifiers"):
        for name, line in known[kind].items():
            assert line.strip(), name
            assert "\n" not in line


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if isinstance(kind.read, partial)], ids=lambda kind: kind.title
)
def test_what_is_read_from_files_is_what_the_catalog_imports(kind: Kind) -> None:
    assert isinstance(kind.read, partial)
    package, base = kind.read.args
    above = [import_module(package), import_module(package.rpartition(".")[0])]
    catalogs = [item for module in above for item in vars(module).values() if isinstance(item, Catalog)]
    (catalog,) = {id(item): item for item in catalogs if item.package == package}.values()
    assert catalog.base.__name__ == base
    imported = {name: (inspect.getdoc(item) or "").partition("\n")[0] for name, item in catalog.classes.items()}
    assert kind.read() == imported
    assert list(kind.read()) == catalog.names()
