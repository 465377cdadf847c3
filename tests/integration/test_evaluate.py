"""`antigrad evaluate` as a user runs it: the shipped tiny policy, small checkpoints, and everything that can fail."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from antigrad.cli.main import main
from antigrad.core import AntigradError, RunFolder
from antigrad.language import vllm
from antigrad.language.policy import load_any
from antigrad.posttraining.evaluate import EvaluateConfig, evaluate
from antigrad.posttraining.evaluate import job as wing
from helpers.evaluations import save_adapter, save_checkpoints


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoints(tmp_path_factory.mktemp("evaluate"))


@pytest.fixture
def config(place: Path, tmp_path: Path) -> EvaluateConfig:
    return EvaluateConfig(
        model=[str(place / "moved"), str(place / "copy")], base=str(place / "base"), tasks=str(place / "q.jsonl"),
        questions=5, samples=24, max_new_tokens=6, device="cpu", resamples=200, output=tmp_path / "run",
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(place: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return evaluate(
        EvaluateConfig(
            model=[str(place / "moved"), str(place / "copy")],
            base=str(place / "base"),
            tasks=str(place / "q.jsonl"),
            questions=5,
            samples=24,
            max_new_tokens=6,
            device="cpu",
            resamples=200,
            output=tmp_path_factory.mktemp("finished") / "run",
        )
    )


def of(run: RunFolder, name: str) -> list[dict[str, Any]]:
    return [row for row in run.ledger.rows("answers") if Path(row["model"]).name == name]


def test_the_tiny_policy_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "evaluate --model tiny --tasks tiny_arithmetic --questions 6 --samples 8 --k 1,8 --max-new-tokens 40 "
    words += f"--device cpu --output {tmp_path / 'run'} --json"
    assert main(words.split()) == 0
    figures = json.loads(capsys.readouterr().out)
    assert 0.2 < figures["pass@1/tiny"] < figures["pass@8/tiny"] <= 1
    assert figures["pass@1_low/tiny"] < figures["pass@1/tiny"] < figures["pass@1_high/tiny"]
    assert figures["truncated_share/tiny"] == 0
    assert 0 < figures["entropy/tiny"] < 1
    rows = RunFolder.open(tmp_path / "run").ledger.rows("answers")
    assert [len(row["verdicts"]) for row in rows] == [8] * 6
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Evaluation of tiny on tiny_arithmetic" in page
    assert "Solved by one alone" not in page


def test_rows_are_what_the_model_says_of_its_samples(finished: RunFolder, place: Path) -> None:
    policy = load_any(str(place / "moved"), device="cpu")
    for row in of(finished, "moved"):
        assert sum(answer["count"] for answer in row["responses"]) == len(row["verdicts"]) == 24
        assert len(row["responses"]) == row["distinct"] > 3
        assert sum(answer["count"] for answer in row["responses"] if answer["correct"]) == sum(row["verdicts"])
        assert row["tokens"] == sum(answer["count"] * answer["tokens"] for answer in row["responses"])
        good = [(answer["count"], answer["log_prob"]) for answer in row["responses"] if answer["correct"]]
        if good:
            mean = sum(count * value for count, value in good) / sum(count for count, _ in good)
            assert row["log_prob_correct"] == pytest.approx(mean)
        assert 0 < row["entropy"] < math.log(len(policy.tokenizer))


def test_probes_are_the_base_s_and_measured_under_each_checkpoint(finished: RunFolder, place: Path) -> None:
    policy = load_any(str(place / "moved"), device="cpu")
    seen = 0
    for base, row in zip(of(finished, "base"), of(finished, "moved"), strict=True):
        assert len(base["probes"]) == len(base["probe_log_probs"]) == len(row["probe_log_probs"])
        assert len(base["probes"]) <= max(1, base["distinct_correct"])
        if base["probes"]:
            assert base["probe_log_probs"][0] == max(base["probe_log_probs"])
            assert base["probe_log_probs"][1:] == sorted(base["probe_log_probs"][1:])
        prompt = policy.tokenizer(f"{base['text']}\nA:", add_special_tokens=False).input_ids
        for ids, expected in zip(base["probes"], row["probe_log_probs"], strict=True):
            with torch.no_grad():
                logits = policy.model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
            value = logits.log_softmax(-1).gather(-1, torch.tensor(ids)[:, None]).sum()
            assert expected == pytest.approx(float(value), abs=1e-4)
            seen += 1
    assert seen > 5


def test_equal_weights_answer_alike_and_nothing_is_gained_or_lost(finished: RunFolder) -> None:
    for base, copy in zip(of(finished, "base"), of(finished, "copy"), strict=True):
        assert {key: copy[key] for key in copy if key != "model"} == {
            key: base[key] for key in base if key not in ("model", "probes")
        }
    summary = finished.summary
    assert [summary[f"gain@{k}/copy"] for k in (1, 2, 4, 8, 16, 24)] == [0.0] * 6
    assert summary["solved_only_base/copy"] == summary["solved_only_model/copy"] == 0
    assert summary["probe_change_rare/copy"] == summary["reach_expansion/copy"] == 0
    assert any(summary[f"gain@{k}/moved"] != 0 for k in (1, 2, 4, 8, 16, 24))
    assert summary["probe_change_rare/moved"] != 0


def test_rows_at_once_changes_nothing_beyond_rounding(finished: RunFolder, config: EvaluateConfig) -> None:
    other = evaluate(replace(config, rows_at_once=5))
    for ours, theirs in zip(other.ledger.rows("answers"), finished.ledger.rows("answers"), strict=True):
        for key in ("model", "verdicts", "tokens", "distinct", "greedy", "probes"):
            assert ours.get(key) == theirs.get(key)
        assert [answer["text"] for answer in ours["responses"]] == [answer["text"] for answer in theirs["responses"]]
        assert ours["entropy"] == pytest.approx(theirs["entropy"], rel=1e-5)


def test_fewer_checkpoints_questions_and_samples_are_the_first_of_more(
    finished: RunFolder, config: EvaluateConfig
) -> None:
    few = evaluate(replace(config, model=config.model[:1], questions=2, samples=7, base=None))
    for ours, theirs in zip(few.ledger.rows("answers"), of(finished, "moved"), strict=False):
        assert ours["verdicts"] == theirs["verdicts"][:7]
        assert ours["text"] == theirs["text"]
    assert few.summary["questions"] == 2
    other = evaluate(replace(config, model=config.model[:1], base=None, seed=1, output=config.output / ".." / "other"))
    assert [row["text"] for row in other.ledger.rows("answers")] != [row["text"] for row in of(finished, "moved")]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks by an old name
def test_an_adapter_is_merged_into_the_base(place: Path, config: EvaluateConfig, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="peft is not installed")
    adapter = str(save_adapter(tmp_path / "adapter", place / "base"))
    run = evaluate(replace(config, model=[adapter], questions=2))
    assert run.summary["probe_change_rare/adapter"] != 0
    assert len({row["weights"] for row in run.ledger.rows("model")}) == 1
    path = Path(adapter) / "adapter_config.json"
    path.write_text(path.read_text().replace(str(place / "base"), "/nowhere/base"))
    with pytest.raises(AntigradError, match=r"'/nowhere/base', which is not there"):
        load_any(adapter, device="cpu")
    with pytest.raises(AntigradError, match="or name it with --base"):
        evaluate(replace(config, model=[adapter], base=None, output=tmp_path / "alone"))
    again = evaluate(replace(config, model=[adapter], questions=2, output=tmp_path / "again"))
    assert again.summary["probe_change_rare/adapter"] == run.summary["probe_change_rare/adapter"]


def test_a_broken_checkpoint_is_one_clear_error_and_the_others_go_on(
    finished: RunFolder, place: Path, config: EvaluateConfig
) -> None:
    run = evaluate(replace(config, model=[str(place / "broken"), str(place / "moved")]))
    assert run.summary["failed_checkpoints"] == 1
    assert of(run, "broken") == []
    assert of(run, "moved") == of(finished, "moved")
    assert "broken could not be evaluated" in " ".join(run.read_json("page.json")["verdict"]["caveats"])
    failed = [row for row in run.ledger.rows("model") if row["status"] == "failed"]
    assert len(failed) == 1 and "NaN or infinite logits" in failed[0]["reason"]


@pytest.mark.parametrize("role", ["base", "only"])
def test_a_base_or_a_single_checkpoint_that_is_broken_leaves_no_run(
    place: Path, config: EvaluateConfig, capsys: pytest.CaptureFixture[str], role: str
) -> None:
    broken = str(place / "broken")
    words = ["--model", config.model[0], "--base", broken] if role == "base" else ["--model", broken]
    words += ["--tasks", config.tasks, "--questions", "2", "--device", "cpu", "--output", str(config.output)]
    assert main(["evaluate", *words]) == 1
    said = capsys.readouterr().err
    assert "NaN or infinite logits" in said and "Traceback" not in said
    assert not config.output.exists()


def test_no_checkpoint_that_loads_is_told_at_once(place: Path, config: EvaluateConfig, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    names = [str(place / "broken"), str(tmp_path / "empty")]
    with pytest.raises(AntigradError, match="the checkpoints of evaluate: 2 problems"):
        evaluate(replace(config, model=names, base=None))
    assert not config.output.exists()


def test_a_question_that_can_not_be_asked_is_counted_and_left_out(config: EvaluateConfig, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    lines = [{"question": "1 + 1 =", "answer": "2"}, {"question": "1 + " * 90 + "1 =", "answer": "1"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    run = evaluate(replace(config, tasks=str(path), questions=2))
    failed = [row for row in run.ledger.rows("answers") if row["status"] == "failed"]
    assert [row["id"] for row in failed] == ["2"] * 3
    assert all("at most 256 together" in row["reason"] for row in failed)
    assert run.summary["asked/moved"] == 1
    assert math.isnan(run.summary["pass@1_low/moved"])


def test_other_tokens_than_the_base_s_are_not_compared_in_likelihood(
    finished: RunFolder, config: EvaluateConfig, place: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in (place / "moved").iterdir():
        text = file.read_text().replace('"?"', '"!"') if file.name == "tokenizer.json" else None
        (other / file.name).write_bytes(file.read_bytes() if text is None else text.encode())
    run = evaluate(replace(config, model=[str(other)]))
    assert all("probe_log_probs" not in row for row in of(run, "other"))
    assert math.isnan(run.summary["probe_change_rare/other"])
    assert run.summary["pass@24/other"] >= 0
    titles = [section["title"] for section in run.read_json("page.json")["sections"]]
    assert "Where the base's correct answers went" not in titles


class StandIn:
    """Takes the place of the package vllm: says 2 greedily, else its sample's number, and keeps what it was asked."""

    def __init__(self) -> None:
        self.engines: list[dict[str, Any]] = []
        self.asked: list[tuple[list[Any], Any]] = []

    def SamplingParams(self, **options: Any) -> dict[str, Any]:  # noqa: N802
        return options

    def LLM(self, **options: Any) -> Any:  # noqa: N802
        self.engines.append(options)
        return SimpleNamespace(generate=self.generate)

    def generate(self, prompts: list[Any], params: Any) -> list[Any]:
        self.asked.append((prompts, params))
        each = params if isinstance(params, list) else [params] * len(prompts)
        ids = {"0": 3, "1": 4, "2": 5}
        return [
            SimpleNamespace(
                outputs=[
                    SimpleNamespace(token_ids=(ids["2" if one["temperature"] == 0 else str(place % 3)], 1))
                    for place in range(one["n"])
                ]
            )
            for one in each
        ]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    package = StandIn()
    monkeypatch.setitem(sys.modules, "vllm", package)  # type: ignore[arg-type]
    monkeypatch.setattr(vllm, "installed", lambda: True)
    return package


