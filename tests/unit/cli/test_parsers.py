"""Commands as subcommands: groups, the longest match of words, nested settings."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli import jobs
from antigrad.cli import main as cli
from antigrad.cli.jobs import JOBS, Job
from antigrad.cli.parsers import all_words, build, longest_match
from antigrad.cli.views import COMMANDS
from antigrad.core import RunFolder

main = cli.main


@dataclass(frozen=True)
class Guard:
    """A guard.

    Args:
        beta: How strong.
        layers: Where.
        strict: Whether.
    """

    beta: float = 1.0
    layers: list[str] = field(default_factory=list[str])
    strict: bool = False


@dataclass(frozen=True)
class UnlearnConfig:
    """Settings of it.

    Args:
        method: Its name.
        guard: What holds.
        free: A mapping.
        output: Folder.
        resume: Go on.
    """

    method: str = "duck"
    guard: Guard = Guard()
    free: dict[str, Any] = field(default_factory=dict[str, Any])
    output: Path = Path("run")
    resume: bool = False


@dataclass(frozen=True)
class CompareConfig:
    """Settings of a comparison.

    Args:
        level: Of it.
        output: Folder.
        resume: Go on.
    """

    level: float = 0.95
    output: Path = Path("run")
    resume: bool = False


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Any]]:
    """What was called with which settings, with commands that begin with other commands."""
    calls: list[tuple[str, Any]] = []

    def job(name: str) -> Any:
        def run(config: Any) -> RunFolder:
            calls.append((name, config))
            folder = RunFolder.start(tmp_path / f"run{len(calls)}", job=name, config={})
            folder.write_summary({"done": 1})
            return folder

        return run

    names = ("unlearn", "compare", "diagnose", "pairs", "deeper")
    known: dict[str, Any] = {"UnlearnConfig": UnlearnConfig, "CompareConfig": CompareConfig}
    known |= {name: job(name) for name in names}
    for module in (cli, jobs):
        monkeypatch.setattr(module, "load", known.__getitem__)
    table = (
        Job(("unlearn",), "UnlearnConfig", "unlearn", "unlearn 100% of it", positional=("method",)),
        Job(("unlearn", "compare"), "CompareConfig", "compare", "methods side by side"),
        Job(("diagnose",), "UnlearnConfig", "diagnose", "the preflight"),
        Job(("diagnose", "pairs", "deeper"), "CompareConfig", "deeper", "three words"),
        Job(("diagnose", "pairs"), "CompareConfig", "pairs", "of pairs"),
    )
    monkeypatch.setattr(cli, "COMMANDS", table)
    return calls


@pytest.mark.parametrize(
    ("argv", "name", "config"),
    [
        (["unlearn"], "unlearn", UnlearnConfig()),
        (["unlearn", "npo"], "unlearn", UnlearnConfig(method="npo")),
        (["unlearn", "--method", "compare"], "unlearn", UnlearnConfig(method="compare")),
        (["unlearn", "compare"], "compare", CompareConfig()),
        (["unlearn", "compare", "--level", "0.9"], "compare", CompareConfig(level=0.9)),
        (["diagnose", "--method=pairs"], "diagnose", UnlearnConfig(method="pairs")),
        (["diagnose", "pairs", "--level=0.5"], "pairs", CompareConfig(level=0.5)),
        (["diagnose", "pairs", "deeper", "--level=0.1"], "deeper", CompareConfig(level=0.1)),
    ],
)
def test_the_longest_match_of_words_wins(
    called: list[tuple[str, Any]], argv: list[str], name: str, config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--json"]) == 0
    assert called == [(name, config)]
    assert json.loads(capsys.readouterr().out) == {"done": 1}


def test_the_order_of_the_table_does_not_matter() -> None:
    for table in (JOBS, JOBS[::-1]):
        assert longest_match(["train", "grpo", "--seed", "1"], table) == ("train", "grpo")
        assert longest_match(["train", "gropo"], table) == ("train",)
        assert longest_match(["--seed", "train"], table) == ()
        assert longest_match([], table) == ()


def test_a_word_that_is_nearly_a_command_below_is_recognised(
    called: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "pair", "--level", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "no command 'diagnose pair'; did you mean 'diagnose pairs'?" in " ".join(said.err.split())
    assert called == []


def test_help_of_a_command_that_begins_others_has_its_settings_and_them(
    called: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["unlearn", "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "usage: antigrad unlearn METHOD" in said
    for text in ("--guard.beta", "How strong.", "compare", "methods side by side"):
        assert text in said, said
    assert "--level" not in said


@pytest.mark.parametrize("group", ["train", "lab"])
def test_a_group_lists_what_it_holds(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []
    for argv in ([group], [group, "--help"], [group, "-h"]):
        assert main(argv) == 0
        said = capsys.readouterr()
        assert said.err == ""
        shown.append(said.out)
    assert shown[0].startswith(f"usage: antigrad {group} COMMAND")
    assert shown[0] == shown[1] == shown[2]
    below = [command for command in COMMANDS if command.words[0] == group]
    assert len(below) > 1
    for command in below:
        assert f"\n    {command.words[1]} " in shown[0]
        assert command.help.split()[0] in shown[0]


def test_every_command_and_group_has_a_parser_of_its_name() -> None:
    parsers = build(COMMANDS, [])
    assert set(parsers) == {(), *all_words(COMMANDS)}
    assert {words: parser.prog for words, parser in parsers.items()} == {
        words: " ".join(["antigrad", *words]) for words in parsers
    }


def test_nested_settings_are_flags_with_dots(called: list[tuple[str, Any]]) -> None:
    words = "--guard.beta 2 --guard.layers a,b(x=1,y=2) --guard.strict --free.alpha=3 --free.what.ever=[1]"
    assert main(["unlearn", *words.split()]) == 0
    guard = Guard(2.0, ["a", "b(x=1,y=2)"], strict=True)
    assert called == [("unlearn", UnlearnConfig(guard=guard, free={"alpha": 3, "what": {"ever": [1]}}))]


def test_nested_settings_come_from_a_file_and_flags_win(called: list[tuple[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("guard: {beta: 3, layers: [x, y]}\nfree: {any: {thing: 1}}\n")
    assert main(["unlearn", "--guard.beta=4", "--config", str(tmp_path / "a.yaml")]) == 0
    guard = Guard(4.0, ["x", "y"])
    assert called == [("unlearn", UnlearnConfig(guard=guard, free={"any": {"thing": 1}}))]


def test_nested_settings_that_are_unknown_are_told_together(
    called: list[tuple[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("guard: {bata: 3, strict: true}\nguards: {beta: 1}\n")
    assert main(["unlearn", "--guard.layer", "x", "--config", str(path), "--gard.beta=1"]) == 1
    said = capsys.readouterr().err
    for text in (
        "4 problems",
        "unknown option --guard.layer: did you mean 'guard.layers'?",
        f"{path}: unknown setting guard.bata: did you mean 'guard.beta'?",
        f"{path}: unknown setting guards: did you mean 'guard'?",
        "unknown option --gard.beta: did you mean 'guard.beta'?",
    ):
        assert text in said, said
    assert called == []


def test_nested_values_of_the_wrong_kind_are_told_together(
    called: list[tuple[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("guard: {beta: strong, layers: 3}\n")
    assert main(["unlearn", "--guard.strict=maybe", "--config", str(path), "--free", "3"]) == 1
    said = capsys.readouterr().err
    for text in (
        "4 problems",
        "guard.beta=strong: expected float",
        "guard.layers=3: expected list[str]",
        "guard.strict=maybe: expected bool",
        "free=3: expected dict[str, Any]",
    ):
        assert text in said, said
    assert called == []


def test_the_configuration_is_printed_as_a_file_that_can_be_given_back(
    called: list[tuple[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["unlearn", "compare", "--level", "0.9", "--print_config"])
    assert caught.value.code == 0
    assert called == []
    path = tmp_path / "a.yaml"
    path.write_text(capsys.readouterr().out)
    assert "subcommand" not in path.read_text()
    assert main(["unlearn", "compare", "--config", str(path)]) == 0
    assert called == [("compare", CompareConfig(level=0.9))]
