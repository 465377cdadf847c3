"""`antigrad train bon` and `train rwr` as a user runs them, on the tiny policy and its own answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.core.page import ARTIFACT
from antigrad.language.policy import load_any, load_policy

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SMALL = "--model tiny --tasks tiny_arithmetic(split=train) --max-new-tokens 40 --device cpu --rows-at-once 4"


def command(job: str, output: Path, *more: str) -> list[str]:
    return ["train", job, *SMALL.split(), "--output", str(output), *more]


@pytest.fixture(scope="module", params=["bon", "rwr"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, RunFolder]:
    """Twelve steps in three rounds."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    more = "--questions 16 --held-out 4 --samples 8 --answers-a-step 8 --steps 12 --refresh 5 --learning-rate 3e-4"
    assert main(command(request.param, folder, *more.split(), "--certify-every", "6")) == 0
    return request.param, RunFolder.open(folder)


def kept(run: RunFolder, number: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.artifact(f"rounds/round-{number:05d}.jsonl").read_text().splitlines()]


def test_rounds_are_drawn_from_the_policy_as_it_is(trained: tuple[str, RunFolder]) -> None:
    job, run = trained
    rounds, (final,) = run.ledger.rows("round"), run.ledger.rows("final")
    assert [row["step"] for row in rounds] == [0, 5, 10] and final["step"] == 12
    assert [row["step"] for row in run.ledger.rows("train")] == list(range(1, 13))
    for number, row in enumerate(rounds):
        figures, *rows = kept(run, number)
        assert row["rows"] == len(rows) == figures["rows"]
        assert (row["questions"], row["answers"]) == (16, 128)
        assert 0 < row["accuracy"] < 1 and 0 <= row["held_out_accuracy"] <= 1
        asked = {one["question"] for one in rows}
        assert asked <= set(range(16))
        if job == "bon":
            assert len(rows) == len(asked) == 16 and {one["answer_weight"] for one in rows} == {1.0}
        else:
            for place in asked:
                weights = [one["answer_weight"] for one in rows if one["question"] == place]
                assert sum(weights) / len(weights) == pytest.approx(1)
            mixed = [one for one in rows if one["answer_weight"] > 1.001]
            assert mixed and all(one["correct"] for one in mixed)
    logged = {row["step"]: row["round/accuracy"] for row in run.ledger.rows("train") if "round/accuracy" in row}
    assert logged == {row["step"] + 1: pytest.approx(row["accuracy"]) for row in rounds}  # as trackers receive it
    assert len({json.dumps(kept(run, number)[1:]) for number in range(3)}) == 3
    # Supervised on what is right, the policy writes more of it: 16 questions with 8 answers each.
    assert final["accuracy"] > rounds[0]["accuracy"] + 0.05


def test_the_page_the_summary_and_the_policy(trained: tuple[str, RunFolder]) -> None:
    job, run = trained
    page = run.read_json(ARTIFACT)
    titles = [section["title"] for section in page["sections"]]
    assert titles == ["In short", "Accuracy", "Loss", "Rounds", "Steps"]
    table = next(section for section in page["sections"] if section["title"] == "Rounds")
    assert [row["round"] for row in table["rows"]] == [0, 1, 2]
    assert (run.path / "report.html").is_file()
    summary, final = run.summary, run.ledger.rows("final")[0]
    assert summary["accuracy_after"] == final["accuracy"] and summary["rounds"] == 3
    assert page["title"] == {"bon": "Best-of-N", "rwr": "Reward-weighted regression"}[job]
    policy = load_policy(str(run.path / "checkpoints" / "policy"), device="cpu")
    assert sum(one.numel() for one in policy.model.parameters()) == 992_000


