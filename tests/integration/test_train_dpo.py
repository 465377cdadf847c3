"""`antigrad train dpo` as a user runs it: on the tiny policy, on its own answers and on pairs from a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.core.ledger import Ledger
from antigrad.core.page import ARTIFACT
from antigrad.language.policy import load_policy
from antigrad.objectives.pairs.vpo import constraint
from antigrad.posttraining.train.dpo.data import FILE
from helpers import jobs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
OWN = (
    "--tasks tiny_arithmetic(split=train) --answer-marker = --questions 16 --samples 8 --max-new-tokens 40 --held-out 8"
)
SMALL = "--model tiny --pairs-a-step 4 --rows-at-once 4 --device cpu"


def command(output: Path, *more: str) -> list[str]:
    return ["train", "dpo", *SMALL.split(), "--output", str(output), *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Twelve steps with VPO on its own answers."""
    folder = tmp_path_factory.mktemp("dpo") / "run"
    more = (
        "--credit vpo --steps 12 --beta 0.5 --learning-rate 3e-4 --measure-every 4 --evaluate-every 6 --certify-every 6"
    )
    assert main(command(folder, *OWN.split(), *more.split())) == 0
    return RunFolder.open(folder)


def test_it_learns_and_says_where_the_mass_went(trained: RunFolder) -> None:
    train, tests = trained.ledger.rows("train"), trained.ledger.rows("evaluation")
    assert [row["step"] for row in train] == list(range(1, 13))
    assert [row["step"] for row in tests] == [0, 6, 12]
    assert tests[0]["rewards/margins"] == 0 and tests[0]["loss"] == pytest.approx(0.6931, abs=1e-4)
    assert sum(row["loss"] for row in train[-4:]) < sum(row["loss"] for row in train[:4])
    for row in train:
        assert 0 < row["credit/factor"] <= 1 and 0 <= row["credit/constrained"] <= 1
        assert row["rewards/margins"] == pytest.approx(row["rewards/chosen"] - row["rewards/rejected"], abs=1e-5)
        assert ("probe/chosen" in row) == (row["step"] % 4 == 0)
    for name in ("rejected", "initial", "other_train", "other_test", "random_tokens", "argmax_path", "outside"):
        assert f"probe/{name}" in train[3], name
    assert [row["step"] for row in train if "certificate/cos" in row]


def test_pairs_have_the_factors_of_their_own_pvi(trained: RunFolder) -> None:
    import torch

    lines = [json.loads(line) for line in trained.artifact("pairs.jsonl").read_text().splitlines()]
    pairs = [line for line in lines if line["side"] == "train"]
    assert len(pairs) == trained.summary["pairs"]
    held_out = {line["prompt"] for line in lines if line["side"] == "held_out"}
    assert held_out and not held_out & {line["prompt"] for line in pairs}
    factors = 1 - constraint(torch.tensor([line["pvi"] for line in pairs], dtype=torch.float64))
    assert trained.summary["factor_mean"] == pytest.approx(factors.mean().item(), abs=1e-6)
    assert trained.summary["pvi_negative"] == pytest.approx(sum(line["pvi"] < 0 for line in pairs) / len(pairs))


def test_the_page_and_the_policy(trained: RunFolder) -> None:
    page = trained.read_json(ARTIFACT)
    titles = [section["title"] for section in page["sections"]]
    for title in ("In short", "Rewards", "Log-probabilities", "Where the mass went", "Factors by vpo", "Steps"):
        assert title in titles
    assert (trained.path / "report.html").is_file()
    policy = load_policy(str(trained.path / "checkpoints" / "policy"), device="cpu")
    assert sum(one.numel() for one in policy.model.parameters()) == 992_000


