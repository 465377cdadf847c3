"""From a finished run to its `report.html`."""

from __future__ import annotations

from pathlib import Path

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import write_atomic
from antigrad.core.page import ARTIFACT
from antigrad.core.runs import RunFolder
from antigrad.report.read import read_page


def write_report(run: RunFolder) -> Path:
    """Write the page of a run as one file that needs no network.

    Args:
        run: A finished run: its job has written `artifacts/page.json`.

    Returns:
        The path of `report.html`, written whole or not at all. Runs in folders of the run, as the certificate of a
        training is, get pages too, and links to them.

    Raises:
        AntigradError: The run is not finished, the place can't be written, or the packages of the
            extra `report` are not installed.
        InputValueError: A file of the run is damaged.

    Example:
        >>> import tempfile
        >>> from antigrad.core.page import Card, Cards, Page
        >>> run = RunFolder.start(Path(tempfile.mkdtemp()) / "r", job="demo", config={"seed": 1})
        >>> _ = Page("Demo", "It ran.", [Cards("Result", [Card("accuracy", "50%")])]).write(run)
        >>> write_report(run).name
        'report.html'
    """
    page, facts, summary = read_page(run), run.facts, run.summary
    inside = {f"{one.path.name}/{write_report(one).name}": read_page(one).title for one in _runs_inside(run)}
    try:
        from antigrad.report.render import render
    except ModuleNotFoundError as error:
        raise AntigradError(
            f"no module {error.name!r}", "the packages that draw the report", "pip install 'antigrad[report]'"
        ) from error
    try:
        html = render(page, facts, summary, name=run.path.resolve().name, inside=inside)
    except RecursionError as error:
        raise InputValueError(f"{run.path}: a page nested too deep", "what its job wrote", "run it again") from error
    return write_atomic(run.path / "report.html", html.encode("utf-8", errors="replace"))


def _runs_inside(run: RunFolder) -> list[RunFolder]:
    folders = sorted(one for one in run.path.iterdir() if one.is_dir() and not one.is_symlink())
    runs = [RunFolder(one) for one in folders if (one / "run.yaml").is_file()]
    return [one for one in runs if one.artifact(ARTIFACT).is_file()]
