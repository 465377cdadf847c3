"""Hostile rows, YAML, pictures, model folders, run folders, checkpoints and flags: read, or one clear error."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from antigrad.core.runs import NOTES
from helpers import jobs
from helpers.campaign import Server, Tally, Wholes, full
from helpers.models import save_model, save_questions
from helpers.mutations import TEXTS, bent, dumped, mutated, value
from helpers.same import difference

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore")]
LIMIT = 90.0
"""Seconds that one command on a few bytes may take."""


def cases(config: Any, short: int, many: int) -> range:
    return range(many if full(config) else short)


def tried(
    server: Server, tally: Tally, check: str, what: str, argv: list[str], output: Path | None, number: int
) -> None:
    """Run it; it may succeed, or give one clear error that leaves no run behind but one that began.

    Settings that were read and make a long run are no hang: it is ended once it has begun.
    """
    result = server.run(argv, limit=LIMIT)
    began = output is not None and ((output / "run.yaml").is_file() or " so far" in result.err)  # it says how far it is
    problem = None if result.status is None and began else result.problem
    if problem is None and result.status == 0 and output is not None and not (output / "summary.json").is_file():
        problem = "status 0 without a summary"
    if problem is None and result.status == 1 and output is not None and (output / "run.yaml").is_file():
        rows = output / "ledger.jsonl"
        if not any((output / "checkpoints").glob("checkpoint-*")) and not (rows.is_file() and _results(rows)):
            problem = f"refused, and a run without a result is left: {result.err[-300:]}"
    if output is not None:
        shutil.rmtree(output, ignore_errors=True)
    tally.add(check, what, None if problem is None else f"case {number}: {problem}")


def _results(ledger: Path) -> bool:
    return any(json.loads(line)["kind"] not in NOTES for line in ledger.read_text().splitlines())


ROWS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "certify": ("certify tiny {other} --up {file} --device cpu", lambda n: {"prompt": f"{n}+1=", "response": str(n)}),
    "diagnose": (
        "diagnose --model tiny --tasks {file} --questions 2 --rollouts 2 --arms none --step-sizes 1e-4 --style raw "
        "--max-new-tokens 4 --device cpu",
        lambda n: {"question": f"{n}+1=", "answer": str(n + 1)},
    ),
    "evaluate": (
        "evaluate --model tiny --tasks {file} --questions 2 --samples 2 --resamples 100 --style raw --max-new-tokens 4 "
        "--device cpu",
        lambda n: {"question": f"{n}+1=", "answer": str(n + 1)},
    ),
    "diagnose pairs": (
        "diagnose pairs --model tiny --pairs {file} --limit 2 --arms none --orders false --device cpu",
        lambda n: {"prompt": f"{n}+1=", "chosen": str(n + 1), "rejected": str(n + 2)},
    ),
    "train dpo": (
        "train dpo --model tiny --pairs {file} --steps 1 --held-out 0 --pairs-a-step 1 --rows-at-once 1 --device cpu",
        lambda n: {"prompt": f"{n}+1=", "chosen": str(n + 1), "rejected": str(n + 2)},
    ),
}


def test_rows(rows_of: str, server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path, request: Any) -> None:
    command, row = ROWS[rows_of]
    file = tmp_path / "rows.jsonl"
    for number in cases(request.config, 4, 150):
        draw = random.Random(f"{rows_of} {number}")
        lines = [dumped(mutated(row(place), draw) if draw.random() < 0.5 else row(place)) for place in range(4)]
        data = ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
        file.write_bytes(bent(data, draw) if number % 2 else data)
        argv = [word.format(file=file, **paths) for word in command.split()]
        tried(
            server, tally, "hostile rows", rows_of, [*argv, "--output", str(tmp_path / "run")], tmp_path / "run", number
        )
    tally.settle("hostile rows", rows_of)


def test_yaml(job: str, server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path, request: Any) -> None:
    """`--config` of a whole run's settings, mutated: only their reading is tried, with steps that come to nothing."""
    file = tmp_path / "settings.yaml"
    for number in cases(request.config, 4, 30):
        draw = random.Random(f"{job} {number}")
        known = {
            word.removeprefix("--").replace("-", "_"): value(draw)
            for word in jobs.SMALL[job].split()
            if word[:2] == "--"
        }
        text = yaml.safe_dump(_plain(mutated(known, draw, 0.5)), allow_unicode=True)
        extra = [
            "", "a: &a [*a]\n", "x: !!python/object/apply:os.system ['true']\n", "steps: " + "[" * 5000,
            "seed: " + "9" * 6000,
            "output: \"\\0\"\n", "questions: 1e400\n", "tasks: [&l [a], *l, *l]\n",
        ]  # fmt: skip
        data = (text + draw.choice(extra)).encode("utf-8", "surrogatepass")
        file.write_bytes(bent(data, draw) if number % 3 == 2 else data)
        positional = [word.format(**paths) for word in jobs.SMALL[job].split("--")[0].split()]
        argv = [*positional, "--config", str(file), "--output", str(tmp_path / "run")]
        tried(server, tally, "hostile YAML", job, argv, tmp_path / "run", number)
    tally.settle("hostile YAML", job)


