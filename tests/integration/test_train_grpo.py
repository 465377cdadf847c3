"""`antigrad train grpo` as a user runs it: on the tiny policy, with real questions and a real verifier."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.language.policy import load_policy

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TASK = "tiny_arithmetic(split=train)"
SMALL = "--questions 12 --held-out 8 --prompts 4 --rollouts 8 --rows-at-once 16 --max-new-tokens 24 --device cpu"


def command(output: Path, *more: str) -> list[str]:
    return ["train", "grpo", "--model", "tiny", "--tasks", TASK, *SMALL.split(), "--output", str(output), *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Twelve steps with NTHR, certified."""
    folder = tmp_path_factory.mktemp("grpo") / "run"
    more = [
        "--credit",
        "nthr(anchor=others)",
        "--steps",
        "12",
        "--learning-rate",
        "3e-4",
        "--measure-every",
        "2",
        "--evaluate-every",
        "12",
    ]
    more += ["--save-every", "12"]
    assert main(command(folder, *more, "--certify-every", "4", "--trl.lr_scheduler_type", "constant")) == 0
    return RunFolder.open(folder)


def test_it_learns_and_says_what_each_step_did(trained: RunFolder) -> None:
    train, tests = trained.ledger.rows("train"), trained.ledger.rows("evaluation")
    assert [row["step"] for row in train] == list(range(1, 13))
    assert [row["step"] for row in tests] == [0, 12]
    early, late = train[:4], train[-4:]
    assert sum(row["reward"] for row in late) > sum(row["reward"] for row in early)
    for row in train:
        assert 0 < row["credit/mixed"] <= 1
        assert 0 <= row["credit/selected"] < 1
        assert row["credit/anchor_min"] <= row["credit/anchor_mean"]
        assert row["credit/tau"] == pytest.approx(row["credit/anchor_min"], rel=1e-6)
        assert 0 <= row["credit/eta"] <= 1
        assert ("credit/delta_correct_step" in row) == (row["step"] % 2 == 0)
        if row["step"] % 2 == 0:
            assert row["credit/delta_correct_step"] > row["credit/delta_wrong_step"]
            assert min(row["credit/grad_norm_up"], row["credit/grad_norm_down"]) > 0
    assert [row["step"] for row in train if "certificate/cos" in row]


def test_the_summary_is_the_ledgers(trained: RunFolder) -> None:
    train, tests = trained.ledger.rows("train"), trained.ledger.rows("evaluation")
    summary = trained.summary
    assert summary["held_out_after"] == tests[-1]["reward"]
    assert summary["mean/selected"] == pytest.approx(sum(row["credit/selected"] for row in train) / 12)
    assert summary["states_from"] == "training_forward"
    page = json.loads((trained.path / "artifacts" / "page.json").read_text())
    assert f"{tests[0]['reward']:.1%} → {tests[-1]['reward']:.1%}" in page["verdict"]["answer"]
    assert (trained.path / "certificate" / "run.yaml").exists()


def test_the_certificate_has_a_page_and_the_training_leads_to_it(trained: RunFolder) -> None:
    assert '<a href="certificate/report.html">' in (trained.path / "report.html").read_text()
    assert "cos" in (trained.path / "certificate" / "report.html").read_text()


def test_responses_of_measured_steps_are_in_the_ledger_and_on_the_page(trained: RunFolder) -> None:
    rows = trained.ledger.rows("completions")
    assert {row["step"] for row in rows} == {2, 4, 6, 8, 10, 12}
    for row in rows:
        rewards = [one["reward"] for one in row["responses"]]
        assert len(rewards) == 8 and set(rewards) <= {0.0, 1.0}
        if len(set(rewards)) == 2:
            assert all((one["weights"][0] > 0) == one["correct"] for one in row["responses"])
    page = json.loads((trained.path / "artifacts" / "page.json").read_text())
    (shown,) = [section for section in page["sections"] if section["kind"] == "tokens"]
    assert 0 < len(shown["groups"]) <= 20
    assert shown["groups"][0]["prompt"] in {row["prompt"] for row in rows}
    assert "completions" not in RunFolder.open(trained.path).summary