def pairs_file(path: Path, *more: dict[str, Any], count: int = 12) -> Path:
    rows = [
        {
            "prompt": f"{n}+{n}+1+1=",
            "chosen": f"{2 * n}+1+1={2 * n + 1}+1={2 * n + 2}",
            "rejected": f"{2 * n}+1={2 * n + 3}",
        }
        | {"answer": str(2 * n + 2)}
        for n in range(1, count + 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    return path


def test_pairs_from_a_file_and_rows_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad: list[dict[str, Any]] = [
        {"prompt": "1+1=", "chosen": "2", "rejected": "2"},
        {"prompt": "1+1=", "chosen": "2", "rejected": None},
        {"prompt": "1+1=", "chosen": "2", "rejected": "3" * 100},
    ]
    source = pairs_file(tmp_path / "pairs.jsonl", *bad)
    more = ["--pairs", str(source), "--credit", "safe", "--steps", "2", "--held-out", "2", "--max-length", "60"]
    assert main([*command(tmp_path / "run", *more), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pairs"], summary["held_out"], summary["excluded"]) == (10, 2, 3)
    page = RunFolder.open(tmp_path / "run").read_json(ARTIFACT)
    table = next(section for section in page["sections"] if section["title"] == "Rows left out")
    assert [(row["row"], row["reason"]) for row in table["rows"]] == [
        (13, "identical"),
        (14, "one-sided"),
        (15, "over-long"),
    ]


def test_credit_none_is_trl_as_it_is(tmp_path: Path) -> None:
    """Against a script that a user of TRL would write, on the same pairs."""
    import torch
    from datasets import Dataset
    from safetensors.torch import load_file
    from trl import DPOConfig, DPOTrainer

    source = pairs_file(tmp_path / "pairs.jsonl")
    more = [
        "--pairs",
        str(source),
        "--steps",
        "3",
        "--held-out",
        "0",
        "--learning-rate",
        "1e-4",
        "--measure-every",
        "1",
    ]
    assert main(command(tmp_path / "run", *more)) == 0
    policy = load_policy("tiny", device="cpu")
    options: dict[str, Any] = {"use_cpu": True, "bf16": False, "report_to": [], "gradient_checkpointing": False}
    arguments = DPOConfig(
        output_dir=str(tmp_path / "trl"), per_device_train_batch_size=4, max_steps=3, beta=0.05, learning_rate=1e-4,
        max_length=512, seed=0, disable_tqdm=True, save_strategy="no", **options,
    )  # fmt: skip
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    trainer: Any = DPOTrainer(
        model=policy.model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=policy.tokenizer
    )
    trainer.train()
    saved = load_file(tmp_path / "run" / "checkpoints" / "policy" / "model.safetensors")
    theirs = {name: value for name, value in trainer.model.state_dict().items() if name in saved}
    assert len(theirs) == len(saved) and all(torch.equal(value, saved[name]) for name, value in theirs.items())


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            ["--credit", "vpoo", "--beta", "0", "--steps", "0"],
            ["3 problems", "beta=0", "steps=0", "did you mean 'vpo'"],
        ),
        (["--credit", "vpo", "--trl.loss_type", "aot"], ["aot sorts pairs apart"]),
        (["--trl.max_length", "9"], ["trl.max_length: set --max_length instead"]),
        (["--pairs-a-step", "6"], ["a multiple"]),
        (["--pairs", "nowhere.jsonl"], ["nowhere.jsonl"]),
        (["--save-every", "3", "--log-every", "2"], ["save_every=3"]),
        (
            ["--refresh", "2", "--pairs", "a.jsonl", "--trl.precompute_ref_log_probs", "true"],
            ["2 problems", "only answers to tasks", "precompute_ref_log_probs with refresh=2"],
        ),
    ],
)
def test_bad_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: list[str]) -> None:
    assert main(command(tmp_path / "run", *more)) == 1
    err = capsys.readouterr().err
    for text in says:
        assert text in err, err
    assert not (tmp_path / "run").exists()


