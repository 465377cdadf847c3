"""Completion in a shell: a script that bash reads, and what it completes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from antigrad.cli import views
from antigrad.cli.main import main

BASH = shutil.which("bash")
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_shtab_antigrad
printf '%s\\n' "${COMPREPLY[@]}"
"""

pytest.importorskip("shtab")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "antigrad.bash"
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda text, *args, **options: said.append(text))
        assert main(["completion", "bash"]) == 0
    path.write_text(said[0])
    return path


def completed(script: Path, *words: str) -> list[str]:
    assert BASH
    ask = [BASH, "--norc", "-c", ASK, "bash", str(script), "antigrad", *words]
    return subprocess.run(ask, capture_output=True, text=True, timeout=60, check=True).stdout.split()


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_the_script_is_bash(script: Path) -> None:
    assert BASH
    done = subprocess.run([BASH, "-n", str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], ["diagnose", "certify", "evaluate", "train", "explain", "explain-text", "lab", "report", "methods"]),
        (["tr"], ["train"]),
        (["train", ""], ["tiny-policy", "bon", "dpo", "grpo", "rwr"]),
        (["lab", ""], ["run", "all", "simulate", "list"]),
        (["train", "grpo", "--lea"], ["--learning_rate"]),
        (["diagnose", "--advantages", ""], ["sample", "population", "none"]),
        (["diagnose", "--resume", "t"], ["true"]),
        (["certify", "--data"], ["--data_role"]),
        (["lab", "run", "--learning"], []),
    ],
)
def test_commands_flags_and_choices_are_completed(script: Path, words: list[str], found: list[str]) -> None:
    answer = completed(script, *words)
    assert set(answer) >= set(found)
    assert len(answer) == len(found) or words == [""]


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_a_script_too(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "tiny-policy" in capsys.readouterr().out


def test_an_unknown_shell_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bsh"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "shell 'bsh'" in said.err
    assert "did you mean 'bash'?" in said.err


def test_words_are_completed_where_the_settings_can_t_be_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(views, "install_line", lambda needs: "pip install" if "attribution" in needs else "")
    monkeypatch.setattr("antigrad.cli.jobs.load", lambda name: _refuse(name))
    monkeypatch.setattr(
        views, "COMMANDS", [one for one in views.COMMANDS if "attribution" in one.needs or not one.needs]
    )
    assert main(["completion", "bash"]) == 0
    said = capsys.readouterr().out
    assert "explain-text" in said
    assert "--n_samples" not in said


def _refuse(name: str) -> None:
    raise ModuleNotFoundError(name, name="captum")
