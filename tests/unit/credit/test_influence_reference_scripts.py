"""The influence kernel against independent reference scripts, where these are at hand beside the checkout."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from helpers.cases import Case, random_case

SCRIPT = Path(__file__).parents[4] / "shared" / "specs" / "checks" / "nthr_identities.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the reference scripts are not beside the checkout")


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    """The script as a module; it changes the default dtype, which is put back."""
    before = torch.get_default_dtype()
    spec = importlib.util.spec_from_file_location("nthr_identities", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    torch.set_default_dtype(before)


@pytest.mark.parametrize("case", [random_case(41), random_case(42, temperature=0.7)])
@pytest.mark.parametrize("vocabulary", ["full", "responses"])
def test_scores_and_anchors(reference: ModuleType, case: Case, vocabulary: str) -> None:
    keep = slice(None) if vocabulary == "full" else case.tokens[case.mask].unique()
    good = [response for response, right in zip(case.responses(), case.correct, strict=True) if right]
    found = case.influence(vocabulary=vocabulary)
    for row, response in enumerate(case.responses()):
        wanted = reference.pairwise(*response, good, case.weight, case.temperature, keep)
        torch.testing.assert_close(found.scores[row][case.mask[row]], wanted, atol=1e-11, rtol=0)
        if case.correct[row]:
            others = [other for other in good if other[1] is not response[1] and not torch.equal(other[0], response[0])]
            alone = reference.pairwise(*response, others, case.weight, case.temperature, keep).mean()
            assert float(found.anchor_inclusive[row]) == pytest.approx(float(wanted.mean()), abs=1e-11)
            assert float(found.anchor_others[row]) == pytest.approx(float(alone), abs=1e-11)


def test_the_scripts_own_checks_pass(reference: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    reference.identities()
    reference.exact_fixture()
    reference.decimal_fixture()
    assert "-1.6607419623" in capsys.readouterr().out
