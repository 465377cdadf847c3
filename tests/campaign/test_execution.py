"""Nothing that comes with a model, a checkpoint, data or settings is ever executed, and no link leads out of a run."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from antigrad.core.checkpoints import Checkpoints, seal
from helpers import jobs
from helpers.campaign import Server, Tally, Wholes, full
from helpers.models import save_model, save_questions

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore")]
MODELS = {
    "diagnose": "diagnose --model {model} --tasks {questions} --questions 2 --rollouts 2 --arms none "
    "--max-new-tokens 4",
    "diagnose pairs": "diagnose pairs --model {model} --pairs {pairs} --limit 2 --arms none --orders false",
    "evaluate": "evaluate --model {model} --tasks {questions} --questions 2 --samples 2 --resamples 100 "
    "--max-new-tokens 4",
    "certify": "certify {model} {other} --up {rows}",
    "train grpo": "train grpo --model {model} --tasks {questions} --questions 2 --held-out 0 --steps 1 --prompts 2 "
    "--rollouts 2 --rows-at-once 4 --max-new-tokens 4 --style raw --trl.beta 0.1",
    "train dpo": "train dpo --model {model} --pairs {pairs} --steps 1 --held-out 0 --pairs-a-step 1 --rows-at-once 1",
    "train bon": "train bon --model {model} --tasks {questions} --questions 2 --held-out 0 --steps 1 --samples 2 "
    "--answers-a-step 2 --rows-at-once 2 --max-new-tokens 4 --style raw",
    "train rwr": "train rwr --model {model} --tasks {questions} --questions 2 --held-out 0 --steps 1 --samples 2 "
    "--answers-a-step 2 --rows-at-once 2 --max-new-tokens 4 --style raw",
    "explain": "explain {pictures} --model {model} --methods saliency --metrics rcap",
    "explain-text": "explain-text hello 1a --model {model}",
}
AUTO = {
    "AutoConfig": "code.X", "AutoModel": "code.Y", "AutoModelForCausalLM": "code.Y", "AutoProcessor": "code.P",
    "AutoModelForImageClassification": "code.Y", "AutoTokenizer": ["code.T", "code.T"], "AutoImageProcessor": "code.P",
}  # fmt: skip


class Mark:
    """What a pickle does here: leave a mark."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def with_code(folder: Path, marker: Path) -> None:
    """Every map from names to classes leads to a module that leaves a mark when it is imported."""
    (folder / "code.py").write_text(f"open({str(marker)!r}, 'w').close()\nX = Y = T = P = object\n")
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        path = folder / name
        path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | {"auto_map": AUTO}))


def with_own_kind(folder: Path, marker: Path) -> None:
    """A kind of model that only its code knows."""
    with_code(folder, marker)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "own", "architectures": ["Own"]}))


def with_pickled_weights(folder: Path, marker: Path) -> None:
    """Weights as a pickle, the only ones there are."""
    (folder / "model.safetensors").unlink()
    pickled(folder / "pytorch_model.bin", marker)


def with_pickles_beside(folder: Path, marker: Path) -> None:
    """Pickles under every name that some loader reads."""
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "adapter_model.bin"):
        pickled(folder / name, marker)


def with_adapter(folder: Path, marker: Path) -> None:
    """A PEFT adapter whose weights are a pickle."""
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(folder), "r": 2, "target_modules": ["q_proj"]})
    )
    pickled(folder / "adapter_model.bin", marker)


