"""Every flag and every extra that a text of this package names exists, in the command that says it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import antigrad
from antigrad.cli.arguments import kinds
from antigrad.cli.jobs import JOBS, Job, load

SOURCES = Path(antigrad.__file__).parent
FLAG = re.compile(r"(?<![\w-])--([a-z][\w-]*)")
EXTRA = re.compile(r"antigrad\[([\w,-]+)\]")
OF_ALL = {"help", "version", "json", "config", "print_config"}
OF_OTHERS = {"no-deps", "head", "parquet"}
"""Flags of pip, of Ray, and of `antigrad report`, which is no job."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Texts that a user may see: not docstrings."""
    tree = ast.parse(path.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # as a whole: a command may stand before a value, its flag behind it
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            alone |= set(map(id, parts))
            yield node.lineno, " ".join(str(part.value) for part in parts)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


def room(job: Job) -> Path:
    return SOURCES.parent.joinpath(*job.run.partition(":")[0].split(".")).parent


def jobs_of(path: Path) -> list[Job]:
    """The jobs in whose room a file is, the innermost; all where it is in none."""
    inside = [job for job in JOBS if path.is_relative_to(room(job))]
    deepest = max((len(room(job).parts) for job in inside), default=0)
    return [job for job in inside if len(room(job).parts) == deepest] or list(JOBS)


def named(text: str) -> set[str]:
    """Flags of the command that a text names, `antigrad diagnose --model …`."""
    said = [job for job in JOBS if f"antigrad {' '.join(job.words)} " in text]
    longest = max((len(job.words) for job in said), default=0)
    return {name for job in said if len(job.words) == longest for name in kinds(load(job.settings))}


NAMING = [path for path in sorted(SOURCES.rglob("*.py")) if any(FLAG.search(text) for _, text in texts(path))]


@pytest.mark.parametrize("path", NAMING, ids=lambda path: str(path.relative_to(SOURCES)))
def test_a_flag_that_is_named_is_one_of_the_command(path: Path) -> None:
    jobs = jobs_of(path)
    known = OF_ALL | OF_OTHERS | {name for job in jobs for name in kinds(load(job.settings))}
    wrong = [
        f"line {line}: --{flag}"
        for line, text in texts(path)
        for flag in FLAG.findall(text)
        if flag not in known | named(text)
    ]
    assert not wrong, f"no flag of {', '.join(' '.join(job.words) for job in jobs)}"


def test_an_extra_that_is_named_is_one_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    known = set(project["optional-dependencies"])
    named = {
        (path.name, extra)
        for path in SOURCES.rglob("*.py")
        for _, text in texts(path)
        for found in EXTRA.findall(text)
        for extra in found.split(",")
    }
    assert named and {(name, extra) for name, extra in named if extra not in known} == set()
