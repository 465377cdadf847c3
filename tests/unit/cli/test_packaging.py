"""What a stranger installs: metadata, links, citation, the image of the demo."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

HOME = Path(__file__).parents[3]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())


def test_the_index_page_has_no_link_into_the_repository() -> None:
    text = (HOME / "README.md").read_text()
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert re.search(r"\]\(docs/", text), "there is nothing to leave out"
    for one in hook["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    assert not re.search(r"\]\((?!https?:|#)", text)
    assert "what a certificate says, and what it does not" in text  # its words stay


def test_the_citation_is_of_this_project() -> None:
    citation = yaml.safe_load((HOME / "CITATION.cff").read_text())
    project = PROJECT["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["cff-version"] == "1.2.0" and citation["authors"] and citation["message"] and citation["title"]


def test_the_image_runs_the_demo_with_files_that_exist() -> None:
    """There is no Docker to build it here: its commands are the Makefile's, its files are there, nobody is root."""
    text = re.sub(r"\\\n", " ", (HOME / "Dockerfile").read_text())
    steps = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    words = [word for word, _ in steps]
    assert words[0] == "FROM" and re.fullmatch(r"python:3\.\d+-slim", steps[0][1])
    makefile = (HOME / "Makefile").read_text()
    assert steps[-1] == ["CMD", '["make", "demo"]'] and re.search(r"^demo:", makefile, re.M)
    assert "RUN make .venv/.ready" in text and "READY := $(VENV)/.ready" in makefile
    copied = [name for word, rest in steps if word == "COPY" for name in rest.split()[1:-1]]
    assert all((HOME / name.removeprefix("./")).exists() for name in copied)
    hooks = PROJECT["project"]["license-files"] + ["README.md", "pyproject.toml", "constraints.txt", "src", "Makefile"]
    assert {name.rstrip("/").removeprefix("./") for name in copied} >= set(hooks)
    assert words.index("USER") < max(place for place, word in enumerate(words) if word == "RUN")
    installs = [rest for word, rest in steps if word == "RUN" and "apt-get install" in rest]
    assert all("--no-install-recommends" in one and "rm -rf /var/lib/apt/lists" in one for one in installs)


@pytest.mark.parametrize("extra", ["train", "posttraining", "attribution", "lab", "unlearning", "scenarios", "report"])
def test_all_brings_every_wing(extra: str) -> None:
    (line,) = PROJECT["project"]["optional-dependencies"]["all"]
    assert extra in line.removeprefix("antigrad[").removesuffix("]").split(",")


def test_the_extra_has_the_bounds_that_the_import_says() -> None:
    from antigrad.posttraining.train.tested import LEAST, TESTED

    (line,) = [one for one in PROJECT["project"]["optional-dependencies"]["train"] if one.startswith("trl")]
    low, high = re.fullmatch(r"trl>=([\d.]+),<([\d.]+)", line).groups()  # type: ignore[union-attr]
    assert low == TESTED
    assert LEAST < tuple(map(int, TESTED.split("."))) < tuple(map(int, high.split(".")))


@pytest.mark.parametrize(("found", "refused", "said"), [("1.5.2", True, False), ("1.12.0", False, True),
                                                        ("1.16.3", False, False)])  # fmt: skip
def test_another_trl_is_said_on_import_and_one_too_old_refused(
    found: str, refused: bool, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from antigrad.core import AntigradError
    from antigrad.posttraining.train import tested

    monkeypatch.setattr(tested, "version", lambda name: found)
    if refused:
        with pytest.raises(AntigradError, match=r"TRL 1.5.2.*1\.16 is tested"):
            tested.check_trl()
    elif said:
        with pytest.warns(UserWarning, match=r"TRL 1.12.0: the trainers are tested with TRL 1\.16"):
            tested.check_trl()
    else:
        tested.check_trl()


def test_the_pythons_that_are_claimed_are_the_same_everywhere() -> None:
    prefix = "Programming Language :: Python :: "
    claimed = [one.removeprefix(prefix) for one in PROJECT["project"]["classifiers"] if one.startswith(prefix)]
    (sentence,) = re.findall(r"need Python ([^\n]*?) and nothing else", (HOME / "README.md").read_text())
    assert re.findall(r"3\.\d+", sentence) == claimed == ["3.11", "3.12", "3.13"]
    assert PROJECT["project"]["requires-python"] == f">={claimed[0]}"
    assert f"python:{claimed[0]}-slim" in (HOME / "Dockerfile").read_text()
