"""From a finished run to its `report.html`."""

from __future__ import annotations

from pathlib import Path

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import write_atomic
from antigrad.core.runs import RunFolder
from antigrad.report.read import read_page


def write_report(run: RunFolder) -> Path:
    """Write the page of a run as one file that needs no network.

    Args:
        run: A finished run: its job has written `artifacts/page.json`.

    Returns:
        The path of `report.html`, written whole or not at all.

    Raises:
        AntigradError: The run is not finished, the place can't be written, or the packages of the
            extra `report` are not installed.
        InputValueError: A file of the run is damaged.

    Example:
        >>> import tempfile
        >>> from antigrad.core.page import Card, Cards, Page
        >>> run = RunFolder.start(Path(tempfile.mkdtemp()) / "r", job="demo", config={"seed": 1})
        >>> _ = Page("Demo", "It ran.", [Cards("Result", [Card("accuracy", "50 %")])]).write(run)
        >>> write_report(run).name
        'report.html'
    """
    page, facts, summary = read_page(run), run.facts, run.summary
    try:
        from antigrad.report.render import render
    except ModuleNotFoundError as error:
        raise AntigradError(
            f"no module {error.name!r}", "the packages that draw the report", "pip install 'antigrad[report]'"
        ) from error
    try:
        html = render(page, facts, summary, name=run.path.resolve().name)
    except RecursionError as error:
        raise InputValueError(f"{run.path}: a page nested too deep", "what its job wrote", "run it anew") from error
    return write_atomic(run.path / "report.html", html.encode("utf-8", errors="replace"))
