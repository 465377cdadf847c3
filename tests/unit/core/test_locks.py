"""One process a folder: who is refused, who waits, what dead processes leave, and that nothing is left."""

import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError, did_you_mean, shortened
from antigrad.core.locks import LOCK, OWNER, FolderLock, clear_leftovers
from antigrad.core.runs import RunFolder

HOLD = """
import sys, time
from pathlib import Path
from antigrad.core.runs import RunFolder
run = RunFolder.start(Path(sys.argv[1]), job="j", config={"a": 1}, resume=True)
run.ledger.append({"kind": "row"})
print("held", flush=True)
time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def start(folder: Path, *, resume: bool = True) -> RunFolder:
    return RunFolder.start(folder, job="j", config={"a": 1}, resume=resume)


def test_a_second_process_is_refused_and_told_whose_it_is(tmp_path: Path) -> None:
    process = holder(tmp_path / "run")
    try:
        for resume in (True, False):
            with pytest.raises(AntigradError, match=r"in use by process|already has a run"):
                start(tmp_path / "run", resume=resume)
        with pytest.raises(AntigradError, match=f"process {process.pid} on"):
            start(tmp_path / "run")
        assert len(RunFolder.open(tmp_path / "run").ledger.rows()) == 1  # reading needs no lock
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    start(tmp_path / "run").ledger.append({"kind": "row"})  # a dead process holds nothing
    assert len(RunFolder.open(tmp_path / "run").ledger.rows()) == 2


def test_two_fresh_runs_do_not_both_start(tmp_path: Path) -> None:
    code = HOLD.replace(", resume=True", "").replace("time.sleep(60)", "time.sleep(3)")
    many = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")], stdout=PIPE, stderr=PIPE)
        for _ in range(4)
    ]
    outputs = [process.communicate() for process in many]
    assert sum(out == b"held\n" for out, _ in outputs) == 1
    assert all(b"AntigradError" in error for out, error in outputs if out != b"held\n")
    assert len(RunFolder.open(tmp_path / "run").ledger.rows()) == 1


def test_a_job_may_open_its_own_folder_again_and_leaves_nothing(tmp_path: Path) -> None:
    first = start(tmp_path / "run")
    second = start(tmp_path / "run")
    first.release()
    assert (tmp_path / "run" / LOCK).exists()
    second.write_summary({"a": 1})
    assert sorted(item.name for item in (tmp_path / "run").iterdir()) == ["run.yaml", "summary.json"]


def test_a_lock_goes_with_what_holds_it(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    assert (tmp_path / OWNER).exists()
    del lock
    assert not (tmp_path / OWNER).exists()


def test_waiting_for_another_process(tmp_path: Path) -> None:
    process = holder(tmp_path / "run")
    killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {process.pid}"])
    begun = time.monotonic()
    with FolderLock(tmp_path / "run", wait=True):
        assert time.monotonic() - begun > 0.5
    killer.wait()
    process.wait()
    process.stdout.close()  # type: ignore[union-attr]


def test_leftovers_of_killed_writes_go_at_the_next_start(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    (run.path / ".summary.json.ab12cd.partial").write_text("{")
    (run.path / "artifacts").mkdir()
    (run.path / "artifacts" / ".a.json.ab12cd.partial").write_text("{")
    (run.path / "artifacts" / "notes.partial").write_text("mine")  # not hidden: not ours
    (run.path / "artifacts" / ".tmpAb12Cd").write_text("half a safetensors file")
    (run.path / "artifacts" / ".tmpfiles").write_text("mine")
    (run.path / ".model.x.partial").mkdir()
    (run.path / ".model.x.partial" / "weights").write_bytes(b"0")
    run.release()
    again = start(tmp_path / "run")
    left = {str(path.relative_to(run.path)) for path in run.path.rglob("*")}
    assert left == {"run.yaml", "artifacts", "artifacts/notes.partial", "artifacts/.tmpfiles", LOCK, OWNER}
    again.release()


def test_leftovers_behind_a_link_stay(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".a.partial").write_text("theirs")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "other")
    clear_leftovers(tmp_path / "run")
    assert (tmp_path / "other" / ".a.partial").exists()


@pytest.mark.parametrize("name", ["artifacts", "checkpoints", "ledger.jsonl"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    run = start(tmp_path / "run")
    run.release()
    target = tmp_path / "elsewhere"
    target.touch() if name.endswith("jsonl") else target.mkdir()
    (run.path / name).symlink_to(target)
    with pytest.raises(InputValueError, match=f"{name} leads out of the folder"):
        start(tmp_path / "run")
    if name == "artifacts":
        with pytest.raises(InputValueError, match="not a link"):
            RunFolder.open(run.path).write_json("page.json", {})
        assert not any(target.iterdir())


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(AntigradError, match=r"too long|NUL"):
        start(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.yaml", "config: " + "[" * 100_000),
        ("run.yaml", b"config: \xff\xfe"),
        ("summary.json", "[" * 100_000),
        ("ledger.jsonl", "[" * 100_000 + "\n"),
        ("ledger.jsonl", '{"a": ' + "9" * 6000 + "}\n"),
    ],
)
def test_damaged_files_give_one_clear_error(tmp_path: Path, name: str, content: str | bytes) -> None:
    run = start(tmp_path / "run")
    run.release()
    (run.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    again = RunFolder.open(run.path)
    with pytest.raises(InputValueError):
        again.facts if name == "run.yaml" else again.summary if name == "summary.json" else again.ledger.rows()


def test_a_ledger_that_is_a_folder(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    (run.path / "ledger.jsonl").mkdir()
    with pytest.raises(InputValueError, match="a file"):
        run.ledger.rows()


def test_echoes_have_a_bound() -> None:
    error = ManyInputsError("rows", [f"line {number}: " + "x" * 5000 for number in range(300_000 // 100)])
    assert len(str(error)) < 60_000 and "2,980 more" in str(error)
    name = str(error).rpartition("all are in ")[2]
    kept = Path(name).read_text().splitlines()
    Path(name).unlink()
    assert len(kept) == 3000 and kept[-1].startswith("3000. line 2999: xxx")
    assert len(str(AntigradError("x" * 100_000, "less", "shorten it"))) < 3000
    assert len(did_you_mean("word" * 5000, [f"name{number}" for number in range(5000)])) < 3000
    assert shortened("short") == "short"
