"""Every page of every job begins with a verdict: what was asked, what came out, how sure that is, what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import antigrad
from antigrad.cli.jobs import JOBS

SOURCE = Path(antigrad.__file__).parent


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


PAGES = [
    pytest.param(path, call, id=f"{path.relative_to(SOURCE)}:{call.lineno}")
    for path in sorted(SOURCE.rglob("*.py"))
    if path.relative_to(SOURCE).parts[0] not in {"core", "report"}
    for call in _calls(ast.parse(path.read_text(encoding="utf-8")), "Page")
]


def _makers() -> set[str]:
    # Functions that say they give a verdict.
    return {
        node.name
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "Verdict"
    } | {"Verdict"}


MAKERS = _makers()


def _is_verdict(given: ast.expr, tree: ast.Module) -> bool:
    if isinstance(given, ast.IfExp):
        return _is_verdict(given.body, tree) and _is_verdict(given.orelse, tree)
    if isinstance(given, ast.Call):
        return isinstance(given.func, ast.Name) and given.func.id in MAKERS
    if not isinstance(given, ast.Name):
        return False
    values = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == given.id for t in node.targets)
    ]
    said = [
        ast.unparse(argument.annotation)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args
        if argument.arg == given.id and argument.annotation is not None
    ]
    return bool(values or said) and all(_is_verdict(v, tree) for v in values) and all("Verdict" in s for s in said)


@pytest.mark.parametrize(("path", "call"), PAGES)
def test_a_page_begins_with_a_verdict(path: Path, call: ast.Call) -> None:
    assert len(call.args) == 3, "title, verdict, sections"
    assert _is_verdict(call.args[1], ast.parse(path.read_text(encoding="utf-8"))), ast.unparse(call.args[1])


def test_every_job_has_a_page() -> None:
    rooms = {path.values[0].relative_to(SOURCE).parts[0] for path in PAGES}  # type: ignore[attr-defined, union-attr]
    assert {job.run.split(":")[0].split(".")[1] for job in JOBS} <= rooms


def test_a_text_in_the_place_of_a_verdict_is_found() -> None:
    tree = ast.parse("def f(run):\n    lead = 'It ran.'\n    Page('T', lead, [])")
    assert not _is_verdict(_calls(tree, "Page")[0].args[1], tree)
