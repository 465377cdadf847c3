"""The command line itself: words, exit statuses, where things are printed. No model is loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from antigrad import __version__
from antigrad.cli import main as cli
from antigrad.core import AntigradError, RunFolder
from antigrad.core.page import Card, Cards, Page
from antigrad.posttraining.diagnose import DiagnoseConfig

main = cli.main


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[DiagnoseConfig]:
    """Settings the job was called with; the job itself only writes a page."""
    configs: list[DiagnoseConfig] = []

    def job(config: DiagnoseConfig) -> RunFolder:
        configs.append(config)
        run = RunFolder.start(tmp_path / f"run{len(configs)}", job="diagnose", config=config)
        Page("Title", "The lead.", [Cards("In short", [Card("a", "1")])]).write(run)
        run.write_summary({"questions": 3, "nothing": float("nan")})
        return run

    load = cli.load
    monkeypatch.setattr(cli, "load", lambda name: job if name.endswith(":diagnose") else load(name))
    return configs


def test_no_words_or_help_list_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["-h"], ["--help"]):
        assert main(argv) == 0
        said = capsys.readouterr()
        assert said.err == ""
        for words in ("diagnose", "train tiny-policy", "report", "methods"):
            assert f"\n  {words} " in said.out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"antigrad {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["diagnos"], "diagnose"),
        (["diagnos", "--max-new-tokens", "8"], "diagnose"),
        (["train", "tiny-polic"], "train tiny-policy"),
        (["methds"], "methods"),
        (["reprt", "runs/a"], "report"),
    ],
)
def test_a_mistyped_command_is_recognised(argv: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"no command '{argv[0]}'; did you mean '{meant}'?" in " ".join(said.err.split())
    assert "usage: antigrad COMMAND" in said.err


@pytest.mark.parametrize("words", [["diagnose"], ["train", "tiny-policy"], ["report"], ["methods"]])
def test_each_command_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    assert f"usage: antigrad {' '.join(words)}" in capsys.readouterr().out


def test_defaults_reach_the_job(asked: list[DiagnoseConfig]) -> None:
    assert main(["diagnose"]) == 0
    assert asked == [DiagnoseConfig()]


def test_flags_reach_the_job(asked: list[DiagnoseConfig]) -> None:
    words = "--arms none,nthr(beta=0,anchor=others) --step-sizes 1e-6,2e-6,3 --rollouts 4 --epsilon=-1e-3 --shots 2 "
    words += "--model=tiny --output a/b --resume --trust-remote-code false --threads 2"
    assert main(["diagnose", *words.split()]) == 0
    (config,) = asked
    assert config.arms == ["none", "nthr(beta=0,anchor=others)"]
    assert config.step_sizes == [1e-6, 2e-6, 3.0]
    assert (config.rollouts, config.epsilon, config.shots, config.threads) == (4, -1e-3, 2, 2)
    assert (config.model, config.output) == ("tiny", Path("a/b"))
    assert (config.resume, config.trust_remote_code) == (True, False)


def test_flags_win_over_the_file_which_wins_over_defaults(asked: list[DiagnoseConfig], tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("questions: 3\nrollouts: 5\narms: [none, nthr(beta=0)]\nstep_sizes: [1e-6, 1.5e-5]\noutput: x/y\n")
    for words in (["--config", str(path), "--rollouts", "7"], ["--rollouts=7", f"--config={path}"]):
        assert main(["diagnose", *words]) == 0
    first, second = asked
    assert first.questions == second.questions == 3
    assert first.rollouts == 7
    assert first.arms == ["none", "nthr(beta=0)"]
    assert first.step_sizes == [1e-6, 1.5e-5]
    assert first.output == Path("x/y")
    assert first.max_new_tokens == DiagnoseConfig().max_new_tokens


def test_flags_win_wherever_they_stand(asked: list[DiagnoseConfig], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rollouts: 5\n")
    assert main(["diagnose", "--rollouts=7", "--config", str(tmp_path / "a.yaml")]) == 0
    assert asked[0].rollouts == 7


def test_a_run_ends_with_its_lead_and_where_it_is(
    asked: list[DiagnoseConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose"]) == 0
    said = capsys.readouterr()
    folder = tmp_path / "run1"
    assert said.out.splitlines() == [
        "The lead.",
        f"run folder: {folder}",
        f"report: {(folder / 'report.html').as_uri()}",
    ]
    assert said.err == ""
    assert (folder / "report.html").exists()


def test_json_is_the_summary_and_nothing_else(
    asked: list[DiagnoseConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"questions": 3, "nothing": "NaN"}
    assert main(["report", str(tmp_path / "run1"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"questions": 3, "nothing": "NaN"}


def test_report_writes_the_page_again(
    asked: list[DiagnoseConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose"]) == 0
    page = tmp_path / "run1" / "report.html"
    first = page.read_bytes()
    page.unlink()
    assert main(["report", str(tmp_path / "run1")]) == 0
    assert page.read_bytes() == first
    assert page.as_uri() in capsys.readouterr().out


def test_methods_lists_and_gives_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    text = capsys.readouterr().out
    assert main(["methods", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    for items in known.values():
        for name in items:
            assert name in text


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["diagnose", "--qestions", "3", "--rolouts=1"], "2 problems"),
        (["diagnose", "--qestions", "3"], "unknown option --qestions: did you mean 'questions'?"),
        (["evaluate", "word"], "unrecognized arguments: word"),
        (["diagnose", "-q"], "unrecognized arguments: -q"),
        (["diagnose", "--questions"], "questions=: expected"),
        (["diagnose", "--questions", "many"], "questions=many: expected"),
        (["diagnose", "--step-sizes", "a,b"], "step_sizes="),
        (["diagnose", "--resume=maybe"], "resume=maybe: expected bool"),
        (["diagnose", "--advantages", "all"], "advantages"),
        (["diagnose", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
        (["report"], "run"),
        (["report", "/nowhere"], "a run folder (with run.yaml)"),
        (["report", "a", "b"], "unrecognized arguments: b"),
        (["methods", "x"], "unrecognized arguments: x"),
        (["methods", "--jsn"], "--jsn"),
    ],
)
def test_words_that_can_t_be_read_are_a_clear_error(
    argv: list[str], said: str, asked: list[DiagnoseConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 1
    text = capsys.readouterr()
    assert text.out == ""
    assert text.err.startswith(f"antigrad {argv[0]}: ")
    assert said in text.err
    assert "Traceback" not in text.err
    assert asked == []


def test_a_report_of_an_unfinished_run_says_to_finish_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunFolder.start(tmp_path / "run", job="diagnose", config={})
    assert main(["report", str(run.path)]) == 1
    assert "and --resume" in capsys.readouterr().err


def raising(error: BaseException) -> Any:
    def job(config: object) -> None:
        raise error

    return job


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            AntigradError("a", "b", "c [not markup]"),
            1,
            "antigrad diagnose: given: a; expected: b; try: c [not markup]\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted; the same command with --resume resumes from here\n"),
        (ModuleNotFoundError("no", name="transformers"), 1, "pip install 'antigrad[posttraining]'\n"),
    ],
    ids=["error", "interrupt", "package"],
)
def test_what_ends_a_job_gives_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, status: int, said: str
) -> None:
    load = cli.load
    monkeypatch.setattr(cli, "load", lambda name: raising(error) if name.endswith(":diagnose") else load(name))
    assert main(["diagnose"]) == status
    text = capsys.readouterr()
    assert text.out == ""
    assert said in text.err
    assert text.err.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), ModuleNotFoundError("no", name="antigrad.lost")])
def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    load = cli.load
    monkeypatch.setattr(cli, "load", lambda name: raising(error) if name.endswith(":diagnose") else load(name))
    with pytest.raises(type(error)):
        main(["diagnose"])


def test_every_job_and_its_settings_exist() -> None:
    for job in cli.JOBS:
        assert callable(cli.load(job.run))
        assert cli.load(job.settings).__dataclass_fields__["output"].default
        assert SimpleNamespace(**vars(job)).help


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "torch transformers numpy rich yaml jsonargparse reasoning_gym math_verify plotly jinja2 trl"
    assert python(f"import sys, antigrad; print(sorted(set('{heavy}'.split()) & set(sys.modules)))").stdout == "[]\n"


def test_help_needs_neither_torch_nor_transformers() -> None:
    code = "import sys; from antigrad.cli.main import main; assert main(['--help']) == 0; "
    assert python(code + "print('transformers' in sys.modules)").stdout.endswith("False\n")


def test_out_of_memory_is_one_line_and_other_faults_are_not_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    faults = iter([RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), RuntimeError("a bug")])

    def job(config: DiagnoseConfig) -> RunFolder:
        raise next(faults)

    load = cli.load
    monkeypatch.setattr(cli, "load", lambda name: job if name.endswith(":diagnose") else load(name))
    assert main(["diagnose", "--output", str(tmp_path / "r")]) == 1
    assert "out of memory" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="a bug"):
        main(["diagnose", "--output", str(tmp_path / "r")])


def test_every_value_of_the_wrong_kind_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("seed: abc\nrollouts: [2]\nthreads: 2\nstep_sizes: 5\n")
    words = ["diagnose", "--config", str(tmp_path / "a.yaml"), "--top_k", "many", "--output", str(tmp_path / "run")]
    assert main(words) == 1
    said = capsys.readouterr().err
    for part in (
        "4 problems",
        "seed=abc: expected int",
        "rollouts=[2]",
        "step_sizes=5: expected list[float]",
        "top_k=many",
    ):
        assert part in said, said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "named", "not_named"),
    [
        (["unlearn"], "smaller --workers, model", "--r"),
        (["scenario"], "smaller --batch, --workers, data", "--rollouts"),
        (["diagnose"], "smaller --rows_at_once, --rollouts, model", "--batch"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else None,
)
@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory.")], ids=["system", "torch"])
def test_out_of_memory_names_what_this_command_has(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: list[str],
    named: str,
    not_named: str,
    error: Exception,
) -> None:
    load, runs = cli.load, {job.run for job in cli.JOBS}
    monkeypatch.setattr(cli, "load", lambda name: raising(error) if name in runs else load(name))
    assert main([*words, "--output", str(tmp_path / "r")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"antigrad {' '.join(words)}: out of memory") and named in said and not_named not in said


def test_a_model_may_write_what_a_terminal_lacks(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", job="diagnose", config={})
    Page("Title", "it said \\ud800 and −1", [Cards("In short", [Card("a", "1")])]).write(run)
    page = run.path / "artifacts" / "page.json"
    page.write_text(page.read_text().replace("\\\\ud800", "\\ud800"))
    run.write_summary({"a": 1})
    words = [sys.executable, "-m", "antigrad.cli.main", "report", str(run.path)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\ud800" in done.stdout
