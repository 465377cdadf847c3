"""What a run is computed with: versions, commit, interpreter, platform."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

from antigrad.core.packages import versions_of


def environment(job: str) -> dict[str, Any]:
    """Look at what a job runs with.

    Args:
        job: Name of the job.

    Returns:
        For `run.yaml`: versions of the packages that its wing uses, commit of the sources, Python, platform.

    Example:
        >>> sorted(environment("lab run"))
        ['git', 'platform', 'python', 'versions']
    """
    return {
        "versions": versions_of(job),
        "git": _git_hash(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _git_hash() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
