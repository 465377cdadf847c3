"""The planner of the page on attacks, as it stands there: it brakes, follows its route, and is attacked by the job."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from antigrad.scenarios.planners import external, make_planner
from antigrad.scenarios.scenario import ScenarioConfig, scenario
from antigrad.scenarios.scenario.findings import jobs_of
from helpers.traffic import Car, scene, traffic_of, view_of

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "attack-a-planner.md"


def example() -> str:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return block


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "documented_planner.py").write_text(example())
    monkeypatch.chdir(tmp_path)
    return "documented_planner:plan"


def test_the_example_has_ten_lines_and_stands_in_the_docstring_too() -> None:
    lines = [line.strip() for line in example().splitlines() if line.strip()]
    assert len(lines) <= 10
    assert [line.strip() for line in (external.__doc__ or "").splitlines() if line.strip()][-len(lines) :] == lines


def test_it_stops_behind_a_standing_car_and_drives_on_where_nothing_is(documented: str) -> None:
    planner = make_planner(documented, 20.0)
    found = []
    for car in (Car(x=60, speed=0), Car(x=60, y=30, speed=0)):
        traffic, vehicle = traffic_of(scene(Car(speed=10), car, steps=81))
        found.append(planner.drive(view_of(traffic, vehicle), planner.prepare(traffic)))
    assert not found[0].problems
    assert float(found[0].states.speed[0, -1]) < 2
    assert 30 < float(found[0].states.x[0, -1]) < 60 - 4.5
    assert float(found[1].states.x[0, -1]) == pytest.approx(80, abs=0.5)


def test_it_follows_a_bend() -> None:
    """A circle of 40 m radius at 8 m/s, in plain Python: the protocol is three arrays and two numbers."""
    names: dict[str, object] = {}
    exec(compile(example(), PAGE.name, "exec"), names)
    angle = np.arange(91) * 0.1 * 8 / 40
    route = 40 * np.stack([np.sin(angle), 1 - np.cos(angle)], 1)
    ego, worst = np.array([0.0, 0.0, 0.0, 8.0]), 0.0
    for _ in range(60):
        acceleration, curvature = names["plan"](ego, np.zeros((0, 7)), route)  # type: ignore[operator]
        assert acceleration == 0
        ego[:2] += 0.8 * np.array([np.cos(ego[2]), np.sin(ego[2])])
        ego[2] += 0.8 * curvature
        worst = max(worst, float(np.hypot(*(route - ego[:2]).T).min()))
    assert worst < 1.0
    assert ego[1] > 10


def test_the_job_attacks_it(documented: str, tmp_path: Path) -> None:
    config = ScenarioConfig(
        planner=documented, synthetic=1, agents=6, iterations=6, refresh=3, output=tmp_path / "run", shown=1
    )
    rows = jobs_of(scenario(config))
    assert rows
    assert "planner failed" not in {row["status"] for row in rows}
    assert torch.isfinite(torch.tensor([row["ego_gap"] for row in rows if row["ego_gap"] is not None])).all()
