"""The preflight from questions to page, on random models of a few thousand parameters."""

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from antigrad.core import RunFolder
from antigrad.language.policy import Policy
from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.posttraining.diagnose import job as wing
from antigrad.posttraining.diagnose.update import Snapshot, Stepper
from helpers.models import make_tokenizer, save_model, save_questions

SIZES = [1e-3, 3e-3]
TOKENIZER = make_tokenizer()
VOCABULARY = {TOKENIZER.decode([token]): token for token in range(len(TOKENIZER))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnose")
    save_model(folder / "llama")
    save_questions(folder / "q.jsonl", 8)
    return folder


@pytest.fixture
def config(place: Path, tmp_path: Path) -> DiagnoseConfig:
    return DiagnoseConfig(
        model=str(place / "llama"),
        tasks=str(place / "q.jsonl"),
        questions=4,
        arms=["none", "positives_only", "nthr(eta=0,anchor=others)"],
        step_sizes=SIZES,
        max_new_tokens=6,
        device="cpu",
        output=tmp_path / "run",
    )


@pytest.fixture(scope="module")
def finished(place: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    arms = ["none", "positives_only", "negatives_only", "nthr(beta=.inf)", "nthr(eta=0,anchor=others)", "w_reinforce"]
    return diagnose(
        DiagnoseConfig(
            model=str(place / "llama"),
            tasks=str(place / "q.jsonl"),
            questions=8,
            arms=arms,
            step_sizes=SIZES,
            max_new_tokens=6,
            device="cpu",
            output=tmp_path_factory.mktemp("finished") / "run",
        )
    )


def mixed(run: RunFolder) -> list[dict[str, Any]]:
    return [row for row in run.ledger.rows("question") if row["status"] == "mixed"]


def changes(run: RunFolder, arm: str, size: float) -> dict[int, dict[str, Any]]:
    rows = [row for row in run.ledger.rows("update") if (row["arm"], row["step_size"]) == (arm, size)]
    assert len(rows) == len({row["question"] for row in rows})
    return {row["question"]: row for row in rows}


def test_every_question_has_its_row_and_every_mixed_one_all_its_updates(finished: RunFolder) -> None:
    asked, arms = finished.ledger.rows("question"), finished.facts["config"]["arms"]
    assert [row["question"] for row in asked] == list(range(8))
    assert {row["status"] for row in asked} == {"mixed", "all wrong"}
    expected = [(row["question"], arm, size) for row in mixed(finished) for arm in arms for size in SIZES]
    found = [(row["question"], row["arm"], row["step_size"]) for row in finished.ledger.rows("update")]
    assert found == expected
    assert len(mixed(finished)) >= 4


def test_a_question_row_says_what_was_answered(finished: RunFolder) -> None:
    for row in finished.ledger.rows("question"):
        responses = row["responses"]
        assert len(responses) == 8
        assert row["prompt"].endswith("= ?\nA:")
        assert row["correct"] == sum(response["correct"] for response in responses)
        assert row["truncated"] == sum(response["truncated"] for response in responses)
        for response in responses:
            assert len(response["tokens"]) == len(response["log_probs"]) <= 6
            assert (
                "".join(response["tokens"]).removesuffix("<eos>").replace("<pad>", "").replace("<unk>", "")
                == response["text"]
            )
            assert response["truncated"] == (response["tokens"][-1] != "<eos>")
            assert all(value < 0 for value in response["log_probs"])
        kinds = {response["correct"] for response in responses}
        assert row["status"] == ("mixed" if len(kinds) == 2 else "all correct" if kinds == {True} else "all wrong")
        assert (responses[0]["scores"] is None) == (row["status"] != "mixed")


def test_a_mixed_question_has_scores_thresholds_and_counts_that_agree(finished: RunFolder) -> None:
    for row in mixed(finished):
        wrong = [score for response in row["responses"] if not response["correct"] for score in response["scores"]]
        assert row["wrong_tokens"] == len(wrong)
        assert row["success_rate"] == row["correct"] / 8
        assert len(row["gwhes"]) == row["correct"]
        for anchor in ("inclusive", "others"):
            assert row[f"tau_{anchor}"] == pytest.approx(min(row[f"anchors_{anchor}"]))
            assert row[f"selected_{anchor}"] == sum(score > row[f"tau_{anchor}"] for score in wrong)
        assert row["tau_others"] < row["tau_inclusive"]
        assert row["error_bound"] == row["missing_mass"] == 0
        assert row["vocabulary_rows"] == len(TOKENIZER)


def test_updates_have_the_means_of_their_responses(finished: RunFolder) -> None:
    counts = {row["question"]: row["correct"] for row in mixed(finished)}
    for row in finished.ledger.rows("update"):
        assert row["error"] is None
        assert len(row["deltas_correct"]) == counts[row["question"]]
        assert len(row["deltas_wrong"]) == 8 - counts[row["question"]]
        assert row["delta_correct"] == pytest.approx(sum(row["deltas_correct"]) / len(row["deltas_correct"]))
        assert row["delta_wrong"] == pytest.approx(sum(row["deltas_wrong"]) / len(row["deltas_wrong"]))
        assert math.isfinite(row["delta_greedy"])
        assert math.isfinite(row["entropy_change"])


def test_what_a_rule_pulls_up_goes_up_and_what_it_pushes_down_goes_down(finished: RunFolder) -> None:
    for up, down in zip(
        changes(finished, "positives_only", 1e-3).values(),
        changes(finished, "negatives_only", 1e-3).values(),
        strict=True,
    ):
        assert up["delta_correct"] > 0.1
        assert down["delta_wrong"] < -0.1
        assert up["parts"]["down"] == 0 > up["parts"]["up"]
        assert down["parts"]["up"] == 0 < down["parts"]["down"]
        assert up["weakened"] == up["wrong_tokens"] > 0 == down["weakened"]
    for plain in changes(finished, "none", 1e-3).values():
        assert plain["delta_correct"] > plain["delta_wrong"]
        assert plain["parts"]["up"] == pytest.approx(
            changes(finished, "positives_only", 1e-3)[plain["question"]]["parts"]["up"]
        )


def test_a_rule_that_selects_nothing_makes_the_update_of_none(finished: RunFolder, config: DiagnoseConfig) -> None:
    alone = diagnose(replace(config, questions=8, arms=["nthr(beta=.inf)"]))
    for size in SIZES:
        plain = changes(finished, "none", size)
        for run in (finished, alone):
            same = changes(run, "nthr(beta=.inf)", size)
            assert [row | {"arm": "none"} for row in same.values()] == list(plain.values())


def without_arms(run: RunFolder) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "nthr_arms"} for row in run.ledger.rows("question")]