def _plain(given: Any) -> Any:
    if isinstance(given, dict):
        return {str(key): _plain(one) for key, one in given.items()}
    if isinstance(given, list):
        return [_plain(one) for one in given]
    return given.encode("utf-8", "replace").decode() if isinstance(given, str) else given


def test_flags(job: str, server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path, request: Any) -> None:
    for number in cases(request.config, 4, 40):
        draw = random.Random(f"{job} {number}")
        words = jobs.words(job, paths, tmp_path / "run")
        flags = [place for place, word in enumerate(words) if word.startswith("--") and word != "--output"]
        odd = [text.replace("\x00", "") for text in TEXTS] + [
            "9223372036854775808",
            "-1",
            "0",
            "1e999",
            "[]",
            "{}",
            "none(x=1)",
        ]
        for place in draw.sample(flags, min(len(flags), draw.randint(1, 2))):
            words[place + 1] = draw.choice(odd).encode("utf-8", "replace").decode()
        if draw.random() < 0.3:
            words += [
                draw.choice(["--nope", "--seed", "--config", "--json=3", "extra", "--device", "--output"]),
                draw.choice(odd)[:300],
            ]
        output = tmp_path / "run" if words.count("--output") == 1 else None  # the last one is meant
        tried(server, tally, "hostile flags", job, words, output, number)
    tally.settle("hostile flags", job)


def test_pictures(server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path, request: Any) -> None:
    from io import BytesIO

    from PIL import Image

    picture = Image.linear_gradient("L").resize((64, 64))
    whole: list[tuple[str, bytes]] = []
    for kind, mode in (
        ("png", "RGB"),
        ("jpeg", "RGB"),
        ("gif", "L"),
        ("bmp", "RGB"),
        ("webp", "RGBA"),
        ("tiff", "I;16"),
    ):
        buffer = BytesIO()
        picture.convert(mode).save(buffer, kind)
        whole.append((kind, buffer.getvalue()))
    for number in cases(request.config, 4, 60):
        draw = random.Random(f"pictures {number}")
        kind, data = draw.choice(whole)
        folder = tmp_path / "pictures"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / f"{number}.{kind}").write_bytes(bent(data, draw))
        words = f"explain {folder} --methods saliency --metrics rcap --shown 1 --device cpu --output {tmp_path / 'run'}"
        tried(server, tally, "hostile pictures", "explain", words.split(), tmp_path / "run", number)
    tally.settle("hostile pictures", "explain")


MODELS = {
    "diagnose": "diagnose --model {model} --tasks {questions} --questions 2 --rollouts 2 --arms none "
    "--max-new-tokens 4 --device cpu",
    "evaluate": "evaluate --model {model} --tasks {questions} --questions 2 --samples 2 --resamples 100 "
    "--max-new-tokens 4 --device cpu",
    "certify": "certify {model} {other} --up {rows} --device cpu",
    "explain-text": "explain-text hello 1a --model {model} --device cpu",
    "train bon": "train bon --model {model} --tasks {questions} --questions 2 --held-out 0 --steps 1 --samples 2 "
    "--answers-a-step 2 --rows-at-once 2 --max-new-tokens 4 --style raw --device cpu",
    "train grpo": "train grpo --model {model} --tasks {questions} --questions 2 --held-out 0 --steps 1 --prompts 2 "
    "--rollouts 2 --rows-at-once 4 --max-new-tokens 4 --style raw --device cpu",
}


