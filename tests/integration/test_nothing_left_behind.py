"""Input that can't be used is refused before a run folder is there, also where it takes a look inside to see."""

import json
import shutil
from pathlib import Path

import pytest

from antigrad.cli.main import main
from helpers.models import save_model, save_questions

SMALL = "--device cpu --max_new_tokens 4"
COMMANDS = {
    "diagnose": "diagnose --model {broken} --tasks {questions} --questions 2 --rollouts 2 --style chat " + SMALL,
    "diagnose pairs": "diagnose pairs --model {broken} --pairs {pairs} --device cpu",
    "evaluate": "evaluate --model {broken} --tasks {questions} --questions 2 --samples 2 --style chat " + SMALL,
    "evaluate with a base": "evaluate --model {broken} --base {whole} --tasks {questions} --questions 2 --samples 2 "
    "--style chat " + SMALL,
    "certify": "certify {whole} {broken} --up {rows} --device cpu",
    "explain-text": "explain-text hello 1a --model {broken} --device cpu",
}
TEMPLATES = {
    "syntax": "{% for %}",
    "refusal": "{{ raise_exception('no') }}",
    "half a character": "{{ '\\ud800' }}",
    "nothing": "{# #}",
    "loops": "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "whole", seed=1)
    save_model(folder / "broken")
    return folder


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_broken_chat_template(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    template: str,
) -> None:
    monkeypatch.setattr("antigrad.language.templates.SECONDS", 0.2)
    broken = tmp_path / "broken"
    shutil.copytree(place / "broken", broken)
    (broken / "chat_template.jinja").write_text(TEMPLATES[template])
    asked, answers = [turn("user", "1 + 1")], [[turn("assistant", word)] for word in ("1a", "2b")]
    pair = {"prompt": asked, "chosen": answers[0], "rejected": answers[1]}
    (tmp_path / "pairs.jsonl").write_text((json.dumps(pair) + "\n") * 2)
    rows = ({"prompt": [turn("user", f"{n} + 1")], "response": answers[0]} for n in range(4))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = {
        "whole": place / "whole", "broken": broken, "questions": save_questions(tmp_path / "q.jsonl"),
        "pairs": tmp_path / "pairs.jsonl", "rows": tmp_path / "rows.jsonl",
    }  # fmt: skip
    argv = [word.format(**paths) for word in COMMANDS[name].split()]
    assert main([*argv, "--output", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err.startswith(f"antigrad {name.partition(' with')[0]}: ")
    assert not (tmp_path / "run").exists()


def test_pictures_of_which_none_can_be_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("no picture")
    assert main(["explain", str(tmp_path), "--device", "cpu", "--output", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert "a.png" in said and "b.png" in said and not (tmp_path / "run").exists()
