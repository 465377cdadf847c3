"""Synthetic traffic: seeded, physical, on its road, and without contact before anyone attacks it."""

import numpy as np
import pytest
import shapely
import torch

from antigrad.core import InputValueError
from antigrad.scenarios import Scenes
from antigrad.scenarios.boxes import corners
from antigrad.scenarios.diagnostics import diagnose
from antigrad.scenarios.layouts import LAYOUTS
from antigrad.scenarios.road import off_road_baseline, rasterise
from antigrad.scenarios.synthetic import generate, sample


def contacts(scene: Scenes) -> list[tuple[int, int, int]]:
    box, found = corners(scene.xy, scene.yaw, scene.size.unsqueeze(2))[0].numpy(), []
    for state in range(0, scene.shape[2], 3):
        here = scene.valid[0, :, state].nonzero().flatten().tolist()
        shapes = shapely.polygons(box[here, state])
        pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        found += [(state, here[a], here[b]) for a, b in pairs.T if a < b]
    return found


@pytest.mark.parametrize("agents", [8, 32])
@pytest.mark.parametrize("layout", LAYOUTS.names())
def test_traffic_is_free_of_contact_and_on_its_road(layout: str, agents: int) -> None:
    for seed in range(3):
        scene = generate(layout, agents, seed)
        assert scene.shape == (1, agents, 91)
        assert contacts(scene) == []
        assert scene.valid[0, int(scene.ego[0])].all()
        assert off_road_baseline(rasterise(scene)).item() < 0.02
        assert diagnose(scene)[0].warnings == ()
        both = scene.valid[0, :, 1:] & scene.valid[0, :, :-1]
        pull = (scene.speed[0].diff(dim=-1) / scene.dt)[both]
        assert pull.max() < 2.5
        assert pull.min() > -6.5
        turn = np.abs(np.diff(np.unwrap(scene.yaw[0].numpy()), axis=-1))[both.numpy()] / scene.dt
        assert (turn <= 0.3 * scene.speed[0, :, 1:][both].numpy().clip(1) + 0.05).all()


@pytest.mark.parametrize("layout", LAYOUTS.names())
def test_positions_and_velocities_belong_together(layout: str) -> None:
    scene = generate(layout, 16, seed=4)
    middle = (scene.xy[0, :, 2:] - scene.xy[0, :, :-2]) / (2 * scene.dt)
    seen = scene.valid[0, :, 2:] & scene.valid[0, :, :-2]
    assert (middle - scene.vel[0, :, 1:-1])[seen].norm(dim=-1).max() < 0.4


def test_the_same_seed_gives_the_same_scene() -> None:
    first, second, other = generate("merge", 9, 1), generate("merge", 9, 1), generate("merge", 9, 2)
    assert torch.equal(first.xy, second.xy)
    assert not torch.equal(first.xy, other.xy)


def test_a_sample_can_begin_in_the_middle() -> None:
    for whole, part in zip(sample(5, agents=4, seed=7)[3:], sample(2, agents=4, seed=7, first=3), strict=True):
        assert whole.records[0].id == part.records[0].id
        assert torch.equal(whole.xy, part.xy)


def test_somebody_brakes_and_somebody_turns() -> None:
    scenes = Scenes.concat(sample(8, agents=16))
    assert {record.notes["layout"] for record in scenes.records} == set(LAYOUTS.names())
    assert (scenes.speed.diff(dim=-1) < -0.1).flatten(1).any(1).sum() >= 6
    assert (scenes.kind == 2).any()
    turning = torch.from_numpy(np.ptp(np.unwrap(scenes.yaw.numpy(), axis=-1), axis=-1)) > 1.0
    assert turning[scenes.valid.all(-1)].any()


def test_refusals() -> None:
    for wrong in ({"agents": 0}, {"agents": 33}, {"states": 1}):
        with pytest.raises(InputValueError, match="agents"):
            generate(**wrong)
    with pytest.raises(InputValueError, match="did you mean 'crossing'"):
        generate("crosing")
    with pytest.raises(InputValueError, match="vehicle throughout"):
        generate("crossing", agents=1, states=600)
    assert generate("crossing(limit=8)", agents=1).shape == (1, 1, 91)