def test_bad_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear error each, and nothing left behind."""
    cases = [
        ([{"prompt": "1+1=", "chosen": "2"}], "none", "rejected too"),
        ([{"prompt": "1+1=", "chosen": "2", "rejected": "3"}] * 2, "vpo", "no answer in rows [1]"),
        ([{"prompt": "1+1=", "chosen": "2", "rejected": "3"}] * 2, "gap", "no reward_gap in rows [1]"),
        ([{"prompt": "1+1=", "chosen": "2", "rejected": "3", "reward_gap": 2}], "gap", "at most 1"),
        (
            [
                {"prompt": "1+1=", "chosen": "2", "rejected": "3"},
                {"chosen": [{"role": "user", "content": "a"}], "rejected": [{"role": "user", "content": "b"}]},
            ],
            "none",
            "chat template",
        ),
    ]
    for number, (rows, credit, says) in enumerate(cases):
        source = tmp_path / f"{number}.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        more = ["--pairs", str(source), "--credit", credit, "--held-out", "0"]
        assert main(command(tmp_path / "run", *more)) == 1, number
        assert says in " ".join(capsys.readouterr().err.split()), number
        assert not (tmp_path / "run").exists()


def test_what_only_later_rows_have_is_kept() -> None:
    from antigrad.core import InputValueError
    from antigrad.posttraining.pairs.pair import Pair
    from antigrad.posttraining.train.dpo.data import alike, split

    rows = alike([{"row": 1, "prompt": "a"}, {"row": 2, "prompt": "b", "tools": "[]"}])
    assert [row["tools"] for row in rows] == [None, "[]"]
    with pytest.raises(InputValueError, match="not in"):
        alike([{"row": 1}, {"row": 2, "chat_template_kwargs": {"a": 1}}])
    pairs = [Pair(n, prompt, "x", "y") for n, prompt in enumerate("aabbbc")]
    assert split(pairs, 1) == ([0, 1, 2, 3, 4], [5])
    assert split(pairs, 2) == ([0, 1], [2, 3, 4, 5])
    assert split(pairs, 99) == ([0, 1], [2, 3, 4, 5])  # one prompt is left to train on


ROUNDS = "--steps 7 --refresh 3 --beta 0.5 --learning-rate 3e-4 --measure-every 2 --evaluate-every 4"


@pytest.fixture(scope="module")
def in_rounds(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Seven steps in three rounds, with a rule."""
    folder = tmp_path_factory.mktemp("rounds") / "run"
    assert main(command(folder, *OWN.split(), *ROUNDS.split(), "--credit", "vpo")) == 0
    return RunFolder.open(folder)


def kept(run: RunFolder, number: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.artifact(f"rounds/round-{number:05d}.jsonl").read_text().splitlines()]


def test_on_policy_rounds_sample_judge_pair_and_go_on(in_rounds: RunFolder) -> None:
    from antigrad.language.tasks import load_task

    run = in_rounds
    rounds, (final,) = run.ledger.rows("round"), run.ledger.rows("final")
    assert [row["step"] for row in rounds] == [0, 3, 6] and final["step"] == 7
    lines = [json.loads(line) for line in run.artifact("pairs.jsonl").read_text().splitlines()]
    held_out = {line["prompt"] for line in lines if line["side"] == "held_out"}
    pairs = [[line for line in lines if line["side"] == "train"], *(kept(run, number)[1:] for number in (1, 2))]
    task = load_task("tiny_arithmetic(split=train)", count=16)
    questions = {task.prompt(question, None): question for question in task.questions}
    for row, found in zip(rounds, pairs, strict=True):
        assert row["pairs"] == len(found) > 0
        assert row["questions"] == 16 - len(held_out) and row["answers"] == 8 * row["questions"]
        assert 0 < row["accuracy"] < 1 and 0 <= row["zero_variance"] < row["questions"]
        assert row["zero_variance"] <= row["questions"] - len({pair["prompt"] for pair in found})
        for pair in found:
            assert pair["prompt"] not in held_out and isinstance(pair["pvi"], float)
            question = questions[pair["prompt"]]
            assert task.correct(pair["chosen"], question) and not task.correct(pair["rejected"], question)
    texts = [{(pair["prompt"], pair["chosen"], pair["rejected"]) for pair in found} for found in pairs]
    assert texts[0] != texts[1] != texts[2]
    titles = [section["title"] for section in run.read_json(ARTIFACT)["sections"]]
    assert {"Accuracy", "Rounds"} <= set(titles)
    assert run.summary["accuracy_after"] == final["accuracy"] and run.summary["rounds"] == 3


