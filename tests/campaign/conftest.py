"""The campaign: kills, damage, hostile input and attempts at execution, for every command; one table at the end.

`make campaign` runs all of it, `make campaign-short` what fits into a minute and a half. The default run leaves it out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers import jobs
from helpers.campaign import HERE, TALLY, Server, Tally, Wholes, full

SHORT = ("train tiny-policy", "explain-text")
"""Jobs of the short form."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the whole campaign, not what fits into a minute and a half")
    parser.addoption("--kept", type=Path, help="folder of what was tried; tests that passed are not run again")
    parser.addoption("--write", type=Path, help="page whose generated part takes the table")


def pytest_configure(config: pytest.Config) -> None:
    TALLY.folder = config.getoption("--kept", default=None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if TALLY.folder is not None:
        passed = Tally.kept(TALLY.folder)[1]
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = "campaign" in (config.getoption("markexpr") or "")
    return None if asked and collection_path.name != "server.py" else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "job" in metafunc.fixturenames:
        metafunc.parametrize("job", list(jobs.SMALL) if full(metafunc.config) else SHORT)
    if "model_of" in metafunc.fixturenames:
        known = metafunc.function.__globals__["MODELS"]
        metafunc.parametrize("model_of", list(known) if full(metafunc.config) else ["explain-text"])
    if "rows_of" in metafunc.fixturenames:
        known = metafunc.function.__globals__["ROWS"]
        metafunc.parametrize("rows_of", list(known) if full(metafunc.config) else ["certify", "train dpo"])


BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"
LONG_BEGIN, LONG_END = "<!-- long: begin -->", "<!-- long: end -->"


@pytest.fixture(scope="session")
def tally() -> Tally:
    return TALLY


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)  # of a process of pytest-xdist
    if output is not None:
        output["tally"] = TALLY.plain()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    TALLY.take(getattr(node, "workeroutput", {}).get("tally"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    found = TALLY if TALLY.folder is None else Tally.kept(TALLY.folder)[0]
    if not found.tried:
        return
    found.skipped |= TALLY.skipped
    lines, long = found.lines(), found.long_lines()
    terminalreporter.section("campaign")
    for line in lines:
        terminalreporter.write_line(line)
    page: Path | None = config.getoption("--write", default=None)
    if page is not None:
        text = page.read_text()
        head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
        form = "the whole campaign" if full(config) else "the short form"
        note = f"The last run of {form}, on {sys.platform} with Python {sys.version.split()[0]}."
        text = "\n".join([head + BEGIN, note, "", *lines, END]) + tail
        if found.long:
            head, tail = text.partition(LONG_BEGIN)[0], text.partition(LONG_END)[2]
            text = "\n".join([head + LONG_BEGIN, *long, LONG_END]) + tail
        page.write_text(text)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, compiler = tmp_path_factory.mktemp("server"), shutil.which("cc")
    shim: Path | None = folder / "shim.so"
    if compiler is None or sys.platform != "linux":
        shim = None
    else:
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", shim, HERE / "shim.c", "-ldl"], check=True)
    one = Server(shim, folder)
    yield one
    one.close()


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return jobs.given(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="session")
def wholes(server: Server, paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Wholes:
    return Wholes(server, paths, tmp_path_factory.mktemp("wholes"))
