"""Pre-training learns, repeats itself, and goes on after a kill to the same weights."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antigrad.core.errors import AntigradError
from antigrad.core.runs import RunFolder
from antigrad.language.tasks.arithmetic import Problem, split_of
from antigrad.language.tiny.policy import new_policy
from antigrad.language.tiny.pretrain import job as module
from antigrad.language.tiny.pretrain.job import batch, pretrain
from antigrad.language.tiny.pretrain.settings import PretrainConfig
from antigrad.language.tiny.tokenizer import make_tokenizer


def short(output: Path, resume: bool = False) -> PretrainConfig:
    return PretrainConfig(output, steps=9, every=3, questions=2, batch_size=4, resume=resume)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return pretrain(short(tmp_path_factory.mktemp("whole") / "run"))


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.path / "checkpoints" / "policy" / "model.safetensors")


def same(a: RunFolder, b: RunFolder) -> bool:
    ours, theirs = weights(a), weights(b)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_labels_are_the_answer_and_its_end() -> None:
    made = batch(make_tokenizer(), [Problem("2*3=", "6", 6), Problem("1+1+1=", "2+1=3", 3)])
    assert made["input_ids"][0].tolist() == [5, 15, 6, 16, 9, 1, 0, 0, 0, 0, 0, 0]
    assert made["labels"].tolist() == [
        [-100, -100, -100, -100, 9, 1, -100, -100, -100, -100, -100, -100],
        [-100, -100, -100, -100, -100, -100, 5, 13, 4, 16, 6, 1],
    ]


def test_padding_changes_no_loss() -> None:
    policy, problems = new_policy(0), [Problem("2*3=", "6", 6), Problem("1+1+1=", "2+1=3", 3)]
    with torch.no_grad():
        alone = [policy.model(**batch(policy.tokenizer, [problem])).loss for problem in problems]
        together = policy.model(**batch(policy.tokenizer, problems)).loss
    # 2 and 6 tokens count; the loss is the mean over tokens.
    torch.testing.assert_close(together, (2 * alone[0] + 6 * alone[1]) / 8)


def test_new_policies_follow_the_seed_and_have_a_tied_plain_head() -> None:
    state = torch.get_rng_state()
    a, b, other = new_policy(3).model, new_policy(3).model, new_policy(4).model
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(a.lm_head.weight, b.lm_head.weight)
    assert not torch.equal(a.lm_head.weight, other.lm_head.weight)
    assert a.lm_head.weight is a.model.embed_tokens.weight


def test_the_loss_falls(tmp_path: Path) -> None:
    run = pretrain(PretrainConfig(tmp_path / "run", steps=60, every=20, questions=2, batch_size=8))
    losses = run.ledger.table("evaluation")["loss"]
    assert losses[0] > losses[1] + 0.2 and losses[1] > losses[2] + 0.1


def test_a_run_leaves_rows_figures_a_page_and_a_policy(whole: RunFolder) -> None:
    assert [row["step"] for row in whole.ledger.rows("evaluation")] == [3, 6, 9]
    assert whole.summary["steps"] == 9 and whole.summary["questions"] == 8
    assert whole.read_json("page.json")["sections"][1]["figure"]["data"][0]["x"] == [3, 6, 9]
    folder = whole.path / "checkpoints" / "policy"
    card = json.loads((folder / "card.json").read_text())
    assert card["figures"] == whole.summary and card["settings"]["steps"] == 9 and "torch" in card["versions"]
    names = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert names | {"card.json"} == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("killed_after", [0, 5, 6, 9])
def test_a_killed_run_goes_on_to_the_same_weights(
    whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    one_step, evaluate = module._Training.one_step, module._Training.evaluate

    def stop(training: module._Training) -> None:
        if training.step == killed_after:
            raise KeyboardInterrupt

    def step_or_stop(training: module._Training) -> float:
        stop(training)
        return one_step(training)

    def evaluate_or_stop(training: module._Training, problems: list[Problem], loss: float) -> None:
        if training.step == 9:
            stop(training)
        evaluate(training, problems, loss)

    with monkeypatch.context() as patch:
        patch.setattr(module._Training, "one_step", step_or_stop)
        patch.setattr(module._Training, "evaluate", evaluate_or_stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain(short(tmp_path / "run"))
    torch.rand(7)  # the global stream is somewhere else by now
    again = pretrain(short(tmp_path / "run", resume=True))
    assert same(whole, again)
    assert again.ledger.rows() == whole.ledger.rows() and again.summary == whole.summary


def test_a_kill_between_row_and_checkpoint_leaves_one_row(
    whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.Checkpoints, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            pretrain(short(tmp_path / "run"))
    assert len(RunFolder.open(tmp_path / "run").ledger.rows()) == 1
    again = pretrain(short(tmp_path / "run", resume=True))
    assert same(whole, again) and again.ledger.rows() == whole.ledger.rows()


def test_training_stops_at_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.2, 0.45, 0.7, 0.9])
    real = module.measure_accuracy

    def measured(*args: object, **options: object) -> object:
        return replace(real(*args, **options), accuracy=next(shares))  # pyright: ignore

    monkeypatch.setattr(module, "measure_accuracy", measured)
    run = pretrain(PretrainConfig(tmp_path / "run", steps=9, every=2, target=0.4, questions=2, batch_size=2))
    assert [row["step"] for row in run.ledger.rows()] == [2, 4]
    assert run.summary["steps"] == 4 and run.summary["accuracy"] == 0.7


def test_only_training_questions_are_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Problem] = []

    def watched(tokenizer: object, problems: list[Problem]) -> dict[str, torch.Tensor]:
        seen.extend(problems)
        return batch(tokenizer, problems)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(module, "batch", watched)
    pretrain(short(tmp_path / "run"))
    assert len(seen) == 36 == len({problem.question for problem in seen})
    assert {split_of(problem.question) for problem in seen} == {"train"}


def test_a_finished_run_is_given_back(whole: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "new_policy", lambda seed: pytest.fail("trained again"))
    assert pretrain(short(whole.path, resume=True)).summary == whole.summary


def test_all_problems_of_the_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(AntigradError) as caught:
        pretrain(PretrainConfig(tmp_path / "run", target=1.2, steps=0, learning_rate=-1.0, threads=0))
    for name in ("target=1.2", "steps=0", "learning_rate=-1.0", "threads=0"):
        assert name in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_evaluations_ask_held_out_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[Problem]] = []
    real = module.measure_accuracy

    def watched(policy: object, problems: list[Problem], *, seed: int) -> object:
        asked.append(problems)
        return real(policy, problems, seed=seed)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(module, "measure_accuracy", watched)
    pretrain(short(tmp_path / "run"))
    *stopping, last = asked
    assert stopping[0] == stopping[1] == stopping[2] and len(stopping[0]) == 2 and len(last) == 8
    assert {split_of(problem.question) for problem in stopping[0] + last} == {"test"}
    assert not {problem.question for problem in stopping[0]} & {problem.question for problem in last}