def test_a_round_is_trained_on_and_the_reference_stays(in_rounds: RunFolder, tmp_path: Path) -> None:
    """The first round is the offline run's pairs; later ones have a margin to the policy that training began with."""
    offline = tmp_path / "offline"
    assert main(command(offline, *OWN.split(), *ROUNDS.split(), "--credit", "vpo", "--refresh", "0")) == 0
    theirs, ours = RunFolder.open(offline).ledger.rows("train"), in_rounds.ledger.rows("train")
    offline_pairs = set((offline / "artifacts" / "pairs.jsonl").read_text().splitlines())
    assert offline_pairs == set(in_rounds.artifact("pairs.jsonl").read_text().splitlines())
    assert not RunFolder.open(offline).ledger.rows("round")
    # In the first step the policy is the reference, whatever the order of the pairs.
    assert ours[0]["loss"] == theirs[0]["loss"] == pytest.approx(0.6931, abs=1e-4)
    # A reference that were renewed with the pairs would set the loss back to log 2 with every round.
    assert abs(ours[3]["rewards/margins"]) > 1e-3 and ours[3]["loss"] != pytest.approx(0.6931, abs=1e-4)


def test_an_adapter_is_trained_on_as_it_is_and_is_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from safetensors.torch import load_file

    source = pairs_file(tmp_path / "pairs.jsonl")
    more = ["--pairs", str(source), "--held-out", "2", "--learning-rate", "1e-3", "--steps", "3", "--beta", "0.5"]
    assert main(command(tmp_path / "one", *more, "--lora.r", "4")) == 0
    first = tmp_path / "one" / "checkpoints" / "policy"
    again = [*command(tmp_path / "two", *more, "--credit", "safe"), "--model", str(first)]
    assert main([*again, "--lora.r", "4"]) == 1
    assert "an adapter: it is trained on as it is" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()
    assert main(again) == 0
    second = tmp_path / "two" / "checkpoints" / "policy"
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (first, second))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    # The reference is the adapter as it was, not the model without it: the first margin is 0.
    assert RunFolder.open(tmp_path / "two").ledger.rows("evaluation")[0]["rewards/margins"] == 0
    load_policy(str(second), device="cpu")


def test_pairs_that_the_model_can_t_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"prompt": "1+1=", "chosen": "2", "rejected": "3" * length} for length in (3, 200, 300)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ["--pairs", str(tmp_path / "pairs.jsonl"), "--held-out", "0"]
    assert main(command(tmp_path / "run", *more)) == 1
    err = capsys.readouterr().err
    assert "row 2" in err and "row 3" in err and "row 1" not in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("--loss dpop(beta=0.5,penalty=5)", "Did dpop(beta=0.5,penalty=5) with"),
        ("--trl.loss_type=ipo", "Did ipo with"),
    ],
)
def test_a_loss_of_ours_and_one_of_trl_s_are_told(tmp_path: Path, more: str, says: str) -> None:
    folder = tmp_path / "run"
    assert main(command(folder, *OWN.split(), *f"{more} --steps 2 --measure-every 0 --evaluate-every 0".split())) == 0
    run = RunFolder.open(folder)
    assert says in run.artifact(ARTIFACT).read_text()
    assert len(run.ledger.rows("train")) == 2


def test_an_evaluation_is_a_mean_over_pairs(tmp_path: Path) -> None:
    """Three held-out pairs are the same three in batches of two and of one."""
    found = list[dict[str, Any]]()
    for size in (1, 2):
        words = jobs.words("train dpo", {}, tmp_path / str(size))
        assert main([*words, "--held-out", "3", "--rows-at-once", str(size)]) == 0
        found.append(RunFolder.open(tmp_path / str(size)).ledger.rows("evaluation")[-1])
    pairs = sum(1 for row in Ledger(tmp_path / "2" / "artifacts" / FILE) if row["side"] == "held_out")
    assert pairs % 2 == 1  # the last batch of two has one
    for name in ("rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen", "logps/rejected"):
        assert found[1][name] == pytest.approx(found[0][name], abs=1e-4)
    assert found[1]["rewards/accuracies"] * pairs == pytest.approx(round(found[1]["rewards/accuracies"] * pairs))
