"""Writers: what is written is read back, and is valid where a standard says so."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import schemas
import torch
import xmlschema

from antigrad.core import InputValueError
from antigrad.scenarios import Record, Scenes, arrange, longest_run, with_ego
from antigrad.scenarios.io import READERS, WRITERS
from antigrad.scenarios.synthetic import generate, sample

FIELDS = ("xy", "yaw", "vel", "size", "valid", "kind", "ego")


def gapped(seed: int = 0) -> Scenes:
    """A scene with an object that comes late, one that leaves early, and one with a gap."""
    scene = generate("crossing", agents=12, seed=seed)
    others = [row for row in range(12) if row != int(scene.ego[0])]
    valid = scene.valid.clone()
    valid[0, others[0], :20] = False
    valid[0, others[1], 60:] = False
    valid[0, others[2], 30:40] = False
    real = {name: getattr(scene, name) for name in ("xy", "yaw", "vel")}
    seen = {name: torch.where(valid if name == "yaw" else valid[..., None], real[name], 0.0) for name in real}
    return replace(scene, **seen, valid=valid)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_our_own_format_is_exact(tmp_path: Path, dtype: torch.dtype) -> None:
    scenes = Scenes.concat([gapped(), *sample(3, agents=7, seed=5)]).to(dtype)
    WRITERS.make("antigrad")(scenes, tmp_path)
    assert READERS.make("antigrad").reads(tmp_path)
    back = Scenes.concat(list(READERS.make("antigrad")(tmp_path)))
    for name in FIELDS:
        assert torch.equal(getattr(back, name), getattr(scenes, name)), name
        assert getattr(back, name).dtype == getattr(scenes, name).dtype
    assert back.dt == scenes.dt
    for mine, theirs in zip(back.records, scenes.records, strict=True):
        assert (mine.id, mine.source, mine.objects, mine.origin) == (
            theirs.id, theirs.source, theirs.objects, theirs.origin,
        )  # fmt: skip
        assert dict(mine.notes) == dict(theirs.notes)
        for kind in ("edges", "areas", "lanes"):
            for a, b in zip(getattr(mine, kind), getattr(theirs, kind), strict=True):
                assert np.array_equal(a, b)


def test_writing_again_replaces_the_scenes_and_never_mixes_them(tmp_path: Path) -> None:
    writer, reader = WRITERS.make("antigrad"), READERS.make("antigrad")
    writer(generate(seed=1), tmp_path)
    first = json.loads((tmp_path / "scenes.json").read_text())["tracks"]
    writer(generate(seed=2), tmp_path)
    second = json.loads((tmp_path / "scenes.json").read_text())["tracks"]
    assert first != second
    assert next(reader(tmp_path)).records[0].id.endswith("-2")


def test_our_own_format_reads_no_file_outside(tmp_path: Path) -> None:
    WRITERS.make("antigrad")(generate(), tmp_path / "a")
    path = tmp_path / "a" / "scenes.json"
    data = json.loads(path.read_text())
    (tmp_path / data["tracks"]).write_bytes((tmp_path / "a" / data["tracks"]).read_bytes())
    path.write_text(json.dumps(data | {"tracks": f"../{data['tracks']}"}))
    with pytest.raises(InputValueError, match="below"):
        list(READERS.make("antigrad")(tmp_path / "a"))


def test_our_own_format_refuses_what_is_absurd(tmp_path: Path) -> None:
    WRITERS.make("antigrad")(generate(), tmp_path)
    path = tmp_path / "scenes.json"
    data = json.loads(path.read_text())
    for key, value, message in (
        ("ego", 99, "ego 99"),
        ("size", [[1e9, 1.0]] * 16, "size"),
        ("lanes", [[[0.0, 1e30], [1.0, 1.0]]], "map"),
        ("kind", [1], "kind"),
    ):
        path.write_text(json.dumps(data | {"scenes": [data["scenes"][0] | {key: value}]}))
        with pytest.raises(InputValueError, match=message):
            list(READERS.make("antigrad")(tmp_path))


def test_scenarionet(tmp_path: Path) -> None:
    scene = gapped()
    (path,) = WRITERS.make("scenarionet")(scene, tmp_path)
    (back,) = READERS.make("scenarionet")(path)
    for name in FIELDS:
        torch.testing.assert_close(getattr(back, name), getattr(scene, name), rtol=0, atol=1e-9)
    np.testing.assert_allclose(back.records[0].areas[0], scene.records[0].areas[0], atol=1e-9)
    with pytest.raises(InputValueError, match="use with_ego"):
        WRITERS.make("scenarionet")(replace(scene, ego=torch.tensor([-1])), tmp_path)


def test_commonroad_comes_back_on_the_longest_runs(tmp_path: Path) -> None:
    scene = gapped()
    (path,) = WRITERS.make("commonroad(ego_obstacle=true)")(scene, tmp_path)
    root = ElementTree.parse(path).getroot()
    names = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(set(names)) == len(names)  # ids are unique over all elements
    (back,) = READERS.make("commonroad")(path)
    runs = longest_run(scene.valid)
    assert torch.equal(back.valid, runs)
    zero = [torch.tensor(one.records[0].origin, dtype=torch.float64) for one in (back, scene)]
    torch.testing.assert_close((back.xy + zero[0])[runs], (scene.xy + zero[1])[runs], rtol=0, atol=1e-9)
    torch.testing.assert_close(back.yaw[runs], scene.yaw[runs], rtol=0, atol=1e-9)
    # the format has the speed along the heading alone
    along = (scene.vel * torch.stack([scene.yaw.cos(), scene.yaw.sin()], -1)).sum(-1)
    torch.testing.assert_close(back.speed[runs], along[runs].abs(), rtol=0, atol=1e-9)
    assert len(back.records[0].lanes) == len(scene.records[0].lanes)
    ego, start = int(scene.ego[0]), back.records[0].notes["planning_problems"][0]["start"]
    np.testing.assert_allclose(start[:2], (scene.xy[0, ego, 0] + zero[1]).tolist())
    (alone,) = WRITERS.make("commonroad")(scene, tmp_path / "b")
    assert next(READERS.make("commonroad")(alone)).shape[1] == scene.shape[1] - 1


def test_commonroad_lanelets_read_are_lanelets_written(tmp_path: Path) -> None:
    (first,) = WRITERS.make("commonroad")(generate("merge", agents=5), tmp_path / "a")
    (scene,) = READERS.make("commonroad")(first)
    (second,) = WRITERS.make("commonroad")(with_ego(scene, [0]), tmp_path / "b")
    (again,) = READERS.make("commonroad")(second)
    assert again.shape[1] == scene.shape[1] - 1
    for a, b in zip(scene.records[0].areas, again.records[0].areas, strict=True):
        np.testing.assert_allclose(a + scene.records[0].origin, b + again.records[0].origin, atol=1e-9)


@pytest.fixture(scope="module")
def standard() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(Path(schemas.__path__[0]) / "OpenSCENARIO_1_2.xsd"))


@pytest.mark.parametrize("ego", ["trajectory", "free"])
def test_openscenario_fits_the_standard(tmp_path: Path, ego: str, standard: xmlschema.XMLSchema) -> None:
    scene = arrange(gapped())
    (path,) = WRITERS.make(f"openscenario(ego={ego})")(scene, tmp_path)
    assert list(standard.iter_errors(str(path))) == []
    root = ElementTree.parse(path).getroot()
    assert {node.get("conditionEdge") for node in root.iter("Condition")} == {"none"}
    assert root.find("RoadNetwork/LogicFile") is None
    followed = [one.get("name") for one in root.iter("Trajectory")]
    assert ("ego trajectory" in followed) == (ego == "trajectory")
    assert Counter(one.tag for one in root.iter() if one.tag in {"AddEntityAction", "DeleteEntityAction"}) == {
        "AddEntityAction": 2,  # the late one, and the one whose longest run begins after its gap
        "DeleteEntityAction": int((~longest_run(scene.valid)[0, :, -1]).sum()),
    }


def test_openscenario_boxes_are_where_they_were(tmp_path: Path) -> None:
    scene = arrange(gapped(3))
    (path,) = WRITERS.make("openscenario")(scene, tmp_path)
    root, runs = ElementTree.parse(path).getroot(), longest_run(scene.valid)[0]
    objects = {one.get("name"): one for one in root.iter("ScenarioObject")}
    lines = {(one.get("name") or "").removesuffix(" trajectory"): one for one in root.iter("Trajectory")}
    for row in range(scene.shape[1]):
        name = "ego" if row == 0 else f"object {row}"
        centre, size = objects[name].find(".//Center"), objects[name].find(".//Dimensions")
        assert centre is not None
        assert size is not None
        assert [float(size.get("length", 0)), float(size.get("width", 0))] == scene.size[0, row].tolist()
        ahead = float(centre.get("x", "nan"))
        spots = [one.attrib for one in lines[name].iter("WorldPosition")]
        x, y, h = (np.array([float(spot[key]) for spot in spots]) for key in "xyh")
        steps = runs[row].nonzero().flatten()
        times = [float(one.get("time", "nan")) for one in lines[name].iter("Vertex")]
        np.testing.assert_allclose(times, steps.numpy() * 0.1, atol=1e-9)
        centres = np.stack([x + ahead * np.cos(h), y + ahead * np.sin(h)], 1)
        np.testing.assert_allclose(centres, scene.xy[0, row, steps].numpy(), atol=1e-9)
        if int(scene.kind[0, row]) == 1:  # a vehicle's reference point is its rear axle
            rear = objects[name].find(".//RearAxle")
            assert rear is not None
            assert float(rear.get("positionX", "nan")) == 0.0
            assert ahead > 1.0


def test_file_names_stay_in_the_folder(tmp_path: Path) -> None:
    bad = replace(generate(), records=(Record("../../etc/x y"),))
    paths = WRITERS.make("scenarionet")(Scenes.concat([bad, bad]), tmp_path)
    assert [path.name for path in paths] == ["etc_x_y.json", "etc_x_y-2.json"]
    assert all(path.parent == tmp_path for path in paths)
