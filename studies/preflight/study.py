"""The default preflight on SmolLM2-135M: does anything fall there, and which rule changes it?"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.report import write_report

FOLDER = Path("runs/preflight-study")
KEPT = Path(__file__).parent / "results" / "default_run.json"


def run(quick: bool, keep: bool) -> None:
    """Run `antigrad diagnose` with its defaults; its summary is what is kept."""
    config = DiagnoseConfig(output=FOLDER, resume=FOLDER.exists())
    if quick:
        shutil.rmtree(FOLDER.with_name("preflight-study-quick"), ignore_errors=True)
        config = replace(
            config, model="tiny", tasks="tiny_arithmetic", questions=2, output=FOLDER.with_name("preflight-study-quick")
        )
    done = diagnose(config)
    write_report(done)
    print(json.dumps(done.summary))
    if keep:
        KEPT.write_text(json.dumps(done.summary, indent=2) + "\n")
