"""Every command of README and documentation: it parses, its settings pass, what it names is there or made before it.

Those that take seconds run.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from antigrad.cli.arguments import check_keys, kinds
from antigrad.cli.jobs import JOBS, Job, load
from antigrad.cli.main import main, read_settings
from antigrad.cli.parsers import build, longest_match
from antigrad.cli.views import COMMANDS
from antigrad.core import AntigradError
from helpers.scene_files import gpudrive
from helpers.traffic import Car, scene

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "decisions" not in page.parts]
YOURS = {
    "questions.jsonl": {"question": "What is {}?", "answer": "{}"},
    "preferences.jsonl": {"prompt": "{}=", "chosen": "{}", "rejected": "x"},
    "pairs.jsonl": {"prompt": "{}=", "chosen": "{}", "rejected": "x"},
    "train.jsonl": {"question": "What is {}?", "answer": "#### {}"},
    "test.jsonl": {"question": "What is {}?", "answer": "#### {}"},
    "forget.jsonl": {"prompt": "{}=", "response": "{}"},
    "retain.jsonl": {"prompt": "{}=", "response": "{}"},
}
"""Files of lines that a reader has."""
MODELS = ("path/to/model", "path/to/adapter", "path/to/before", "path/to/after", "my-vit")
EMPTY = ("model.safetensors", "train.safetensors", "test.safetensors", "requests.csv")
OTHERS = {"accelerate", "cd", "git", "make", "mkdocs", "open", "pip", "python", "torchrun", "trl"}
"""Programs that are not ours; of those that start ours, ours is read."""
ELSEWHERE = ("Your setup doesn't support bf16/gpu", "the package vllm is missing")
"""What a command is refused for where there is no GPU."""
POLICY = "checkpoints/policy"
QUICK = {
    "antigrad lab list",
    "antigrad lab run rarer.yaml",
    "antigrad lab run two_stage",
    "antigrad lab simulate --objective best_of_n,rwr,ipo",
    "antigrad lab simulate --objective grpo,grpo_n",
}
SLOW = {
    "antigrad diagnose pairs --model tiny",
    "antigrad train grpo --model tiny --tasks tiny_arithmetic --steps 4",
    "antigrad unlearn",
}
"""Beginnings of commands that run as they stand, in a folder of their own."""


@dataclass(frozen=True)
class Typed:
    """A command of a page."""

    page: Path
    text: str

    @property
    def words(self) -> list[str]:
        """What follows `antigrad`; none if another program is called."""
        words = shlex.split(self.text, comments=True)
        words = [word for word in words if word != "..."]
        words = words[: min([words.index(sign) for sign in (">", "|") if sign in words], default=None)]
        if words[:1] == ["antigrad"]:
            return words[1:]
        place = words.index("antigrad.cli.main") if "antigrad.cli.main" in words else len(words)
        return words[place + 1 :]

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.text[:60]}"


def commands(page: Path) -> list[Typed]:
    blocks = re.findall(r"^```(?:bash|sh|console|shell)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    return [Typed(page, line) for line in lines if "rloo" not in line]  # the rule that a page has the reader add


ALL = [one for page in PAGES for one in commands(page)]
OURS = [one for one in ALL if one.words]
INLINE = sorted(
    {
        (page, text)
        for page in PAGES
        for text in re.findall(r"`(antigrad [^`]+)`", page.read_text())
        if not re.match(r"antigrad (\W|COMMAND)", text)
    }
)


def command_of(words: list[str]) -> tuple[object, list[str]]:
    found = longest_match(words, COMMANDS)
    (command,) = [one for one in COMMANDS if one.words == found] or [None]
    assert command is not None, f"no command: {words}"
    return command, words[len(found) :]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a reader, with what pages take for granted."""
    for name, row in YOURS.items():
        (tmp_path / name).write_text("".join(json.dumps(row).replace("{}", str(n)) + "\n" for n in range(80)))
    for name in MODELS:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
    for name in ("recordings", "holiday"):
        (tmp_path / name).mkdir()
    for name in EMPTY:
        (tmp_path / name).touch()
    for name in ("photo.jpg", "picture.png", "holiday/a.png"):
        Image.new("RGB", (64, 64)).save(tmp_path / name)
    table = pa.table({"image": [{"bytes": (tmp_path / "picture.png").read_bytes(), "path": "a.png"}]})
    pq.write_table(table, tmp_path / "more.parquet")
    (tmp_path / "recordings" / "scene.json").write_text(json.dumps(gpudrive(scene(Car(speed=10), Car(x=30)))))
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "planner.py").write_text("def plan(ego, others, route):\n    return 0.0, 0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "rarer.yaml").write_text(yaml_of("run-the-laboratory.md", "study: grpo_halves"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def yaml_of(page: str, head: str) -> str:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/howto" / page).read_text(), re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if block.startswith(head)]
    return block