def test_checkpoints_have_a_card_that_is_true(trained: RunFolder) -> None:
    for name in ("policy", "checkpoint-12"):
        card = (trained.path / "checkpoints" / name / "README.md").read_text()
        head, body = card.split("---\n")[1:3]
        assert yaml.safe_load(head)["tags"] == ["antigrad", "trl", "grpo"]
        assert "None" not in body and "| credit rule | `nthr(anchor=others)` |" in body and "step 12 of 12" in body
        last = trained.ledger.rows("evaluation")[-1]["reward"]
        held_out = body.partition("## On held-out data")[2]
        assert f"{last:.6g} |" in next(line for line in held_out.splitlines() if line.startswith("| reward |"))
        assert "3 certified steps" in body and "learning_rate: 0.0003" in body


def test_what_only_trl_refuses_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its trainer finds out that a package is missing; the run folder is there by then."""
    output = tmp_path / "run"
    assert main(command(output, "--steps", "1", "--trl.use_liger_kernel", "true")) == 1
    assert "liger" in capsys.readouterr().err.lower()
    assert not output.exists()
    assert main(command(output, "--steps", "1", "--evaluate-every", "0", "--log_completions", "false")) == 0
    assert not RunFolder.open(output).ledger.rows("completions")


def test_a_run_without_rows_or_evaluations_has_a_page_too(tmp_path: Path) -> None:
    """Fewer steps than one between rows; and a last step that used an earlier batch."""
    none = command(tmp_path / "none", "--steps", "1", "--log-every", "2", "--evaluate-every", "0")
    assert main(none) == 0
    assert RunFolder.open(tmp_path / "none").summary["steps"] == 1
    later = command(tmp_path / "later", "--steps", "2", "--updates", "2", "--evaluate-every", "0")
    assert main(later) == 0
    page = json.loads((tmp_path / "later" / "artifacts" / "page.json").read_text())
    assert page["verdict"]["answer"].startswith("Not measured: training reward")


def test_the_reward_is_the_verifiers() -> None:
    """Of the question asked, in whichever task it is."""
    from antigrad.language.tasks import load_task
    from antigrad.posttraining.train.grpo.data import Correct, prompt_rows

    one, two = (load_task(name, count=2, seed=0) for name in (TASK, "products"))
    judge = Correct([(one, one.questions), (two, two.questions)])
    asked = prompt_rows(one, one.questions) + prompt_rows(two, two.questions, 2)
    answers = [question.answer for task in (one, two) for question in task.questions]
    places = [row["question"] for row in asked]
    texts = [f"={answer}" for answer in answers]
    assert judge(texts, places) == [1.0] * 4
    assert judge([f"={int(answer) + 1}" for answer in answers], places) == [0.0] * 4
    assert judge([[{"role": "assistant", "content": texts[2]}]], [2]) == [1.0]


def test_what_was_trained_is_a_policy(trained: RunFolder) -> None:
    policy = load_policy(str(trained.path / "checkpoints" / "policy"), device="cpu")
    before = load_policy("tiny", device="cpu")
    moved = [
        float((a - b).abs().max()) for a, b in zip(policy.model.parameters(), before.model.parameters(), strict=True)
    ]
    assert 1e-5 < max(moved) < 1e-1


def test_a_file_of_settings_adapters_and_trl_options(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "credit: w_reinforce\nsteps: 2\ntrl:\n  loss_type: dr_grpo\n  scale_rewards: none\n"
    )
    more = [
        "--config",
        str(tmp_path / "c.yaml"),
        "--lora.r=4",
        "--lora.target_modules=all-linear",
        "--evaluate_every",
        "0",
    ]
    assert main(command(tmp_path / "run", *more)) == 0
    run = RunFolder.open(tmp_path / "run")
    assert run.facts["config"]["trl"] == {"loss_type": "dr_grpo", "scale_rewards": "none"}
    assert run.ledger.rows("setup")[0]["trained"] < 100_000
    assert not run.ledger.rows("evaluation")
    assert (run.path / "checkpoints" / "policy" / "adapter_model.safetensors").exists()


BAD: dict[str, tuple[list[str], list[str]]] = {
    "numbers": (
        ["--steps", "0", "--rollouts", "1", "--temperature", "0", "--learning_rate", "-1"],
        ["4 problems", "steps=0", "rollouts=1", "temperature=0", "learning_rate=-1"],
    ),
    "names": (
        ["--credit", "ntrh", "--style", "chatt", "--verifier", "mth"],
        ["did you mean 'chat'", "did you mean 'math'"],
    ),
    "rule": (["--credit", "thr"], ["unknown", "thr"]),
    "batch": (["--prompts", "3", "--rows_at_once", "16"], ["prompts × rollouts = 24"]),
    "questions": (["--prompts", "16"], ["prompts=16 of questions=12"]),
    "device": (["--device", "gpu"], ["device=gpu"]),
    "adapter": (["--lora.r=0"], ["lora.r=0"]),
    "penalty": (["--credit", "llds"], ["--updates", "penalty is 0"]),
    "kinds": (
        ["--trl.beta=abc", "--trl.num_iterations=0", "--trl.num_generations_eval=0", "--trl.shuffle_dataset=3"],
        ["4 problems", "trl.beta='abc': a number", "true or false"],
    ),
    "choices": (
        ["--trl.scale_rewards=grp", "--trl.importance_sampling_level=tokens", "--trl.multi_objective_aggregation=sum"],
        ["3 problems", "did you mean 'group'", "did you mean 'token'", "sum_then_normalize"],
    ),
    "theirs": (
        ["--trl.learning_rate=1", "--trl.los_type=dapo", "--lora.rr=3"],
        ["set --learning_rate instead", "did you mean 'loss_type'", "did you mean 'r'"],
    ),
    "sequence": (
        ["--credit", "nthr", "--trl.importance_sampling_level=sequence", "--trl.loss_type=gspo"],
        ["2 problems", "averages the weights", "gspo"],
    ),
    "unknown": (["--creddit", "nthr", "--stepz", "3"], ["did you mean 'credit'", "did you mean 'steps'"]),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_settings_are_said_at_once_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("antigrad.posttraining.train.models.load_any", never)
    more, said = BAD[name]
    assert main(command(tmp_path / "run", *more)) == 1
    error = capsys.readouterr().err
    for text in said:
        assert text in error
    assert not (tmp_path / "run").exists()


def test_adapters_that_fit_no_module_are_an_error_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(tmp_path / "run", "--lora.target_modules=[nosuch]")) == 1
    assert "nosuch" in capsys.readouterr().err


def test_prompts_that_do_not_divide_among_processes_are_refused(tmp_path: Path) -> None:
    from antigrad.core.errors import ManyInputsError
    from antigrad.posttraining.train.grpo import TrainGRPOConfig

    config = TrainGRPOConfig(model="tiny", output=tmp_path, prompts=3, rollouts=4, rows_at_once=6, device="cpu")
    with pytest.raises(ManyInputsError, match="a multiple of 2 is needed"):
        config.check(processes=2)
    config.check(processes=1)


def test_the_papers_settings_are_a_valid_file() -> None:
    """256 prompts of 8 in 4 updates: 64 prompts an update, as the paper has it."""
    import yaml

    from antigrad.posttraining.train.grpo import TrainGRPOConfig

    given = yaml.safe_load((Path(__file__).parents[2] / "examples" / "grpo_nthr.yaml").read_text())
    config = TrainGRPOConfig(**given | {"dtype": "float32", "device": "cpu"})
    config.check()
    arguments = config.arguments(processes=1)
    assert arguments.gradient_accumulation_steps * arguments.per_device_train_batch_size == 64 * 8
    assert arguments.steps_per_generation == 4 * arguments.gradient_accumulation_steps
    assert (arguments.beta, arguments.epsilon, arguments.loss_type) == (1e-4, 0.2, "dapo")