def test_rows_are_the_tokens_that_were_sampled(trained: tuple[str, RunFolder]) -> None:
    from antigrad.language.rollouts import end_tokens
    from antigrad.language.tasks import load_task

    policy = load_policy("tiny", device="cpu")
    task = load_task("tiny_arithmetic(split=train)", count=20)
    for row in kept(trained[1], 1)[1:]:
        question = task.questions[row["question"]]
        prompt = policy.tokenizer(task.prompt(question, None)).input_ids
        assert row["input_ids"][: len(prompt)] == prompt
        assert row["labels"] == [-100] * len(prompt) + row["input_ids"][len(prompt) :]
        assert row["labels"][-1] in end_tokens(policy)
        assert policy.tokenizer.decode(row["input_ids"][len(prompt) :], skip_special_tokens=True) == row["text"]
        assert task.correct(row["text"], question) == row["correct"]


def test_best_of_n_offline_is_trl_s_supervised_fine_tuning_of_the_answers_kept(tmp_path: Path) -> None:
    """Against a script that a user of TRL would write."""
    import torch
    from datasets import Dataset
    from safetensors.torch import load_file
    from trl import SFTConfig, SFTTrainer

    more = "--questions 8 --held-out 0 --samples 4 --answers-a-step 8 --rows-at-once 8 --steps 1 --refresh 0"
    assert main(command("bon", tmp_path / "run", *more.split(), "--learning-rate", "1e-3")) == 0
    run = RunFolder.open(tmp_path / "run")
    rows = [{key: row[key] for key in ("input_ids", "labels")} for row in kept(run, 0)[1:]]
    assert len(rows) == 8
    policy = load_policy("tiny", device="cpu")
    options: dict[str, Any] = {"use_cpu": True, "bf16": False, "report_to": [], "gradient_checkpointing": False}
    arguments = SFTConfig(
        output_dir=str(tmp_path / "trl"), per_device_train_batch_size=8, max_steps=1, learning_rate=1e-3,
        max_length=None, seed=0, disable_tqdm=True, save_strategy="no", **options,
    )  # fmt: skip
    trainer: Any = SFTTrainer(
        model=policy.model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=policy.tokenizer
    )
    trainer.train()
    saved = load_file(tmp_path / "run" / "checkpoints" / "policy" / "model.safetensors")
    theirs = {name: value for name, value in trainer.model.state_dict().items() if name in saved}
    before = load_policy("tiny", device="cpu").model.state_dict()
    # One batch of the same eight rows in another order: equal up to the order of sums.
    for name, value in theirs.items():
        torch.testing.assert_close(saved[name], value, atol=2e-5, rtol=0)
    assert any((saved[name] - before[name]).abs().max() > 5e-4 for name in theirs)


def test_an_adapter_is_trained_and_trained_on(tmp_path: Path) -> None:
    import torch

    more = "--questions 8 --held-out 0 --samples 4 --answers-a-step 4 --steps 2 --refresh 1 --learning-rate 1e-3"
    assert main(command("rwr", tmp_path / "one", *more.split(), "--lora.r", "4")) == 0
    first = tmp_path / "one" / "checkpoints" / "policy"
    assert (first / "adapter_model.safetensors").is_file() and not (first / "model.safetensors").is_file()
    again = ["train", "bon", *SMALL.split(), *more.split(), "--output", str(tmp_path / "two"), "--model", str(first)]
    assert main(again) == 0
    second = tmp_path / "two" / "checkpoints" / "policy"
    tables = [load_any(str(one), device="cpu").model.state_dict() for one in ("tiny", first, second)]
    moved = [
        max(float((new[name] - old[name]).abs().max()) for name in old)
        for old, new in ((tables[0], tables[1]), (tables[1], tables[2]))
    ]
    assert min(moved) > 0
    frozen = [name for name in tables[0] if "norm" in name or "embed" in name]
    assert frozen and all(torch.equal(tables[0][name], tables[2][name]) for name in frozen)


def test_nothing_to_train_on_is_an_error_before_there_is_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "--questions 2 --held-out 0 --samples 2 --max-new-tokens 1 --only-correct"
    assert main([*command("bon", tmp_path / "run"), *more.split()]) == 1
    assert "none to train on" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
