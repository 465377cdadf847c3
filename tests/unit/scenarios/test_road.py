"""Distances to the drivable area: sign, size, raster, and what the logs say."""

import numpy as np
import pytest
import shapely
import torch

from antigrad.core import InputValueError
from antigrad.scenarios import Record, Scenes
from antigrad.scenarios.boxes import corners
from antigrad.scenarios.io import READERS
from antigrad.scenarios.road import (
    NO_MAP,
    check_off_road,
    distance_to_areas,
    distance_to_edges,
    moving_vehicles,
    off_road_baseline,
    off_road_share,
    rasterise,
    signed_distance,
)
from antigrad.scenarios.synthetic import generate
from helpers.data import shared


def drive(speed: float, record: Record, states: int = 91) -> Scenes:
    xy = np.zeros((1, states, 2))
    xy[0, :, 0] = speed * 0.1 * (np.arange(states) - states // 2)
    vel = np.zeros((1, states, 2))
    vel[..., 0] = speed
    return Scenes.one(
        record, dt=0.1, xy=xy, yaw=np.zeros((1, states)), vel=vel, size=np.array([[4.6, 2.0]]),
        valid=np.ones((1, states), bool), kind=np.ones(1), ego=0,
    )  # fmt: skip


def test_the_right_hand_side_of_an_edge_is_off_the_road() -> None:
    edge = (np.array([[0.0, 0.0], [0.0, 10.3]]),)  # points up: off-road is to the right
    found = distance_to_edges(np.array([[2.0, 5.0], [-3.0, 5.4], [0.3, 5.5]]), edge)
    np.testing.assert_allclose(found, [2.0, -3.0, 0.3], atol=1e-12)  # beside the line, also between its points
    np.testing.assert_allclose(distance_to_edges(np.array([[2.0, 5.0]]), (edge[0][::-1],)), [-2.0], atol=0.01)


def test_the_prior_point_rule_decides_at_a_corner() -> None:
    corner = (np.array([[0.0, 0.0], [4.0, 0.0], [4.0, -4.0]]),)  # turns right: the inside is off-road
    ahead = np.array([[4.5, 0.4]])  # nearest is the corner itself, beyond both pieces: on the road
    assert distance_to_edges(ahead, corner)[0] < 0
    behind = np.array([[3.0, 1.0]])
    assert distance_to_edges(behind, corner)[0] < 0
    inner = np.array([[3.0, -1.0]])
    assert distance_to_edges(inner, corner)[0] > 0
    # left of the first piece, right of none: without the rule a point just past a left turn is misread
    left = (np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]]),)
    past = np.array([[3.95, 0.3]])
    assert distance_to_edges(past, left, prior_rule=True)[0] < 0


def test_a_union_of_polygons_against_shapely() -> None:
    rng = np.random.default_rng(0)
    squares = tuple(np.array([[0, 0], [9, 0], [9, 4], [0, 4.0]]) + shift for shift in ([0, 0], [6, 1], [20, 20]))
    points = rng.uniform(-5, 30, (400, 2))
    union = shapely.union_all([shapely.Polygon(square) for square in squares])
    found = distance_to_areas(points, squares)
    exact = shapely.distance(union, shapely.points(points))
    inside = shapely.contains_xy(union, points)
    np.testing.assert_allclose(found[~inside], exact[~inside], atol=1e-12)
    depth = shapely.distance(union.boundary, shapely.points(points[inside]))
    np.testing.assert_allclose(found[inside], -depth, atol=1e-12)
    # where two overlap, a border inside the other is none
    assert distance_to_areas(np.array([[7.0, 2.5]]), squares)[0] == pytest.approx(-np.hypot(1.0, 1.5))


def test_without_a_map_nothing_is_off_road() -> None:
    scene = rasterise(drive(10.0, Record("bare")))
    assert scene.road is not None
    assert scene.road(torch.tensor([[[1e5, -1e5]]])).item() == NO_MAP
    assert off_road_baseline(scene).item() == 0
    wall = rasterise(drive(40.0, Record("fast", edges=(np.array([[400.0, 1.5], [-400.0, 1.5]]),))))
    both = Scenes.concat([scene, wall])  # of other sizes: padding says nothing of a map
    assert both.road is not None
    assert both.road.known.tolist() == [False, True]