def test_model_folders(
    model_of: str, server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path, request: Any
) -> None:
    whole, folder = save_model(tmp_path / "whole"), tmp_path / "model"
    questions = save_questions(tmp_path / "questions.jsonl")
    names = sorted(path.name for path in whole.iterdir() if path.is_file())
    for number in cases(request.config, 4, 60):
        draw = random.Random(f"{model_of} {number}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        path = folder / draw.choice(names)
        if path.suffix == ".json" and number % 2:
            text = dumped(mutated(json.loads(path.read_text()), draw, 0.1))
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        else:
            path.write_bytes(bent(path.read_bytes(), draw))
        given = {**paths, "model": folder, "questions": questions}
        argv = [word.format(**given) for word in MODELS[model_of].split()]
        tried(
            server,
            tally,
            "damaged model folders",
            model_of,
            [*argv, "--output", str(tmp_path / "run")],
            tmp_path / "run",
            number,
        )
    tally.settle("damaged model folders", model_of)


def damage(path: Path, draw: random.Random) -> None:
    """Bend bytes, or replace values of what is JSON by others: a row of a ledger then, not all of them."""
    data = path.read_bytes()
    if path.suffix not in (".json", ".jsonl") or draw.random() < 0.4:
        path.write_bytes(bent(data, draw))
        return
    lines = data.decode().split("\n") if path.suffix == ".jsonl" else [data.decode()]
    place = draw.randrange(max(1, len(lines) - 1))
    lines[place] = dumped(mutated(json.loads(lines[place]), draw, draw.choice([0.02, 0.1, 0.3])))
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))


def test_run_folders(
    job: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path, request: Any
) -> None:
    """Files of a run bent, then `report` and `--resume`: the same result, or one clear error."""
    check, whole = "damaged run folders, then report and resume", wholes.of(job).path
    for number in cases(request.config, 3, 24):
        draw = random.Random(f"{job} {number}")
        output = tmp_path / f"run-{number}"
        shutil.copytree(whole, output)
        files = [path for path in sorted(output.rglob("*")) if path.is_file() and path.name != "report.html"]
        if number % 3:
            (output / "summary.json").unlink()
            files.remove(output / "summary.json")
        path = draw.choice(files)
        damage(path, draw)
        for argv in (["report", str(output)], [*jobs.words(job, paths, output), "--resume"]):
            result = server.run(argv, limit=LIMIT)
            name = path.relative_to(output)
            problem = None if result.problem is None else f"case {number}, {argv[0]} with {name}: {result.problem}"
            tally.add(check, job, problem)
        shutil.rmtree(output)
    tally.settle(check, job)


KEEPING = (
    "train tiny-policy", "train bon", "train dpo", "train dpo --refresh", "train grpo", "train rwr", "unlearn",
)  # fmt: skip


@pytest.mark.parametrize("what", KEEPING)
def test_checkpoints(
    what: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path, request: Any
) -> None:
    """Checkpoints bent at random: the run resumes from a whole one, or from its beginning, to the same result."""
    if not full(request.config) and what != "train tiny-policy":
        pytest.skip("in the whole campaign")
    check, whole = "damaged checkpoints, then resumed", wholes.of(what)
    for number in cases(request.config, 2, 12):
        draw = random.Random(f"{what} {number}")
        output = tmp_path / f"run-{number}"
        argv = jobs.words(what, paths, output)
        # Late enough for two checkpoints.
        killed = server.run(argv, folder=str(output), at=round(whole.changes * draw.uniform(0.5, 0.95)))
        files = [path for path in sorted((output / "checkpoints").rglob("*")) if path.is_file()]
        if not files:
            continue
        for path in draw.sample(files, min(len(files), draw.randint(1, 2))):
            path.write_bytes(bent(path.read_bytes(), draw))
        result = server.run([*argv, "--resume"])
        problem = result.problem if result.status == 0 else f"{killed.status}, {result.status}: {result.err[-1500:]}"
        problem = problem or difference(what, output, whole.path)
        tally.add(check, what, None if problem is None else f"case {number}: {problem}")
        shutil.rmtree(output)
    tally.settle(check, what)
