"""`antigrad methods`: all that can be named, each with a line."""

from antigrad.cli.listing import methods
from antigrad.credit import CREDIT
from antigrad.language.embedded import EMBEDDED
from antigrad.language.tasks.verifiers import VERIFIERS


def test_everything_that_can_be_named_is_listed() -> None:
    known = methods()
    kinds = [
        "credit rules",
        "rules for pairs",
        "losses on pairs",
        "lab objectives",
        "lab studies",
        "attribution methods",
        "metrics of maps",
    ]
    assert list(known) == [*kinds, "embedded models", "tasks", "verifiers"]
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