def test_there_are_commands_to_check() -> None:
    assert len(OURS) > 50 and len(INLINE) > 20
    assert {one.page.stem for one in OURS} >= {"README", "index", "preflight", "train", "pairs", "unlearn", "evaluate"}


@pytest.mark.parametrize("one", ALL, ids=str)
def test_the_program_is_known(one: Typed) -> None:
    program = Path(shlex.split(one.text, comments=True)[0]).name
    assert program in OTHERS | {"antigrad"} or one.text.startswith(".venv/bin/")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert program != "make" or shlex.split(one.text, comments=True)[1] in targets


@pytest.mark.parametrize("page", sorted({one.page for one in OURS}), ids=lambda page: page.stem)
def test_commands_parse_and_name_what_is_there(page: Path, reader: Path) -> None:
    made: set[str] = set()
    for one in [one for one in OURS if one.page == page]:
        command, rest = command_of(one.words)
        if not isinstance(command, Job):
            build(COMMANDS, [command.words])[command.words].parse_args(rest)  # type: ignore[attr-defined]
            continue
        try:
            config, _ = read_settings(command, rest)  # settings check themselves
        except AntigradError as error:
            assert any(reason in str(error) for reason in ELSEWHERE), f"{one.text}: {error}"
            continue
        output = str(config.output)
        for path in re.findall(r"(?<![\w./-])runs/[\w./-]+", " ".join(rest)):
            if path == output:
                continue
            run = next((run for run in made if path == run or path.startswith(f"{run}/")), None)
            assert run is not None, f"{one}: no command above writes {path}, they write {sorted(made)}"
            assert path == run or path == f"{run}/{POLICY}", f"{one}: a run folder has no {path.removeprefix(run)}"
        made.add(output)
        if command.words[0] == "train":
            (Path(output) / POLICY).mkdir(parents=True, exist_ok=True)
            (Path(output) / POLICY / "config.json").write_text("{}")


@pytest.mark.parametrize(("page", "text"), INLINE, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_commands_in_a_sentence_have_real_words_and_flags(page: Path, text: str) -> None:
    words = [word for word in shlex.split(text)[1:] if word not in ("…", "...", "COMMAND")]
    if words[:1] == ["--version"] or words in (["train"], ["lab"]):
        return
    command, rest = command_of(words)
    flags = [word.partition("=")[0] for word in rest if word.startswith("--") and word != "--help"]
    if isinstance(command, Job):
        settings = load(command.settings)
        given = [part for flag in flags if flag not in ("--json", "--config") for part in (flag, "1")]
        named = [word for word in given if word.startswith("--")]
        check_keys(named, kinds(settings), settings.our_name)


def _starting(with_: set[str]) -> list[Typed]:
    return [next(one for one in OURS if one.text.startswith(start)) for start in sorted(with_)]


@pytest.mark.parametrize(
    "one",
    [*_starting(QUICK), *(pytest.param(one, marks=pytest.mark.slow) for one in _starting(SLOW))],
    ids=lambda one: one.text[:60],
)
@pytest.mark.filterwarnings("ignore")
def test_it_runs_as_it_stands(one: Typed, reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(one.words) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "report: file://" in said or one.words == ["lab", "list"]


def test_all_jobs_are_shown_somewhere() -> None:
    shown = {longest_match(one.words, COMMANDS) for one in OURS}
    shown |= {longest_match(shlex.split(text)[1:], COMMANDS) for _, text in INLINE}
    assert {job.words for job in JOBS} <= shown