def test_vllm_generates_and_transformers_measures(stand_in: StandIn, config: EvaluateConfig) -> None:
    run = evaluate(replace(config, engine="vllm", temperature=0.5, model=config.model[:1]))
    assert [engine["model"] for engine in stand_in.engines] == [config.base, config.model[0]]
    assert all(engine["generation_config"] == "vllm" for engine in stand_in.engines)
    prompts, params = stand_in.asked[0]
    assert len(prompts) == len(params) == 5
    assert {one["temperature"] for one in params} == {0.5} and {one["n"] for one in params} == {24}
    assert all(one["top_p"] == 1.0 and one["top_k"] == 0 and one["max_tokens"] == 6 for one in params)
    assert len({one["seed"] for one in params}) == 5
    assert stand_in.asked[1][1]["temperature"] == 0
    for row in run.ledger.rows("answers"):
        assert row["verdicts"] == [str(place % 3) == row["answer"] for place in range(24)]
        assert [answer["text"] for answer in row["responses"]] == ["0", "1", "2"]
        assert row["greedy"] == {"text": "2", "correct": row["answer"] == "2", "truncated": False}
        assert row["truncated"] == 0
        assert all(answer["log_prob"] < 0 for answer in row["responses"])
    assert {row["engine"] for row in run.ledger.rows("model")} == {"vllm"}


