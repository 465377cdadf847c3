"""Commands that run no job: they list, or show what a job has left."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table
from rich.text import Text

from antigrad.cli.extras import install_line
from antigrad.cli.jobs import JOBS, View, load
from antigrad.cli.parsers import build
from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.core.ledger import to_json
from antigrad.core.runs import RunFolder


def finish(run: RunFolder, *, as_json: bool) -> None:
    """Write the report of a run, say where it is.

    Args:
        run: A run that is done.
        as_json: Print its summary instead.

    Raises:
        AntigradError: The summary is wanted, and there is none.
    """
    if int(os.environ.get("RANK", "0")) > 0:
        return  # one of several processes: the first one writes and speaks
    from antigrad.core.page import ARTIFACT

    page = load("antigrad.report:write_report")(run) if run.artifact(ARTIFACT).exists() else None
    if as_json:
        if not run.summary:
            job = run.facts.get("job", "JOB")
            raise AntigradError(
                f"{run.path} has no summary.json: the run is not finished",
                "a finished run",
                f"run `antigrad {job}` again with the same settings, --output {run.path} and --resume",
            )
        print(json.dumps(to_json(run.summary)))  # noqa: T201
        return
    console = Console()
    if page is not None:
        console.print(load("antigrad.report.read:read_page")(run).verdict.text(), markup=False, highlight=False)
    console.print(f"run folder: {run.path}", markup=False, soft_wrap=True)
    if page is not None:
        console.print(f"report: {page.resolve().as_uri()}", markup=False, soft_wrap=True)
        for inside in sorted(run.path.glob("*/report.html")):
            console.print(f"{inside.parent.name}: {inside.resolve().as_uri()}", markup=False, soft_wrap=True)


def show_report(parsed: Namespace) -> None:
    """Write the report of a run again, or its ledger as Parquet.

    Args:
        parsed: The run folder, and whether tables or the summary are wanted.
    """
    run = RunFolder.open(parsed.run)
    if parsed.parquet:
        for path in load("antigrad.report:write_tables")(run):
            Console().print(f"table: {path}", markup=False, highlight=False, soft_wrap=True)
        return
    load("antigrad.report:write_report")(run)
    finish(run, as_json=parsed.json)


def show_methods(parsed: Namespace) -> None:
    """List what can be named on the command line: rules, models, tasks, verifiers.

    Args:
        parsed: Whether JSON is wanted.
    """
    from antigrad.cli.listing import KINDS, methods

    known = methods()
    if parsed.json:
        print(json.dumps(known))  # noqa: T201
        return
    console = Console()
    for kind in KINDS:
        missing = install_line(kind.needs)
        console.print(Text.assemble((kind.title, "bold"), f"  (to use them: {missing})" if missing else ""))
        console.print(columns(known[kind.title]))


def show_studies(parsed: Namespace) -> None:
    """List the studies of the laboratory with their questions.

    Args:
        parsed: Whether JSON is wanted.
    """
    from antigrad.cli.listing import studies

    if parsed.json:
        print(json.dumps(studies()))  # noqa: T201
    else:
        Console().print(columns(studies()))


def show_completion(parsed: Namespace) -> None:
    """Print a script that completes commands and flags in a shell.

    Args:
        parsed: The shell.

    Raises:
        InputValueError: There is no script for it.
    """
    import shtab

    if parsed.shell not in shtab.SUPPORTED_SHELLS:
        hint = did_you_mean(parsed.shell, shtab.SUPPORTED_SHELLS)
        raise InputValueError(f"shell {parsed.shell!r}", "a shell that can be completed", hint)
    # The settings of a job that can't run here can't be imported either: its words are completed, its flags not.
    ready = [command.words for command in COMMANDS if not install_line(command.needs)]
    print(build(COMMANDS, ready)[()].get_completion_script(f"shtab-{parsed.shell}"))  # noqa: T201


def columns(lines: Mapping[str, str]) -> Table:
    """Lay out names with a line each.

    Args:
        lines: Name and line.

    Returns:
        What rich prints.
    """
    grid = Table.grid(padding=(0, 2))
    for name, line in lines.items():
        grid.add_row(Text(f"  {name}"), Text(line))
    return grid


def _json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print as JSON")


def _run(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--json", action="store_true", help="print the summary instead of the place of the report")
    parser.add_argument(
        "--parquet",
        action="store_true",
        help="write the whole ledger as Parquet instead: artifacts/tables/KIND.parquet",
    )


def _shell(parser: ArgumentParser) -> None:
    parser.add_argument("shell", help="bash, zsh or another that shtab knows")


VIEWS = (
    View(("lab", "list"), "list the studies of the laboratory", show_studies, _json),
    View(("report",), "write the report of a run again", show_report, _run, needs=("report",)),
    View(("methods",), "list rules, models, tasks and verifiers", show_methods, _json),
    View(("completion",), "print a script that completes commands and flags in a shell", show_completion, _shell),
)
COMMANDS = (*JOBS, *VIEWS)
