"""Killed behind its last step, a training resumes to the same rows and weights: no step is made beyond the last."""

import shutil
from pathlib import Path

import pytest

from antigrad.cli.main import main
from antigrad.core.runs import RunFolder
from helpers import jobs
from helpers.same import difference

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("job", ["train grpo", "train dpo", "train dpo --refresh", "train bon", "train rwr"])
def test_no_step_beyond_the_last(job: str, tmp_path: Path) -> None:
    """Their last step is in the middle of an epoch, or a multiple of nothing: 4 and 5 steps."""
    paths = jobs.given(tmp_path)
    argv = [*jobs.words(job, paths, tmp_path / "run"), "--steps", "5"]
    assert main(argv) == 0
    run, whole = tmp_path / "run", tmp_path / "whole"
    shutil.copytree(run, whole)
    for name in ("summary.json", "artifacts/page.json", "report.html"):
        (run / name).unlink()
    shutil.rmtree(run / "checkpoints" / "policy")
    assert main([*argv, "--resume"]) == 0
    assert difference(job, run, whole) is None
    assert [row["step"] for row in RunFolder.open(run).ledger.stream("train")] == [1, 2, 3, 4, 5]
