"""What a recording says about its own reading: seen on scenes that were read wrongly on purpose."""

import math
from dataclasses import replace

import pytest
import torch

from antigrad.scenarios import Record, Scenes
from antigrad.scenarios.diagnostics import diagnose, no_slip_offset
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scene import wrap
from antigrad.scenarios.synthetic import generate

# an ego that goes round a bend
SCENE = next(s for s in (generate("roundabout", 8, seed) for seed in range(9)) if not math.isnan(no_slip_offset(s)[0]))
EGO = int(SCENE.ego[0])


def moved_back(scene: Scenes, by: float) -> Scenes:
    """As if the ego's recorded point were another one on its axis."""
    xy, yaw = scene.xy.clone(), scene.yaw[0, EGO]
    xy[0, EGO] -= by * torch.stack([yaw.cos(), yaw.sin()], -1)
    return replace(scene, xy=xy)


@pytest.mark.parametrize("by", [0.0, 0.5, 1.5, -1.0])
def test_the_no_slip_point_moves_with_the_recorded_point(by: float) -> None:
    right = 0.28 * float(SCENE.size[0, EGO, 0])  # the generator's rear axle
    assert no_slip_offset(moved_back(SCENE, by))[0] == pytest.approx(right - by, abs=0.12)


def test_a_well_read_scene_gives_no_warning() -> None:
    found = diagnose(rasterise(SCENE))[0]
    assert found.warnings == ()
    assert found.heading_error < 0.05
    assert found.off_road < 0.02
    assert math.isnan(diagnose(SCENE)[0].off_road)


def test_a_rear_axle_gives_a_warning() -> None:
    (warning,) = diagnose(moved_back(SCENE, 1.3))[0].warnings
    assert "ahead of its rear axle" in warning


def test_degrees_read_as_radians_give_a_warning() -> None:
    turned = torch.from_numpy(wrap(torch.rad2deg(SCENE.yaw).numpy()))
    assert any("check the unit" in warning for warning in diagnose(replace(SCENE, yaw=turned))[0].warnings)


def test_a_map_that_does_not_fit_gives_a_warning() -> None:
    far = tuple(area + 500.0 for area in SCENE.records[0].areas)
    astray = replace(SCENE, records=(replace(SCENE.records[0], areas=far),))
    assert any("off the road" in warning for warning in diagnose(rasterise(astray))[0].warnings)


def test_without_an_ego_or_turns_there_is_no_offset() -> None:
    assert math.isnan(no_slip_offset(replace(SCENE, ego=torch.tensor([-1])))[0])
    straight = generate("merge", 4)
    assert math.isnan(no_slip_offset(straight)[0])
    assert diagnose(replace(straight, records=(Record("x"),)))[0].warnings == ()
