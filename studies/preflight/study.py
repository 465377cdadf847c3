"""The preflight that `make demo` runs: SmolLM2-135M on its default questions, and the tiny policy beside it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.report import write_report

FOLDER = Path("runs/preflight-study")
TINY = Path("runs/preflight-study-tiny")
RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "default_run.json"
KEPT_TINY = RESULTS / "tiny_run.json"
BESIDE = {"model": "tiny", "tasks": "tiny_arithmetic", "questions": 16}
"""What the second command of `make demo` says."""


def run(quick: bool, keep: bool) -> None:
    """Run both commands; their summaries are what is kept."""
    config = DiagnoseConfig(output=FOLDER, resume=FOLDER.exists())
    if quick:
        folder = FOLDER.with_name("preflight-study-quick")
        shutil.rmtree(folder, ignore_errors=True)
        measure(replace(config, **BESIDE | {"questions": 2}, output=folder, resume=False))
        return
    beside = replace(config, **BESIDE, output=TINY, resume=TINY.exists())
    for each, kept in ((config, KEPT), (beside, KEPT_TINY)):
        figures = measure(each)
        if keep:
            kept.write_text(figures + "\n")


def measure(config: DiagnoseConfig) -> str:
    """Run one preflight and write its report.

    Args:
        config: What is asked.

    Returns:
        Its summary as JSON.
    """
    done = diagnose(config)
    write_report(done)
    print(json.dumps(done.summary))
    return json.dumps(done.summary, indent=2)