def test_other_arms_and_step_sizes_beside_an_arm_do_not_change_its_numbers(
    finished: RunFolder, config: DiagnoseConfig
) -> None:
    alone = diagnose(replace(config, questions=8, arms=["w_reinforce"], step_sizes=SIZES[1:]))
    assert changes(alone, "w_reinforce", SIZES[1]) == changes(finished, "w_reinforce", SIZES[1])
    assert without_arms(alone) == without_arms(finished)


def test_fewer_questions_are_the_first_of_more(finished: RunFolder, config: DiagnoseConfig) -> None:
    few = diagnose(replace(config, questions=2, arms=["none"]))
    assert without_arms(few) == without_arms(finished)[:2]


def test_another_seed_asks_and_samples_otherwise(finished: RunFolder, config: DiagnoseConfig) -> None:
    other = diagnose(replace(config, questions=8, arms=["none"], seed=1))
    texts = [
        {row["prompt"]: [response["text"] for response in row["responses"]] for row in run.ledger.rows("question")}
        for run in (finished, other)
    ]
    assert texts[0].keys() == texts[1].keys()
    assert all(texts[0][prompt] != texts[1][prompt] for prompt in texts[0])


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Lets a test see the policy of a run, and checks that every gradient and step starts where it should."""
    seen: dict[str, Any] = {"gradients": 0, "steps": 0}
    load, accumulate, step = wing.load_policy, wing.accumulate, Stepper.step

    def loading(*args: Any, **options: Any) -> Policy:
        policy = load(*args, **options)
        seen["policy"], seen["start"] = policy, copy.deepcopy(policy.model.state_dict())
        seen["snapshot"] = Snapshot(policy.model)
        return policy

    def accumulating(*args: Any, **options: Any) -> Any:
        assert seen["snapshot"].unchanged()
        seen["gradients"] += 1
        return accumulate(*args, **options)

    def stepping(self: Stepper, size: float) -> None:
        assert seen["snapshot"].unchanged()
        step(self, size)
        assert not seen["snapshot"].unchanged()
        seen["steps"] += 1

    monkeypatch.setattr(wing, "load_policy", loading)
    monkeypatch.setattr(wing, "accumulate", accumulating)
    monkeypatch.setattr(Stepper, "step", stepping)
    return seen


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_every_update_starts_from_the_same_weights_bit_for_bit(
    config: DiagnoseConfig, watched: dict[str, Any], optimizer: str
) -> None:
    run = diagnose(replace(config, optimizer=optimizer))
    assert watched["gradients"] >= 2 * len(mixed(run)) > 0
    assert watched["steps"] == 2 * watched["gradients"]
    for name, value in watched["policy"].model.state_dict().items():
        assert value.numpy().tobytes() == watched["start"][name].numpy().tobytes(), name


def log_likelihoods(
    model: Any, prompt: list[int], responses: list[list[int]], temperature: float
) -> list[torch.Tensor]:
    """Of each response by a plain pass over it alone."""
    values: list[torch.Tensor] = []
    for response in responses:
        logits = model(input_ids=torch.tensor([prompt + response]), use_cache=False).logits[0, len(prompt) - 1 : -1]
        logs = (logits / temperature).log_softmax(-1)
        values.append(logs.gather(-1, torch.tensor(response)[:, None]).sum())
    return values


@pytest.mark.parametrize(("optimizer", "temperature"), [("adamw", 1.0), ("sgd", 0.7)])
def test_the_ledger_s_changes_are_those_of_plain_torch(
    config: DiagnoseConfig, watched: dict[str, Any], optimizer: str, temperature: float
) -> None:
    run = diagnose(replace(config, arms=["w_reinforce", "none"], optimizer=optimizer, temperature=temperature))
    for size in SIZES:
        for question in mixed(run)[:2]:
            model = copy.deepcopy(watched["policy"].model)
            model.zero_grad()
            prompt = TOKENIZER(question["prompt"], add_special_tokens=False).input_ids
            responses = [[VOCABULARY[token] for token in answer["tokens"]] for answer in question["responses"]]
            correct = torch.tensor([answer["correct"] for answer in question["responses"]])
            rewards = correct.float()
            advantages = (rewards - rewards.mean()) / (rewards.std(correction=1) + 1e-4)
            before = log_likelihoods(model, prompt, responses, temperature)
            for answer, value in zip(question["responses"], before, strict=True):
                assert sum(answer["log_probs"]) == pytest.approx(float(value.detach()), abs=1e-4)
            tokens = sum(len(response) for response in responses)
            loss = -sum(a * value for a, value in zip(advantages, before, strict=True)) / tokens
            loss.backward()
            kind = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimizer]
            kind(model.parameters(), lr=size, weight_decay=0.0).step()
            with torch.no_grad():
                after = log_likelihoods(model, prompt, responses, temperature)
            change = torch.stack(after) - torch.stack(before).detach()
            row = changes(run, "none", size)[question["question"]]
            assert row["deltas_correct"] == pytest.approx(change[correct].tolist(), abs=1e-4)
            assert row["deltas_wrong"] == pytest.approx(change[~correct].tolist(), abs=1e-4)
            assert row["delta_correct"] == pytest.approx(float(change[correct].mean()), abs=1e-4)
            assert abs(row["delta_correct"]) > 1e-3


def test_the_greedy_answer_is_held_out_and_measured(config: DiagnoseConfig, watched: dict[str, Any]) -> None:
    run = diagnose(replace(config, arms=["none"], step_sizes=[1e-3]))
    question = mixed(run)[0]
    model, prompt = watched["policy"].model, TOKENIZER(question["prompt"], add_special_tokens=False).input_ids
    greedy: list[int] = []
    while len(greedy) < 6 and greedy[-1:] != [TOKENIZER.eos_token_id]:
        with torch.no_grad():
            greedy.append(int(model(input_ids=torch.tensor([prompt + greedy])).logits[0, -1].argmax()))
    assert TOKENIZER.decode(greedy, skip_special_tokens=True) == question["greedy"]["text"]
    assert len(question["responses"]) == 8


@pytest.mark.parametrize(
    ("options", "kept"),
    [({"vocabulary": "responses"}, len(TOKENIZER) - 1), ({"vocabulary": "top_k", "top_k": 3}, len(TOKENIZER))],
)
def test_scores_of_a_part_of_the_vocabulary_are_within_their_bound(
    finished: RunFolder, config: DiagnoseConfig, options: dict[str, Any], kept: int
) -> None:
    run = diagnose(replace(config, questions=8, arms=["none"], **options))
    for row, full in zip(mixed(run), mixed(finished), strict=True):
        assert row["vocabulary_rows"] <= kept
        assert row["error_bound"] > 0
        assert 0 < row["missing_mass"] < 1
        for ours, exact in zip(row["responses"], full["responses"], strict=True):
            assert ours["text"] == exact["text"]
            for score, expected in zip(ours["scores"], exact["scores"], strict=True):
                assert abs(score - expected) <= row["error_bound"] * (1 + 1e-4)
    assert run.read_json("page.json")["sections"]


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"advantages": "none"}, {"advantages": "population"}])
def test_other_settings_run_to_finite_figures(config: DiagnoseConfig, options: dict[str, Any]) -> None:
    run = diagnose(replace(config, arms=["none"], **options))
    assert all(math.isfinite(row["delta_correct"]) for row in run.ledger.rows("update"))
    assert run.summary["mixed"] > 0


def test_groups_without_contrast_are_counted_and_not_updated(config: DiagnoseConfig) -> None:
    run = diagnose(replace(config, max_new_tokens=1, rollouts=2, questions=8, arms=["none"]))
    status = [row["status"] for row in run.ledger.rows("question")]
    assert "all wrong" in status
    assert run.summary["all_wrong"] == status.count("all wrong")
    assert run.summary["mixed"] + run.summary["all_wrong"] + run.summary["all_correct"] == 8
    updated = {row["question"] for row in run.ledger.rows("update")}
    assert updated == {number for number, what in enumerate(status) if what == "mixed"}
    text = json.dumps(run.read_json("page.json"))
    assert f"{status.count('all wrong')} all wrong" in text


def test_no_mixed_group_at_all_is_a_finished_run_that_says_so(config: DiagnoseConfig, tmp_path: Path) -> None:
    path = tmp_path / "hard.jsonl"
    path.write_text(json.dumps({"question": "1 + 1 =", "answer": "123456"}) + "\n")
    run = diagnose(replace(config, tasks=str(path), questions=1))
    assert (run.summary["mixed"], run.summary["all_wrong"]) == (0, 1)
    assert run.ledger.rows("update") == []
    assert "no question had both correct and wrong answers" in run.read_json("page.json")["verdict"]["answer"]


def test_truncated_answers_are_flagged_and_counted(finished: RunFolder) -> None:
    cut = sum(response["truncated"] for row in finished.ledger.rows("question") for response in row["responses"])
    assert finished.summary["truncated_responses"] == cut > 0
    page = finished.read_json("page.json")
    sections = page["sections"]
    assert f"{cut} answers were cut off" in json.dumps(page)
    notes = [r["note"] for s in sections if s["kind"] == "tokens" for g in s["groups"] for r in g["responses"]]
    assert notes.count("cut off at the length limit") == sum(row["truncated"] for row in mixed(finished))


def poisoned(place: Path, folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> str:
    save_model(folder)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def test_a_poisoned_question_is_counted_and_the_others_go_on(
    finished: RunFolder, place: Path, config: DiagnoseConfig, tmp_path: Path
) -> None:
    token = VOCABULARY["h"]
    path = tmp_path / "q.jsonl"
    path.write_text((place / "q.jsonl").read_text() + json.dumps({"question": "h", "answer": "1"}) + "\n")
    poison = poisoned(place, tmp_path / "poisoned", lambda w: w["model.embed_tokens.weight"][token].fill_(math.nan))
    run = diagnose(replace(config, model=poison, tasks=str(path), questions=9, arms=["none"]))
    failed = [row for row in run.ledger.rows("question") if row["status"] == "failed"]
    assert "h" in {json.loads(line)["question"] for line in path.read_text().splitlines()} and failed
    assert all("finite" in row["reason"] for row in failed)
    assert "9" in {row["id"] for row in failed}
    assert run.summary["failed"] == len(failed)
    assert run.summary["mixed"] > 0
    assert run.summary["questions"] == 9
    table = run.read_json("page.json")["sections"][-1]
    assert sum(bool(row["reason"]) for row in table["rows"]) == len(failed)


def test_a_step_that_breaks_the_model_is_counted_and_the_next_arm_starts_whole(
    finished: RunFolder, config: DiagnoseConfig
) -> None:
    run = diagnose(replace(config, questions=8, arms=["none", "w_reinforce"], step_sizes=[1e39, 1e-3]))
    for arm in ("none", "w_reinforce"):
        broken = changes(run, arm, 1e39).values()
        assert all("finite" in row["error"] and row["delta_correct"] is None for row in broken)
        assert changes(run, arm, 1e-3) == changes(finished, arm, 1e-3)
    assert run.summary["lld_share/none@1e-03" if "lld_share/none@1e-03" in run.summary else "lld_share/none@0.001"] >= 0
    lead = run.read_json("page.json")["verdict"]["answer"]
    assert "no question had both" not in lead
    assert "nan" not in lead


def test_questions_too_long_for_the_model_are_counted(place: Path, config: DiagnoseConfig, tmp_path: Path) -> None:
    model = str(save_model(tmp_path / "gpt2", "gpt2"))
    path = tmp_path / "q.jsonl"
    rows = [{"question": "1 + 1 =", "answer": "2"}, {"question": "1 + " * 20 + "1 =", "answer": "1"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = diagnose(replace(config, model=model, tasks=str(path), questions=2, arms=["none"]))
    reasons = {row["id"]: row["reason"] for row in run.ledger.rows("question")}
    assert reasons["1"] is None
    assert "at most 64 together" in reasons["2"]


def test_a_finished_run_is_returned_as_it_is(config: DiagnoseConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    run = diagnose(replace(config, questions=1, arms=["none"]))
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    monkeypatch.setattr(wing, "load_policy", None)
    again = diagnose(replace(config, questions=1, arms=["none"], resume=True))
    assert again.summary == run.summary
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()} == before
