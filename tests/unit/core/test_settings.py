"""Settings check themselves when they are made: kinds first, then what the job checks, all at once."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from antigrad.cli.jobs import JOBS, load
from antigrad.core import ManyInputsError
from antigrad.core.errors import raise_all
from antigrad.core.settings import Settings


@dataclass(frozen=True)
class Small(Settings):
    steps: int = 1
    rate: float = 0.1
    seed: int | None = None
    names: list[str] = field(default_factory=list[str])
    costs: dict[str, float] = field(default_factory=dict[str, float])
    table: list[float] | list[list[float]] = field(default_factory=list[float])
    output: Path = Path("runs")

    def check(self) -> None:
        raise_all("small", [f"{name} < 1" for name in ("steps", "rate") if getattr(self, name) <= 0])


def test_a_list_of_numbers_or_one_of_lists() -> None:
    assert Small(table=[1, 2.5]).table == [1.0, 2.5]
    assert Small(table=[[1, 0], [0.5, 0.5]]).table == [[1.0, 0.0], [0.5, 0.5]]
    with pytest.raises(ManyInputsError, match="table="):
        Small(table=[1, [2]])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def test_made_means_checked() -> None:
    with pytest.raises(ManyInputsError, match="2 problems") as caught:
        Small(steps=0, rate=-1.0)
    assert caught.value.problems == ["steps < 1", "rate < 1"]
    with pytest.raises(ManyInputsError, match="steps < 1"):
        replace(Small(), steps=0)


def test_kinds_are_settled_or_refused_all_at_once() -> None:
    made = Small(output="here", rate=1, names=("a", 2))  # pyright: ignore[reportArgumentType]
    assert (made.output, made.rate, made.names) == (Path("here"), 1.0, ["a", "2"])
    assert isinstance(made.rate, float)
    wrong = {"steps": "8", "seed": 1.5, "names": "a", "output": 3, "rate": True}
    with pytest.raises(ManyInputsError) as caught:
        Small(**wrong)  # pyright: ignore[reportArgumentType]
    assert [problem.partition("=")[0] for problem in caught.value.problems] == [
        "steps", "rate", "seed", "names", "output",
    ]  # fmt: skip


@pytest.mark.parametrize("costs", [{"a": "b"}, {"a": None}, {"a": True}, {3: 1.0}, ["a"]])
def test_values_of_a_mapping_are_of_its_kind(costs: object) -> None:
    with pytest.raises(ManyInputsError, match="costs="):
        Small(costs=costs)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert Small(costs={"a": 1}).costs == {"a": 1.0} and isinstance(Small(costs={"a": 1}).costs["a"], float)


@pytest.mark.parametrize("job", {job.settings: job for job in JOBS}.values(), ids=lambda job: " ".join(job.words))
def test_settings_of_every_command_refuse_a_wrong_number_when_they_are_made(job) -> None:  # type: ignore[no-untyped-def]
    settings = load(job.settings)
    name = "workers" if job.words[0] in ("lab", "scenario") and "workers" in settings.__dataclass_fields__ else "seed"
    with pytest.raises(ManyInputsError, match=rf"{name}=-3"):
        settings(**{name: -3})
