"""The study of preference pairs: what it measures, against plain forwards, and what it says of differences."""

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("trl", reason="trl is not installed")
pytest.importorskip("plotly", reason="plotly is not installed")
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def rows(accuracy: list[float], chosen: list[float], rejected: list[float]) -> list[dict[str, Any]]:
    columns = zip(accuracy, chosen, rejected, strict=True)
    return [{"step": 10 * n, "sampled": a, "chosen": c, "rejected": r} for n, (a, c, r) in enumerate(columns)]


def found(**arms: list[list[dict[str, Any]]]) -> Any:
    from studies.preferences.compare import Found

    return Found({"rows": arms})


def test_figures_are_changes_and_at_equal_accuracy_they_lie_between_evaluations() -> None:
    one = rows([0.5, 0.5, 0.6], [-2.0, -1.0, -4.0], [-3.0, -4.0, -8.0])
    two = rows([0.5, 0.52, 0.54], [-2.0, -2.0, -2.0], [-3.0, -3.0, -3.0])
    arms = found(DPO=[one, two])
    assert arms.column("DPO", "chosen") == [-2.0, 0.0]
    assert arms.column("DPO", "gap") == [3.0, 0.0]
    assert arms.column("DPO", "sampled") == [0.6, 0.54]
    assert arms.column("DPO", "chosen", 0.05) == [pytest.approx(-0.5), None]  # halfway from −1 to −4, less −2
    assert arms.column("DPO", "step", 0.05) == [pytest.approx(15.0), None]
    assert arms.column("DPO", "initial") == [None, None]  # not measured
    greedy_only = found(DPO=[[{"step": 0, "greedy": 0.5, "chosen": -2.0}, {"step": 4, "greedy": 0.6, "chosen": -1.0}]])
    assert (greedy_only.column("DPO", "chosen", 0.05), greedy_only.column("DPO", "sampled")) == ([None], [None])
    assert (greedy_only.column("DPO", "chosen"), greedy_only.best("DPO")) == ([1.0], [None])


def test_differences_are_paired_by_seed_and_verdicts_have_the_sign_of_the_sentence() -> None:
    from studies.preferences.compare import Sentence, verdicts

    def arm(gain: float, seeds: int) -> list[list[dict[str, Any]]]:
        return [
            rows([0.5, 0.6 + gain * (1 + seed / 100) + seed / 10], [-2.0, -1.0], [-3.0, -3.0 - seed / 100])
            for seed in range(seeds)
        ]

    for seeds, words in ((6, ["agrees", "contradicts", "open"]), (5, ["open", "open", "open"])):
        wobble = arm(0.0, seeds)
        for seed, some in enumerate(wobble):
            some[-1]["sampled"] += 0.01 * (-1) ** seed
        arms = found(DPO=arm(0.0, seeds), VPO=arm(0.02, seeds), other=wobble)
        above, below = (Sentence("", "", "VPO", "DPO", "sampled", sign) for sign in (1, -1))
        judged = verdicts([above, below, Sentence("", "", "other", "DPO", "sampled", 1)], arms)
        assert [word for *_, word in judged] == words
        assert judged[0][0] == pytest.approx([0.02 * (1 + seed / 100) for seed in range(seeds)])
    ((values, alone, word),) = verdicts([Sentence("", "", "safe", "DPO", "sampled", 1)], arms)
    assert (values, word) == ([], "–") and alone != alone


def test_every_sentence_names_arms_that_are_run() -> None:
    from studies.preferences.claims import SENTENCES
    from studies.preferences.study import ARMS, TINY

    assert set(TINY.arms) == set(ARMS)
    assert {one.arm for one in SENTENCES} | {one.other for one in SENTENCES if one.other} <= set(ARMS)
    assert {one.sign for one in SENTENCES} == {1, -1}


def test_likelihoods_are_those_of_plain_forwards() -> None:
    from studies.preferences.measure import likelihoods

    from antigrad.language.policy import load_policy

    policy = load_policy("tiny", device="cpu")
    texts = [("12+3=", "15"), ("52-4*4+76=", "52-16+76=36+76=112"), ("7*7-9=", "49-9=40")]
    ids = [tuple(policy.tokenizer(text=text).input_ids for text in pair) for pair in texts]
    sums, mass = likelihoods(policy, ids, 2)  # type: ignore[arg-type]
    for place, (prompt, response) in enumerate(ids):
        with torch.no_grad():
            logits = policy.model(input_ids=torch.tensor([prompt + response])).logits[0]
        here = torch.log_softmax(logits.double(), -1)[len(prompt) - 1 : -1]
        expected = sum(float(here[n, token]) for n, token in enumerate(response))
        assert float(sums[place]) == pytest.approx(expected, abs=1e-4)
        assert float(mass[place]) == pytest.approx(float(here.max(-1).values.exp().mean()), abs=1e-5)
