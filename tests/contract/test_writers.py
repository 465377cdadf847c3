"""Every file that a job writes appears whole or not at all, and under a name whose leftovers go at the next start."""

import ast
from pathlib import Path

import antigrad

HOUSE = Path(antigrad.__file__).parent
WRITES = {"write_text", "write_bytes", "savez", "save_file", "save_pretrained", "save_model", "mkdtemp", "mkstemp"}
ALLOWED = {
    ("core/files.py", "mkstemp"): "write_atomic itself",
    ("core/files.py", "fdopen"): "write_atomic itself",
    ("core/ledger.py", "open"): "appends whole lines; a cut one is removed before the next",
    ("core/locks.py", "write_text"): "who holds the lock; goes with it",
    ("core/errors.py", "mkstemp"): "a list of problems among the system's temporary files",
    ("core/errors.py", "fdopen"): "the same",
    ("core/checkpoints.py", "open"): "opens what is written, to force it to disk",
    ("language/embedded.py", "mkdtemp"): "a folder under a name of leftovers, renamed when it is whole",
    ("language/embedded.py", "write_text"): "inside that folder",
    ("language/embedded.py", "save_pretrained"): "inside that folder",
    ("language/tiny/policy.py", "save_pretrained"): "the result, written again by a run without summary",
    ("posttraining/train/job.py", "save_model"): "the result, written again by a run without summary",
    ("posttraining/train/grpo/checkpoint.py", "save_file"): "inside a checkpoint, which counts with its manifest",
    ("posttraining/certify/gradients.py", "save_file"): "under a name of leftovers, then renamed",
    ("scenarios/planners/worker.py", "savez"): "into memory",
    ("scenarios/scenario/video.py", "open"): "into memory",
    ("scenarios/planners/worker.py", "fdopen"): "a pipe",
}
"""Who writes by himself, and why nothing half-written is ever read."""


def called(node: ast.Call) -> str | None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    if name in ("open", "fdopen"):
        modes = [
            part.value for part in (*node.args, *(one.value for one in node.keywords)) if isinstance(part, ast.Constant)
        ]
        texts = [mode for mode in modes if isinstance(mode, str) and len(mode) <= 3]
        writes = any(set(mode) & set("wax+") for mode in texts) or any(isinstance(one, ast.IfExp) for one in node.args)
        return name if writes else None
    return name if name in WRITES else None


def test_every_writer_is_known() -> None:
    found = {
        (str(path.relative_to(HOUSE)), name)
        for path in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (name := called(node)) is not None
    }
    assert found - ALLOWED.keys() == set(), "write it with core.files.write_atomic"
    assert ALLOWED.keys() - found == set(), "no longer there"
