"""No command runs code that comes with a model, and none asks on standard input whether it should."""

import ast
import json
from pathlib import Path

import pytest
from PIL import Image

import antigrad
from helpers.commands import start
from helpers.models import save_model, save_questions

SOURCES = Path(antigrad.__file__).parent
LOADERS = {"from_pretrained", "from_config", "create_model_from_path"}
SAFE = {"GenerationConfig", "PeftModel", "PeftConfig"}
"""Classes whose loaders know no code of a model: they read JSON and safetensors."""
SMALL = "--device cpu --max_new_tokens 4"
COMMANDS = {
    "diagnose": "diagnose --model {model} --tasks {questions} --questions 2 --rollouts 2 " + SMALL,
    "train": "train grpo --model {model} --tasks {questions} --questions 2 --held_out 0 --steps 1 --prompts 2 "
    "--rollouts 2 --rows_at_once 4 --style raw --trl.beta 0.1 " + SMALL,
    "evaluate": "evaluate --model {model} --tasks {questions} --questions 2 --samples 2 " + SMALL,
    "evaluate_base": "evaluate --model {plain} --base {model} --tasks {questions} --questions 2 --samples 2 " + SMALL,
    "certify_before": "certify {model} {plain} --up {rows} --device cpu",
    "certify_after": "certify {plain} {model} --up {rows} --device cpu",
    "explain": "explain {picture} --model {model} --device cpu",
    "explain-text": "explain-text hello 1a --model {model} --device cpu",
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("plain"), seed=1)


def save_booby_trap(folder: Path, kind: str, marker: Path) -> Path:
    """A model whose every `auto_map` names a module that leaves a mark when it is imported."""
    save_model(folder)
    (folder / "code.py").write_text(f"open({str(marker)!r}, 'w').close()\nX = Y = T = P = object\n")
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text((folder / "code.py").read_text())
    maps = {"AutoConfig": "code.X", "AutoModelForCausalLM": "code.Y", "AutoModelForImageClassification": "code.Y"}
    maps |= {"AutoTokenizer": ["code.T", "code.T"], "AutoProcessor": "code.P", "AutoImageProcessor": "code.P"}
    config = json.loads((folder / "config.json").read_text()) | {"auto_map": maps}
    if kind == "own":
        config |= {"model_type": "own", "architectures": ["Own"]}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        path = folder / name
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(known | {"auto_map": maps}))
    return folder


def run(words: str, tmp_path: Path, plain: Path, kind: str, *more: str) -> Path:
    """Run a command on the trap, with `yes` on its standard input; returns where the mark would be."""
    marker = tmp_path / "marker"
    Image.new("RGB", (32, 32)).save(tmp_path / "picture.png")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"prompt": "1 + 1 =", "response": "2"}) + "\n")
    paths = {
        "model": save_booby_trap(tmp_path / "trap", kind, marker), "plain": plain,
        "questions": save_questions(tmp_path / "q.jsonl"), "rows": tmp_path / "rows.jsonl",
        "picture": tmp_path / "picture.png",
    }  # fmt: skip
    argv = [word.format(**paths) for word in words.split()]
    command = start([*argv, "--output", str(tmp_path / "run"), *more], tmp_path, typed="y\n" * 99)
    command.wait()
    assert "Traceback" not in command.err.read_text()
    assert "[y/N]" not in command.out.read_text() + command.err.read_text()
    return marker


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["known", "own"])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_runs_it(plain: Path, tmp_path: Path, name: str, kind: str) -> None:
    assert not run(COMMANDS[name], tmp_path, plain, kind).exists()


@pytest.mark.slow
def test_the_mark_is_left_where_the_code_is_asked_for(plain: Path, tmp_path: Path) -> None:
    """Else the test above could not fail."""
    assert run(COMMANDS["diagnose"], tmp_path, plain, "own", "--trust_remote_code", "true").exists()


def loaders(path: Path) -> list[tuple[int, str, ast.Call]]:
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    named = [(node, node.func) for node in calls if isinstance(node.func, ast.Attribute)]
    return [(node.lineno, ast.unparse(at.value), node) for node, at in named if at.attr in LOADERS]


LOADING = [path for path in sorted(SOURCES.rglob("*.py")) if loaders(path)]


@pytest.mark.parametrize("path", LOADING, ids=lambda path: str(path.relative_to(SOURCES)))
def test_every_loader_says_whether_code_is_trusted(path: Path) -> None:
    """A loader that says nothing asks on standard input."""
    for line, owner, call in loaders(path):
        if any(name in owner for name in SAFE):
            continue
        said = {word.arg for word in call.keywords} | {ast.unparse(w.value) for w in call.keywords if w.arg is None}
        assert {"trust_remote_code", "options"} & said, f"{path.name}:{line}"