def with_template(folder: Path, marker: Path) -> None:
    """A chat template that reaches for the interpreter."""
    text = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% set x = cycler.__init__.__globals__.os.popen('touch "
    text += f"{marker}') %}}{{{{ lipsum.__globals__['os'].system('touch {marker}') }}}}"
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": text}))
    (folder / "chat_template.jinja").write_text(text)


def with_generate(folder: Path, marker: Path) -> None:
    """A generation method of its own."""
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    path = folder / "generation_config.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | {"custom_generate": str(folder), "trust_remote_code": True}))


def pickled(path: Path, marker: Path) -> None:
    """A pickle as torch writes it, that leaves a mark when it is read."""
    torch.save({"weight": torch.zeros(1), "x": Mark(marker)}, path)


TRAPS: dict[str, Callable[[Path, Path], None]] = {
    "auto_map": with_code, "a kind of its own": with_own_kind, "pickled weights": with_pickled_weights,
    "pickles beside": with_pickles_beside, "a pickled adapter": with_adapter, "a chat template": with_template,
    "a generation method": with_generate,
}  # fmt: skip


def test_models(model_of: str, server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path) -> None:
    check, keys = "code in a model folder, yes on standard input", tmp_path / "keys"
    keys.write_text("y\n" * 99)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(
        "".join(json.dumps({"prompt": f"{n}+1=", "chosen": "a", "rejected": "b"}) + "\n" for n in range(3))
    )
    for name, trap in TRAPS.items():
        folder, marker = tmp_path / name.replace(" ", "-"), tmp_path / f"marker-{name.replace(' ', '-')}"
        save_model(folder)
        trap(folder, marker)
        given = {**paths, "model": folder, "pairs": pairs, "questions": save_questions(tmp_path / "questions.jsonl")}
        argv = [word.format(**given) for word in MODELS[model_of].split()]
        argv += ["--device", "cpu", "--output", str(tmp_path / f"run-{name}")]
        result = server.run(argv, typed=str(keys), limit=120)
        problem = "the code ran" if marker.exists() else result.problem
        problem = problem or ("it asked" if "[y/N]" in result.out + result.err else None)
        tally.add(check, model_of, None if problem is None else f"{name}: {problem}")
    tally.settle(check, model_of)


OF_TRAINER = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"]
PICKLED = {"train tiny-policy": ["training.pt"]} | dict.fromkeys(
    ("train bon", "train dpo", "train dpo --refresh", "train grpo", "train rwr"), OF_TRAINER
)


@pytest.mark.parametrize("what", PICKLED)
def test_checkpoints_with_pickles(
    what: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path, request: Any
) -> None:
    """Sealed again, so that the hash agrees: who can write the file can write the manifest."""
    check = "pickles in a checkpoint, sealed again"
    if not full(request.config) and what != "train tiny-policy":
        pytest.skip("in the whole campaign")
    for name in PICKLED[what]:
        output, marker = tmp_path / name, tmp_path / f"marker-{name}"
        shutil.copytree(wholes.of(what).path, output)
        (output / "summary.json").unlink()
        for folder in Checkpoints(output / "checkpoints").found():
            pickled(folder / name, marker)
            seal(folder)
        result = server.run([*jobs.words(what, paths, output), "--resume"])
        problem = "the code ran" if marker.exists() else None
        if problem is None and result.status not in (0, 1):
            problem = f"no clear error: {result.err[-900:]}"
        tally.add(check, what, None if problem is None else f"{name}: {problem}")
    tally.settle(check, what)


def test_data(server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path) -> None:
    """Pickles for weights, images and scenes, and settings that name Python objects."""
    check, marker = "code in data and settings", tmp_path / "marker"
    weights, archive, scenes = tmp_path / "weights.pt", tmp_path / "data.npz", tmp_path / "sd_x.pkl"
    pickled(weights, marker)
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("images.npy", "labels.npy"):
            file.writestr(name, b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
                          + b" " * 57 + b"\n" + pickle.dumps([Mark(marker)]))  # fmt: skip
    scenes.write_bytes(pickle.dumps({"id": Mark(marker), "tracks": {}}))
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"seed: !!python/object/apply:os.system ['touch {marker}']\n")
    out = ["--output", str(tmp_path / "run")]
    commands = {
        "unlearn": [["unlearn", "--weights", str(weights), *out], ["unlearn", "--data", str(archive), *out]],
        "unlearn compare": [["unlearn", "compare", "--weights", str(weights), *out]],
        "scenario": [["scenario", str(scenes), *out]],
        "explain": [["explain", str(paths["pictures"]), "--model", f"timm:local-dir:{tmp_path}", *out]],
        **{job: [[*jobs.words(job, paths, tmp_path / "run"), "--config", str(settings)]] for job in jobs.SMALL},
    }
    for what, all_of_it in commands.items():
        for argv in all_of_it:
            result = server.run(argv)
            shutil.rmtree(tmp_path / "run", ignore_errors=True)
            problem = "the code ran" if marker.exists() else result.problem
            marker.unlink(missing_ok=True)
            tally.add(check, what, None if problem is None else f"{' '.join(argv[:4])}: {problem}")
    for what in commands:
        tally.settle(check, what)


def test_run_folders(server: Server, tally: Tally, wholes: Wholes, tmp_path: Path) -> None:
    """`run.yaml` that names Python objects, and a page with paths."""
    check, marker, run = "code in a run folder", tmp_path / "marker", tmp_path / "run"
    shutil.copytree(wholes.of("explain-text").path, run)
    facts = yaml.safe_load((run / "run.yaml").read_text())
    (run / "run.yaml").write_text(
        yaml.safe_dump(facts).replace("seed: 0", f"seed: !!python/object/apply:os.system ['touch {marker}']")
    )
    result = server.run(["report", str(run)])
    tally.add(check, "report", "the code ran" if marker.exists() else result.problem)
    tally.settle(check, "report")


@pytest.mark.parametrize("name", ["artifacts", "checkpoints", "ledger.jsonl", "summary.json", "report.html"])
def test_links(
    job: str, name: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path
) -> None:
    """A link in the place of something of a run: refused, or replaced, and nothing outside is written to."""
    check, output, elsewhere = "links out of a run folder", tmp_path / "run", tmp_path / "elsewhere"
    shutil.copytree(wholes.of(job).path, output)
    (output / "summary.json").unlink()
    target = output / name
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    elsewhere.mkdir()
    leads_to = elsewhere / "file" if "." in name else elsewhere
    if "." in name:
        leads_to.write_text("mine")
    target.symlink_to(leads_to)
    problem: str | None = None
    for argv in ([*jobs.words(job, paths, output), "--resume"], ["report", str(output)]):
        result = server.run(argv)
        left = {str(path.relative_to(elsewhere)): path.read_text() for path in elsewhere.rglob("*") if path.is_file()}
        written = left != ({"file": "mine"} if "." in name else {})
        problem = problem or (f"written outside: {left}" if written else result.problem)
    tally.add(check, job, None if problem is None else f"{name}: {problem}")
    tally.settle(check, job)
