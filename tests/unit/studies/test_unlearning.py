"""The study of unlearning: verdicts follow the figures, and so do the sentences that the page says first."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

for package in ("plotly", "playwright", "scipy"):
    pytest.importorskip(package, reason=f"{package} is not installed")
ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "studies" / "unlearning" / "results"
CASES = ("digits_class", "digits_homogeneous", "cifar_class", "cifar_homogeneous", "vit_homogeneous", "vit_class")
Found = dict[str, Any]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def kept() -> Found:
    return {name: json.loads((RESULTS / f"{name}.json").read_text()) for name in CASES}


def verdicts(found: Found, speed: Found | None = None) -> dict[str, str]:
    from studies.unlearning.claims import claims

    return {sentence: verdict.removesuffix(", in one run") for sentence, _, verdict in claims(found, speed)}


def changed(found: Found, case: str, method: str, figure: str, mean: float, deviation: float = 0.0) -> Found:
    found = copy.deepcopy(found)
    (name,) = [name for name in found[case]["methods"] if name.partition("(")[0] == method]
    found[case]["methods"][name][figure] = {"mean": mean, "deviation": deviation}
    return found


def test_verdicts_turn_with_the_figures(kept: Found) -> None:
    head = "DUCK, class removal, digits: "
    above, attack, gone = f"{head}AUS above NG, RL, BS, BE", f"{head}the attack on losses is at chance", "not in the papers: a removed class is gone after DUCK, digits"  # fmt: skip  # noqa: E501
    cheap = f"{head}takes a small part of the time of retraining, a twentieth at most"
    assert verdicts(changed(kept, "digits_class", "neg_grad", "aus", 0.999))[above] == "holds against 3 of 4"
    wide = changed(kept, "digits_class", "duck", "aus", 0.991, deviation=0.4)
    assert verdicts(wide)[above] == "holds against 2 of 4"  # Within two standard errors of RL and BS.
    for value in (0.4, 0.6):
        assert verdicts(changed(kept, "digits_class", "duck", "logistic_loss_forget_vs_unseen", value))[attack] == "does not hold"  # fmt: skip  # noqa: E501
    told = changed(kept, "digits_class", "original", "logistic_loss_forget_vs_unseen", 0.7)
    assert verdicts(told)[attack] == "holds"
    for steps, verdict in ((1.0, "does not hold"), (40.0, "holds")):
        assert verdicts(changed(kept, "digits_class", "duck", "relearning", steps))[gone] == verdict
    assert verdicts(changed(kept, "digits_class", "duck", "cost(what=steps)", 200.0))[cheap] == "does not hold"
    timed = {"ratio": 0.04, "epochs_of_retraining": 2.4}
    all_of_cifar = "DUCK, class removal, all of CIFAR-10, ResNet-20: the same, against 60 epochs of retraining"
    assert verdicts(kept, timed)[all_of_cifar] == "holds"
    assert verdicts(kept, timed | {"ratio": 0.06})[all_of_cifar] == "does not hold"


def test_whether_a_score_tells_methods_apart_counts_those_near_doing_nothing(kept: Found) -> None:
    from studies.unlearning.claims import apart

    given = {"original": (0.9, 0.3), "retrain": (0.99, 0.0), "a": (0.91, 0.2), "b": (0.89, 0.4), "c": (0.5, 0.9)}
    methods = {name: {"aus": {"mean": aus}, "average_gap": {"mean": gap}} for name, (aus, gap) in given.items()}
    sentence, here, verdict = apart(methods, "somewhere")
    assert sentence.endswith("somewhere") and verdict == "holds"
    assert "2 of 3 methods within 0.02" in here and here.endswith("1.00")
    methods["a"]["aus"]["mean"] = 0.95
    assert apart(methods, "somewhere")[2] == "does not hold"


def test_sentences_of_the_vit_list_turn_too(kept: Found) -> None:
    best = "the ViT list: SCRUB or advanced NegGrad has the best NoMUS"
    lower = "the ViT list: retraining has a lower NoMUS than doing nothing"
    assert verdicts(changed(kept, "vit_homogeneous", "scrub", "nomus", 1.5))[best] == "holds"
    assert verdicts(changed(kept, "vit_homogeneous", "fine_tune", "nomus", 1.5))[best] == "does not hold"
    noisy = changed(kept, "vit_homogeneous", "scrub", "nomus", 0.99, deviation=0.9)
    assert verdicts(noisy)[best] == "open: within two standard errors"
    assert verdicts(changed(kept, "vit_homogeneous", "retrain", "nomus", 0.1))[lower] == "holds"
    assert verdicts(changed(kept, "vit_homogeneous", "retrain", "nomus", 1.5))[lower] == "does not hold"
    leave = "the ViT list: FT and CF-3 leave the attack what the original leaves it"
    attack = "logistic_loss_forget_vs_unseen"
    told = changed(kept, "vit_homogeneous", "original", attack, 0.65)
    for name in ("fine_tune", "cf_k"):
        told = changed(told, "vit_homogeneous", name, attack, 0.63, deviation=0.05)
    assert verdicts(told)[leave] == "holds"
    assert verdicts(changed(told, "vit_homogeneous", "fine_tune", attack, 0.5))[leave] == "does not hold"
    assert verdicts(changed(told, "vit_homogeneous", "original", attack, 0.5))[leave].startswith("open")


def test_verdicts_of_a_single_run_say_so(kept: Found) -> None:
    from studies.unlearning.claims import claims

    said = {sentence: verdict for sentence, _, verdict in claims(kept)}
    for case, where in (
        ("digits_class", "digits"),
        ("cifar_class", "CIFAR-10, ResNet-20"),
        ("vit_class", "MNIST, ViT"),
    ):
        single = kept[case]["seeds"] * len(kept[case]["splits"]) == 1
        assert said[f"not in the papers: a removed class is gone after DUCK, {where}"].endswith("in one run") == single


def test_what_the_page_says_first_is_what_the_figures_give(kept: Found) -> None:
    from studies.unlearning.claims import beyond, mean, of

    def figure(case: str, method: str, key: str) -> float:
        return mean(of(kept[case]["methods"], method), key)

    found = verdicts(kept)
    above = [verdict for sentence, verdict in found.items() if ": AUS above " in sentence]
    assert len(above) == 3 and set(above) == {"holds"}
    for where in ("digits", "CIFAR-10, ResNet-20"):
        assert found[f"not in the papers: a removed class is gone after DUCK, {where}"] == "does not hold"
    digits = kept["digits_class"]["methods"]
    nearer = [name for name in digits if name != "original" and beyond(digits["duck"], digits[name], "average_gap")]
    assert nearer == ["retrain", "retrain again", "eu_k(k=1)"]
    assert not beyond(digits["npo"], digits["duck"], "average_gap")
    assert not beyond(digits["eu_k(k=1)"], digits["retrain again"], "average_gap")
    assert figure("cifar_class", "eu_k", "aus") > figure("cifar_class", "duck", "aus")
    left = [figure(case, "fine_tune", "accuracy(on=test_removed)") for case in CASES if case.endswith("class")]
    assert 0.2 < min(left) < 0.3 and 0.8 < max(left) < 0.9
    assert figure("cifar_homogeneous", "retrain", "aus") < figure("cifar_homogeneous", "original", "aus")
    assert figure("vit_homogeneous", "neg_grad", "accuracy(on=test)") < 0.15
    for case in ("digits_class", "cifar_class"):
        lost = (figure(case, name, "accuracy(on=test_retained)") for name in ("original", "neg_grad"))
        assert next(lost) - next(lost) > 0.2
