"""`antigrad evaluate --pair-probes`: where probability went on the base's own pairs, against plain torch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from antigrad.core import RunFolder
from antigrad.core.errors import ManyInputsError
from antigrad.core.page import ARTIFACT
from antigrad.language.policy import load_any, load_policy
from antigrad.posttraining.evaluate import EvaluateConfig, evaluate
from antigrad.posttraining.evaluate.pairs import STEP, displaced
from antigrad.posttraining.probes.displacement import displacement, receipt

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny policy, a copy of it, and one whose weights were moved."""
    folder = tmp_path_factory.mktemp("pairs")
    policy = load_policy("tiny", device="cpu")
    for name, size in (("copy", 0.0), ("moved", 0.02)):
        policy.model.save_pretrained(folder / name)
        policy.tokenizer.save_pretrained(folder / name)
        weights = load_file(folder / name / "model.safetensors")
        noise = torch.Generator().manual_seed(1)
        moved = {key: value + size * torch.randn(value.shape, generator=noise) for key, value in weights.items()}
        save_file(moved, folder / name / "model.safetensors", metadata={"format": "pt"})
    return folder


def config(place: Path, output: Path, **changes: Any) -> EvaluateConfig:
    given: dict[str, Any] = {
        "model": [str(place / "copy"), str(place / "moved")], "base": "tiny", "questions": 8, "samples": 8,
        "tasks": "tiny_arithmetic(split=train)", "max_new_tokens": 40, "pair_probes": 4, "device": "cpu",
        "resamples": 200, "output": output,
    }  # fmt: skip
    return EvaluateConfig(**given | changes)


@pytest.fixture(scope="module")
def run(place: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return evaluate(config(place, tmp_path_factory.mktemp("evaluate") / "run"))


def of(run: RunFolder, name: str) -> dict[int, dict[str, Any]]:
    return {row["question"]: row for row in run.ledger.rows("pair") if Path(row["model"]).name == name}


def along(policy: Any, prompt: list[int], response: list[int]) -> torch.Tensor:
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([[*prompt, *response]])).logits[0]
    return logits.log_softmax(-1)[len(prompt) - 1 : -1]


def test_pairs_are_the_base_s_likeliest_correct_and_wrong_answers(run: RunFolder) -> None:
    tokenizer = load_policy("tiny", device="cpu").tokenizer
    answers = {row["question"]: row for row in run.ledger.rows("answers") if row["model"] == "tiny"}
    mixed = [place for place, row in answers.items() if 0 < sum(row["verdicts"]) < 8]
    base = of(run, "tiny")
    assert list(base) == mixed[:4]
    for question, row in base.items():
        for name, correct in (("chosen", True), ("rejected", False)):
            known = [one for one in answers[question]["responses"] if one["correct"] is correct and one["text"].strip()]
            best = max(known, key=lambda one: one["log_prob"])
            assert tokenizer.decode(row["tokens"][name], skip_special_tokens=True) == best["text"]


def test_a_checkpoint_s_figures_are_those_of_plain_torch(run: RunFolder, place: Path) -> None:
    policies = {name: load_any(str(place / name), device="cpu") for name in ("copy", "moved")}
    policies["tiny"] = load_policy("tiny", device="cpu")
    base = of(run, "tiny")
    lost = 0
    for name, policy in policies.items():
        for question, row in of(run, name).items():
            known = base[question]
            for probe, ids in known["tokens"].items():
                here = along(policy, known["prompt"], ids).gather(-1, torch.tensor(ids)[:, None])
                assert row["log_probs"][probe] == pytest.approx(here.sum().item(), abs=2e-3), probe
            chosen = along(policy, known["prompt"], known["tokens"]["chosen"]).double()
            top = chosen.max(-1).values
            assert row["log_probs"]["argmax_path"] == pytest.approx(top.sum().item(), abs=1e-3)
            assert row["log_probs"]["outside"] == pytest.approx(torch.log1p(-top.exp()).sum().item(), rel=1e-2)
            ids = known["tokens"]["rejected"]
            both = [along(one, known["prompt"], ids) for one in (policies["tiny"], policy)]
            whole = displacement(
                (known["log_probs"]["chosen"], row["log_probs"]["chosen"]),
                (known["log_probs"]["rejected"], row["log_probs"]["rejected"]),
                receipt(both[0], both[1], torch.tensor(ids)),
            )
            found = displaced(known, row)
            assert (found.chosen, found.rejected) == (whole.chosen, whole.rejected)
            if name == "moved":
                lost += found.displaced
                assert found.argmax_gain == pytest.approx(whole.argmax_gain, rel=1e-2)
            if name == "copy":
                assert found.chosen == found.rejected == 0 and not found.displaced
    assert lost == round(run.summary["pair_displaced/moved"] * len(base)) > 0


def test_the_step_taken_apart_adds_up_and_comes_out(run: RunFolder) -> None:
    """Its own pull is the squared norm of the correct answer's gradient; the step does what is predicted."""
    policy = load_policy("tiny", device="cpu")
    for row in of(run, "tiny").values():
        step = row["step"]
        assert step["predicted"] == pytest.approx(step["pulled"] + step["pushed"], rel=1e-4)
        assert step["measured"] * STEP == pytest.approx(step["predicted"] * STEP, rel=0.1, abs=5e-6)
        gradients: list[torch.Tensor] = []
        for name in ("chosen", "rejected"):
            policy.model.zero_grad()
            ids = row["tokens"][name]
            logits = policy.model(input_ids=torch.tensor([[*row["prompt"], *ids]])).logits[0]
            label = logits.log_softmax(-1)[len(row["prompt"]) - 1 : -1].gather(-1, torch.tensor(ids)[:, None])
            label.sum().backward()
            gradients.append(torch.cat([one.grad.flatten() for one in policy.model.parameters()]))
        up, down = gradients
        assert step["pulled"] == pytest.approx((up @ up).item(), rel=1e-3)
        assert step["pushed"] == pytest.approx(-(up @ down).item(), rel=1e-2, abs=1e-2)


def test_the_page_and_the_summary(run: RunFolder) -> None:
    sections = {section["title"]: section for section in run.read_json(ARTIFACT)["sections"]}
    assert {"Where the mass went", "Which responses gained and lost", "The next step, taken apart"} <= set(sections)
    rows = {row["label"]: row for row in sections["Where the mass went"]["rows"]}
    assert rows["copy"]["chosen"] == 0 and rows["copy"]["displaced"] == 0
    assert rows["moved"]["chosen"] == run.summary["pair_chosen/moved"] < 0
    assert [row["label"] for row in sections["The next step, taken apart"]["rows"]] == ["tiny", "copy", "moved"]
    assert run.summary["pairs"] == len(of(run, "tiny"))


def test_interrupted_it_goes_on_to_the_same_rows(run: RunFolder, place: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    (folder / "summary.json").unlink()
    ledger = folder / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    gone = [n for n, line in enumerate(lines) if '"kind": "pair"' in line][1::2]
    ledger.write_text("".join(line for n, line in enumerate(lines) if n not in gone))
    again = evaluate(config(place, folder, resume=True))

    def rows(one: RunFolder) -> list[Any]:
        return sorted(one.ledger.rows("pair"), key=lambda row: (row["model"], row["question"]))

    assert gone and rows(again) == rows(run)
    assert again.summary == run.summary


def test_pairs_need_a_base(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ManyInputsError, match="pair_probes=4 without base"):
        evaluate(config(place, tmp_path / "run", base=None))