def test_vllm_that_fails_is_the_checkpoint_s_error(
    stand_in: StandIn, config: EvaluateConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**options: Any) -> None:
        raise RuntimeError("no kernel for this device")

    monkeypatch.setattr(stand_in, "LLM", failing)
    with pytest.raises(AntigradError, match="no kernel for this device"):
        evaluate(replace(config, engine="vllm"))
    assert not (config.output / "summary.json").exists()


@pytest.mark.parametrize(
    ("engine", "device", "adapter", "expected"),
    [("auto", "auto", False, True), ("auto", "cpu", False, False), ("auto", "auto", True, False),
     ("transformers", "auto", False, False), ("vllm", "cpu", False, True)],
)  # fmt: skip
def test_auto_takes_vllm_where_it_can(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, engine: str, device: str, adapter: bool, expected: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert vllm.chosen(engine, device, adapter=adapter) is expected


def test_a_finished_run_is_returned_as_it_is(
    finished: RunFolder, config: EvaluateConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wing, "load_any", None)
    again = evaluate(replace(config, output=finished.path, resume=True))
    assert again.summary == finished.summary


COMMANDS: dict[str, tuple[Callable[[Path], str], str]] = {
    "k above samples": (lambda place: f"--model {place / 'moved'} --samples 4 --k 1,8", "k=8: at most samples=4"),
    "twice": (lambda place: f"--model {place / 'moved'},{place / 'moved'}", "is there twice"),
    "no such task": (lambda place: f"--model {place / 'moved'} --tasks prodcts", "did you mean 'products'"),
    "engine": (lambda place: f"--model {place / 'moved'} --engine vllm", "the package vllm is not installed"),
    "unknown setting": (lambda place: f"--model {place / 'moved'} --sampels 3", "did you mean 'samples'"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_bad_input_is_said_before_anything_is_loaded(
    case: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wing, "load_any", None)
    monkeypatch.setattr(vllm, "find_spec", lambda name: None)
    words, expected = COMMANDS[case]
    assert main(["evaluate", *words(place).split(), "--output", str(tmp_path / "run")]) == 1
    said = capsys.readouterr()
    assert expected in said.err and "Traceback" not in said.err and said.out == ""
    assert not (tmp_path / "run").exists()
