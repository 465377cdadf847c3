"""The worked example of CONTRIBUTING.md, taken from the page and run: the rule, its test, the contract."""

import os
import re
import subprocess
import sys
from pathlib import Path

from antigrad.credit import CREDIT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
DROP_IN = "import antigrad.credit\n\nantigrad.credit.__path__.append({folder!r})\n"
"""A file beside the house's own; the catalog does not tell them apart."""


def test_the_worked_example_is_a_rule_that_passes_its_test_and_the_contract(tmp_path: Path) -> None:
    rule, test = (re.search(rf"^`{place}(\w+)\.py`:\n\n```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
                  for place in ("src/antigrad/credit/", "tests/unit/credit/"))  # fmt: skip
    assert rule is not None
    assert test is not None
    name = rule[1]
    assert name not in CREDIT.names(), "the example shows how to add what is not there"
    assert test[1] == f"test_{name}"
    for line in (f"# lists {name}", f'"none,{name},{name}(', f"tests/contract tests/unit/credit/test_{name}.py"):
        assert line in PAGE
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / f"{name}.py").write_text(rule[2])
    (tmp_path / f"test_{name}.py").write_text(test[2])
    (tmp_path / "drop_in.py").write_text(DROP_IN.format(folder=str(tmp_path / "rules")))
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "src"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    contract = str(ROOT / "tests" / "contract" / "test_credit_contract.py")
    words = [
        "-q",
        "-p",
        "drop_in",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(ROOT),
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-k", name, contract, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    passed = re.search(r"(\d+) passed", found.stdout)
    assert passed is not None
    # The rule's own test and doctest, and more than ten rows of the contract.
    assert int(passed[1]) >= test[2].count("def test_") + 11