def test_the_raster_covers_the_whole_path_of_a_fast_ego() -> None:
    # at 40 m/s the ego leaves 128 m around mid-log; there the wall would be missed, or found where it is not
    wall = (np.array([[400.0, 1.5], [-400.0, 1.5]]),)  # points left: off-road above it
    scene = rasterise(drive(40.0, Record("fast", edges=wall)))
    assert scene.road is not None
    assert scene.xy[0, 0, -1, 0] > 170
    box = corners(scene.xy, scene.yaw, scene.size.unsqueeze(2))
    torch.testing.assert_close(scene.road(box), box[..., 1] - 1.5, rtol=0, atol=1e-5)
    low, high = scene.road.origin[0], scene.road.origin[0] + scene.road.extent[0].flip(0) - 1
    assert (box >= low + 60).all()
    assert (box <= high - 60).all()


def test_the_raster_agrees_with_the_map_between_its_points() -> None:
    scene = rasterise(generate("crossing", agents=12, seed=3), cell=0.5)
    assert scene.road is not None
    box = corners(scene.xy, scene.yaw, scene.size.unsqueeze(2))[scene.valid].reshape(1, -1, 2)
    exact = torch.from_numpy(signed_distance(box[0].numpy(), scene.records[0]))
    assert (scene.road(box)[0] - exact).abs().max() < 0.36  # half a diagonal; the distance has slope one
    assert (scene.road(box)[0] - exact).abs().median() < 0.02


def test_a_scene_off_its_own_map_is_refused() -> None:
    lane = np.array([[-200.0, 5.0], [200.0, 5.0], [200.0, 9.0], [-200.0, 9.0]])
    scene = rasterise(drive(10.0, Record("astray", areas=(lane,))))
    assert off_road_baseline(scene).item() == 1.0
    with pytest.raises(InputValueError, match=r"astray \(100%\)"):
        check_off_road(scene)
    check_off_road(rasterise(generate("merge", agents=6)))
    with pytest.raises(InputValueError, match="rasterise first"):
        off_road_share(drive(1.0, Record("x")), torch.ones(1, 1, dtype=torch.bool))


def test_a_raster_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(InputValueError, match="cells"):
        rasterise(drive(4000.0, Record("rocket")))
    with pytest.raises(InputValueError, match="cell=0"):
        rasterise(drive(1.0, Record("x")), cell=0)


@pytest.mark.parametrize("exact", [False, True])
def test_corners_off_road_in_forty_recorded_scenes(exact: bool) -> None:
    """The noise of road edges: 0 for the ego, 0.0320 (median scene 0.0003 or 0.0005) for moving vehicles."""
    folder, read = shared("scenarios/womd_gpudrive_json_xz"), READERS.make("gpudrive")
    ego: list[float] = []
    others: list[float] = []
    for path in sorted(folder.glob("*.xz")):
        scene = next(read(path))
        scene = scene if exact else rasterise(scene)
        moving = moving_vehicles(scene)
        alone = torch.zeros_like(moving)
        alone[0, scene.ego] = True
        ego.append(off_road_share(scene, alone, exact).item())
        others.append(off_road_share(scene, moving, exact).item())
    assert len(ego) == 40
    assert np.mean(ego) == 0.0
    assert np.nanmean(others) == pytest.approx(0.0320, abs=0.001)
    assert np.nanmedian(others) == pytest.approx(0.0005 if exact else 0.0003, abs=0.001)


@pytest.mark.parametrize(
    ("name", "reader", "share"),
    [
        ("av2_motion_forecasting", "av2_forecasting", 0.26),
        ("av2_sensor_logs/3b3570b4-7b0b-3268-a571-b0889dbf40b6", "av2_sensor", 0.025),
        ("av2_sensor_logs/adcf7d18-0510-35b0-a2fa-b4cea13a6d76", "av2_sensor", 0.069),
        ("commonroad_ngsim/USA_US101-5_1_T-1.xml", "commonroad", 0.065),
        ("nuscenes_mini_scenarionet/scene-0757.json.xz", "scenarionet", 0.57),
        ("nuscenes_mini_scenarionet/scene-1100.json.xz", "scenarionet", 0.37),
    ],
)
def test_corners_outside_recorded_polygons(name: str, reader: str, share: float) -> None:
    scene = rasterise(next(READERS.make(reader)(shared(f"scenarios/{name}"))))
    assert off_road_share(scene, moving_vehicles(scene)).item() == pytest.approx(share, abs=0.006)
    if share > 0.1:
        with pytest.raises(InputValueError, match="drive off their own map"):
            check_off_road(scene)
    else:
        check_off_road(scene)
