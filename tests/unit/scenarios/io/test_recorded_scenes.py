"""Every format on real files, against an independent reader and the published counts."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antigrad.scenarios import Scenes, arrange
from antigrad.scenarios.diagnostics import diagnose
from antigrad.scenarios.io import READERS, batches, find
from helpers.data import SHARED, shared

CHECKS = SHARED.parent / "specs" / "checks" / "scenarios"
# reader, file, oracle, objects, vehicles, ego, states
CASES = [
    ("gpudrive", "womd_gpudrive_json/tfrecord-00000-of-01000_222.json", "load_json", 25, 23, 24, 91),
    ("womd_scenario", "womd_tfrecord/motion_data_one_scenario.tfrecord", "load_scenario_proto", 83, 70, 82, 91),
    ("womd_scenario", "womd_tfrecord/womd_scenario_input.tfrecord", "load_scenario_proto", 257, 189, 256, 91),
    ("womd_example", "womd_tfrecord/motion_data_one_example.tfrecord", "load_tf_example", 128, 119, 8, 91),
    ("av2_forecasting", "av2_motion_forecasting", "load_av2_motion", 58, 32, 57, 110),
    ("av2_sensor", "av2_sensor_logs/3b3570b4-7b0b-3268-a571-b0889dbf40b6", "load_av2_sensor", 120, 89, 119, 157),
    ("av2_sensor", "av2_sensor_logs/adcf7d18-0510-35b0-a2fa-b4cea13a6d76", "load_av2_sensor", 147, 55, 146, 156),
    ("commonroad", "commonroad_ngsim/USA_Lanker-1_1_T-1.xml", "load_commonroad", 24, 24, -1, 41),
    ("commonroad", "commonroad_ngsim/USA_Lanker-1_3_T-1.xml", "load_commonroad", 36, 36, -1, 41),
    ("commonroad", "commonroad_ngsim/USA_Peach-4_8_T-1.xml", "load_commonroad", 9, 9, -1, 61),
    ("commonroad", "commonroad_ngsim/USA_US101-3_3_T-1.xml", "load_commonroad", 12, 12, -1, 32),
    ("commonroad", "commonroad_ngsim/USA_US101-4_1_T-1.xml", "load_commonroad", 22, 22, -1, 101),
    ("commonroad", "commonroad_ngsim/USA_US101-5_1_T-1.xml", "load_commonroad", 25, 25, -1, 101),
    ("scenarionet", "nuscenes_mini_scenarionet/scene-0757.json.xz", "load_scenarionet_json", 30, 22, 9, 201),
    ("scenarionet", "nuscenes_mini_scenarionet/scene-1100.json.xz", "load_scenarionet_json", 33, 19, 6, 196),
]


def oracle(name: str, path: Path) -> Any:
    if not (CHECKS / "scene_io.py").exists():
        pytest.skip("the reference loaders are not beside the repository")
    sys.path.insert(0, str(CHECKS))
    try:
        import scene_io
    finally:
        sys.path.remove(str(CHECKS))
    return getattr(scene_io, name)(path)


@pytest.mark.parametrize(("reader", "file", "loader", "objects", "vehicles", "ego", "states"), CASES)
def test_counts_and_tracks(
    reader: str, file: str, loader: str, objects: int, vehicles: int, ego: int, states: int
) -> None:
    path = shared(f"scenarios/{file}")
    (scene,) = READERS.make(reader)(path)
    assert scene.shape == (1, objects, states)
    assert int((scene.kind == 1).sum()) == vehicles
    assert scene.ego.tolist() == [ego]
    assert scene.dt == 0.1
    error = diagnose(scene)[0].heading_error
    assert np.isnan(error) or error <= 0.035

    other = oracle(loader, path)
    origin = torch.tensor(scene.records[0].origin, dtype=torch.float64)
    for mine, its in (
        ((scene.xy[0] + origin)[scene.valid[0]], other.xy[other.valid]),
        (scene.yaw[0], other.yaw),
        (scene.vel[0], other.vel),
    ):
        torch.testing.assert_close(mine, torch.from_numpy(np.asarray(its)), rtol=0, atol=1e-9)
    assert torch.equal(scene.valid[0], torch.from_numpy(other.valid))
    assert scene.kind[0].tolist() == other.kind.tolist()
    assert len(scene.records[0].edges) == len(other.edges)
    assert len(scene.records[0].areas) == len(other.areas)
    for mine, its in zip(scene.records[0].edges + scene.records[0].areas, other.edges + other.areas, strict=True):
        np.testing.assert_allclose(mine + np.array(scene.records[0].origin), its, atol=1e-9)


def test_heading_units_of_forty_scenes() -> None:
    units: list[str] = []
    for path in sorted(shared("scenarios/womd_gpudrive_json_xz").glob("*.xz")):
        (scene,) = READERS.make("gpudrive")(path)
        heading = scene.records[0].notes["heading"]
        units.append(heading["unit"])
        errors = {"rad": heading["error_rad"], "deg": heading["error_deg"]}
        right, wrong = errors.pop(heading["unit"]), next(iter(errors.values()))
        assert right <= 0.042
        assert wrong >= 0.323
        assert scene.ego.tolist() == [scene.shape[1] - 1]
        assert scene.valid[0, -1].all()
        assert [round(side, 3) for side in scene.size[0, -1].tolist()] == [5.286, 2.332]
    assert (units.count("deg"), units.count("rad")) == (32, 8)


def test_the_ego_of_sixteen_scenes_is_its_box_centre() -> None:
    offsets = [
        diagnose(next(READERS.make("gpudrive")(path)))[0].no_slip
        for path in sorted(shared("scenarios/womd_gpudrive_json_xz").glob("*.xz"))
    ]
    turning = [offset for offset in offsets if not np.isnan(offset)]
    assert len(turning) == 16
    assert min(turning) == pytest.approx(1.28, abs=0.005)
    assert max(turning) == pytest.approx(1.47, abs=0.005)


def test_a_rear_axle_is_noticed() -> None:
    path = shared("scenarios/av2_sensor_logs/3b3570b4-7b0b-3268-a571-b0889dbf40b6")
    (pose,) = READERS.make("av2_sensor(rear_axle_to_centre=0)")(path)
    (moved,) = READERS.make("av2_sensor")(path)
    assert diagnose(pose)[0].no_slip == pytest.approx(-0.09, abs=0.03)
    assert any("rear axle" in warning for warning in diagnose(pose)[0].warnings)
    assert diagnose(moved)[0].warnings == ()


def test_boxes_in_the_frame_of_their_sweep_stand_still_in_the_city() -> None:
    (scene,) = READERS.make("av2_sensor")(shared("scenarios/av2_sensor_logs/3b3570b4-7b0b-3268-a571-b0889dbf40b6"))
    # the ego drives on, yet what the log calls a vehicle is at rest half of the time: 37 m and more without the pose
    long = (scene.kind[0] == 1) & (scene.valid[0].sum(-1) > 100)
    rest = [(xy[seen] - xy[seen].median(0).values).norm(dim=-1).median() for xy, seen in _tracks(scene, long)]
    ego = scene.xy[0, int(scene.ego[0])]
    assert (ego - ego[0]).norm(dim=-1).max() > 20
    assert len(rest) >= 10
    assert sum(float(away) < 0.3 for away in rest) >= len(rest) / 3


def _tracks(scene: Scenes, who: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(scene.xy[0, row], scene.valid[0, row]) for row in who.nonzero().flatten().tolist()]


def test_a_folder_of_all_formats_is_found() -> None:
    sources = find(shared("scenarios"))
    kinds = [READERS.name_of(source.reader) for source in sources]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {
        "gpudrive": 41, "womd_scenario": 2, "womd_example": 1, "av2_forecasting": 1, "av2_sensor": 2, "commonroad": 6,
        "scenarionet": 2,
    }  # fmt: skip


def test_thirty_two_objects_are_kept_ego_first() -> None:
    (scene,) = READERS.make("womd_scenario")(shared("scenarios/womd_tfrecord/womd_scenario_input.tfrecord"))
    ordered = arrange(scene)
    assert ordered.shape == (1, 32, 91)
    assert ordered.records[0].objects[0] == scene.records[0].objects[256]
    apart = (ordered.xy - ordered.xy[:, :1]).norm(dim=-1).masked_fill(~(ordered.valid & ordered.valid[:, :1]), 1e9)
    nearest = apart.amin(-1)[0, 1:]
    assert (nearest.diff() >= 0).all()


def displaced(scene: Scenes) -> int:
    """Vehicles seen at least half the time that end more than 0.2 m from where they began."""
    found = 0
    for xy, seen, kind in zip(scene.xy[0], scene.valid[0], scene.kind[0].tolist(), strict=True):
        found += kind == 1 and bool(2 * seen.sum() >= len(seen)) and bool((xy[seen][-1] - xy[seen][0]).norm() > 0.2)
    return found


def test_what_forty_scenes_look_like() -> None:
    scenes = [
        next(READERS.make("gpudrive")(path)) for path in sorted(shared("scenarios/womd_gpudrive_json_xz").glob("*.xz"))
    ]
    assert {scene.shape[2] for scene in scenes} == {91}
    assert np.median([scene.shape[1] for scene in scenes]) == 41.5
    assert np.median([displaced(scene) for scene in scenes]) == 6.5
    # the class defaults of formats without sizes are rounded from these medians
    for kind, size in ((1, (4.61, 2.06)), (2, (0.9, 0.85)), (3, (1.85, 0.8))):
        found = torch.cat([scene.size[scene.kind == kind] for scene in scenes]).median(0).values
        assert found.tolist() == pytest.approx(size, abs=0.05)


def test_padding_to_the_batch_by_size_wastes_less() -> None:
    scenes = [
        next(READERS.make("gpudrive")(path)) for path in sorted(shared("scenarios/womd_gpudrive_json_xz").glob("*.xz"))
    ]

    def waste(parts: list[Scenes]) -> float:
        return 1 - sum(int(p.present.sum()) for p in parts) / sum(p.present.numel() for p in parts)

    in_order = [Scenes.concat(scenes[start : start + 8]) for start in range(0, 40, 8)]
    by_size = [part for _, part in batches(scenes, 8)]
    assert waste(in_order) > 0.4
    assert waste(by_size) < 0.3
