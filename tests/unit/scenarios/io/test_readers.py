"""Readers on files made here: what is written is what is read, and a wrong file is one clear error."""

import json
import lzma
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antigrad.core import AntigradError, InputValueError
from antigrad.scenarios import Scenes
from antigrad.scenarios.io import READERS, WRITERS, batches, find
from antigrad.scenarios.io.heading import heading_unit
from antigrad.scenarios.io.records import frame, masked_crc, read_records
from antigrad.scenarios.synthetic import generate
from helpers.scene_files import (
    arrays,
    av2_forecasting,
    av2_sensor,
    gpudrive,
    scenarionet_pickle,
    tfrecord,
    womd_example,
    womd_scenario,
)

SCENE = generate("roundabout", agents=12, seed=2)


def read(name: str, path: Path) -> Scenes:
    (scene,) = READERS.make(name)(path)
    return scene


def same(found: Scenes, order: list[int] | None = None, atol: float = 1e-9) -> None:
    """Compare with SCENE, in the coordinates of the source."""
    right, mine = arrays(SCENE), arrays(found)
    rows = order or list(range(SCENE.shape[1]))
    assert np.array_equal(mine["valid"], right["valid"][rows])
    assert mine["kind"].tolist() == right["kind"][rows].tolist()
    for name in ("xy", "vel", "size"):
        np.testing.assert_allclose(mine[name], right[name][rows], atol=atol, err_msg=name)
    same_heading(mine["yaw"], right["yaw"][rows], atol)
    assert rows[int(found.ego[0])] == int(SCENE.ego[0])


def same_heading(mine: np.ndarray, right: np.ndarray, atol: float) -> None:
    """-pi and pi are one heading."""
    np.testing.assert_allclose(np.exp(1j * mine), np.exp(1j * right), atol=atol)


def ego_last() -> list[int]:
    ego = int(SCENE.ego[0])
    return [row for row in range(SCENE.shape[1]) if row != ego] + [ego]


@pytest.mark.parametrize("degrees", [True, False])
@pytest.mark.parametrize("sentinel", [-10000.0, 0.0])
def test_gpudrive(tmp_path: Path, degrees: bool, sentinel: float) -> None:
    path = tmp_path / "scene.json.xz"
    path.write_bytes(lzma.compress(json.dumps(gpudrive(SCENE, degrees, sentinel)).encode()))
    found = read("gpudrive", path)
    same(found, ego_last())
    assert found.records[0].notes["heading"]["unit"] == ("deg" if degrees else "rad")
    assert READERS.make("gpudrive").reads(path)
    np.testing.assert_allclose(found.records[0].edges[0][0] + np.array(found.records[0].origin), [-80.0, 30.0])


def test_unwrapped_radians_are_not_degrees(tmp_path: Path) -> None:
    data = gpudrive(SCENE)
    for thing in data["objects"]:
        thing["heading"] = [h + 4 * np.pi if h > -1000 else h for h in thing["heading"]]
    path = tmp_path / "scene.json"
    path.write_text(json.dumps(data))
    found = read("gpudrive", path)
    assert found.records[0].notes["heading"]["unit"] == "rad"
    same(found, ego_last(), atol=1e-6)


def test_without_fast_vehicles_the_unit_must_be_given(tmp_path: Path) -> None:
    yaw, vel = np.array([[0.5, 1.5]]), np.zeros((1, 2, 2))
    valid, kind = np.ones((1, 2), bool), np.ones(1)
    with pytest.raises(InputValueError, match="heading_unit=rad"):
        heading_unit(yaw, vel, valid, kind)
    assert heading_unit(yaw, vel, valid, kind, "rad").unit == "rad"
    assert heading_unit(yaw + 90, vel, valid, kind).unit == "deg"  # nobody turns 14 times


def test_womd_scenarios_of_one_file(tmp_path: Path) -> None:
    path = tfrecord(tmp_path / "a.tfrecord-00000-of-00001", womd_scenario(SCENE), womd_scenario(SCENE))
    reader = READERS.make("womd_scenario")
    assert reader.reads(path)
    assert not READERS.make("womd_example").reads(path)
    first, second = reader(path)
    same(first, atol=1e-5)  # the format has float32 headings and sizes
    assert torch.equal(first.xy, second.xy)
    assert first.records[0].objects[0] == "100"
    assert first.dt == 0.1


def test_one_bad_scene_leaves_the_others_of_its_file_readable(tmp_path: Path) -> None:
    """A shard has hundreds; an error of the file itself is the last thing that comes out of it."""
    bad = womd_scenario(SCENE)
    bad.tracks[0].states[3].x = 1e30
    path = tfrecord(tmp_path / "a.tfrecord", womd_scenario(SCENE), bad, womd_scenario(SCENE))
    reader = READERS.make("womd_scenario")
    first, error, last = reader.each(path)
    assert isinstance(first, Scenes)
    assert isinstance(last, Scenes)
    assert torch.equal(first.xy, last.xy)
    assert isinstance(error, InputValueError)
    assert "a.tfrecord" in str(error)
    assert "object 0 at state 3" in str(error)
    with pytest.raises(InputValueError, match="object 0 at state 3"):
        list(reader(path))
    path.write_bytes(path.read_bytes()[:-1])
    found = list(reader.each(path))
    assert [isinstance(one, Scenes) for one in found] == [True, False, False]
    assert "record 2 is cut short" in str(found[-1])


def test_a_reader_between_two_scenes_leaves_numpy_as_it_was(tmp_path: Path) -> None:
    path = tfrecord(tmp_path / "a.tfrecord", womd_scenario(SCENE), womd_scenario(SCENE))
    before = np.geterr()
    for _ in READERS.make("womd_scenario")(path):
        assert np.geterr() == before


def test_the_size_is_that_of_the_longest_run(tmp_path: Path) -> None:
    one = womd_scenario(SCENE)
    for state, thing in enumerate(one.tracks[0].states):
        thing.valid = state != 30
        thing.length = 9.0 if state < 30 else 4.0
    found = read("womd_scenario", tfrecord(tmp_path / "a.tfrecord", one))
    assert found.size[0, 0, 0].item() == 4.0


def test_womd_example(tmp_path: Path) -> None:
    path = tfrecord(tmp_path / "a.tfrecord", womd_example(SCENE))
    assert READERS.make("womd_example").reads(path)
    assert not READERS.make("womd_scenario").reads(path)
    found = read("womd_example", path)
    same(found, atol=1e-4)  # float32 positions
    assert found.records[0].id == SCENE.records[0].id
    assert len(found.records[0].edges) == 1


def test_av2_forecasting(tmp_path: Path) -> None:
    folder = av2_forecasting(SCENE, tmp_path / "one")
    found = read("av2_forecasting", folder)
    seen = SCENE.present[0].nonzero().flatten().tolist()
    right = arrays(SCENE)
    for name in ("xy", "vel"):
        np.testing.assert_allclose(arrays(found)[name], right[name][seen], atol=1e-9)
    same_heading(arrays(found)["yaw"], right["yaw"][seen], 1e-9)
    assert found.size[0, 0].tolist() == [4.6, 2.0]
    assert found.records[0].objects[int(found.ego[0])] == "AV"
    assert len(found.records[0].areas) == 1


@pytest.mark.parametrize("ego_rows", [True, False])
def test_av2_sensor(tmp_path: Path, ego_rows: bool) -> None:
    found = read("av2_sensor", av2_sensor(SCENE, tmp_path / "log", ego_rows))
    rows, right, mine = ego_last(), arrays(SCENE), arrays(found)
    assert found.shape == SCENE.shape  # the ego's own rows add no second ego
    assert np.array_equal(mine["valid"], right["valid"][rows])
    np.testing.assert_allclose(mine["xy"], right["xy"][rows], atol=1e-9)
    same_heading(mine["yaw"], right["yaw"][rows], 1e-9)
    inner = right["valid"][rows][:, 2:] & right["valid"][rows][:, :-2]
    np.testing.assert_allclose(mine["vel"][:, 1:-1][inner], right["vel"][rows][:, 1:-1][inner], atol=0.6)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_scenarionet_pickle(tmp_path: Path, protocol: int) -> None:
    (path,) = WRITERS.make("scenarionet")(SCENE, tmp_path)
    pickled = scenarionet_pickle(json.loads(path.read_text()), tmp_path / "sd_x.pkl", protocol)
    assert READERS.make("scenarionet").reads(pickled)
    same(read("scenarionet", pickled), atol=1e-4)  # float32 positions there


def test_the_swapped_ego_of_nuscenes(tmp_path: Path) -> None:
    (path,) = WRITERS.make("scenarionet")(SCENE, tmp_path)
    data = json.loads(path.read_text())
    state = data["tracks"][data["metadata"]["sdc_id"]]["state"]
    state["length"], state["width"] = state["width"], state["length"]
    path.write_text(json.dumps(data))
    found = read("scenarionet", path)
    assert found.size[0, int(found.ego[0])].tolist() == SCENE.size[0, int(SCENE.ego[0])].tolist()
    assert found.records[0].notes["ego_size_swapped"]
    (asis,) = READERS.make("scenarionet(swap_ego=false)")(path)
    assert asis.size[0, int(asis.ego[0]), 0] < asis.size[0, int(asis.ego[0]), 1]


OLD = """<commonRoad commonRoadVersion="2018b" benchmarkID="T" timeStepSize="0.2">
  <lanelet id="1"><leftBound><point><x>0</x><y>2</y></point><point><x>50</x><y>2</y></point></leftBound>
    <rightBound><point><x>0</x><y>-2</y></point><point><x>50</x><y>-2</y></point></rightBound></lanelet>
  <obstacle id="7"><role>dynamic</role><type>car</type>
    <shape><rectangle><length>4.5</length><width>1.8</width></rectangle></shape>
    <initialState><position><point><x>1</x><y>0</y></point></position><orientation><exact>0</exact></orientation>
      <time><exact>0</exact></time><velocity><exact>5</exact></velocity></initialState>
    <trajectory><state><position><point><x>2</x><y>0</y></point></position><orientation><exact>0</exact></orientation>
      <time><exact>1</exact></time><velocity><intervalStart>4</intervalStart><intervalEnd>6</intervalEnd></velocity>
    </state></trajectory></obstacle>
  <staticObstacle id="8"><type>parkedVehicle</type><shape><circle><radius>1.5</radius></circle></shape>
    <initialState><position><rectangle><length>1</length><width>1</width><center><x>9</x><y>3</y></center></rectangle>
      </position><orientation><exact>1.5</exact></orientation><time><exact>0</exact></time></initialState>
  </staticObstacle>
</commonRoad>"""


def test_commonroad_of_both_dialects(tmp_path: Path) -> None:
    path = tmp_path / "t.xml"
    path.write_text(OLD)
    found = read("commonroad", path)
    assert found.shape == (1, 2, 2)
    assert found.dt == 0.2
    assert found.ego.tolist() == [-1]
    assert found.vel[0, 0].tolist() == [[5, 0], [5, 0]]  # the middle of the interval
    assert found.valid.all()  # what stands is there throughout
    assert found.size[0].tolist() == [[4.5, 1.8], [3.0, 3.0]]
    (promoted,) = READERS.make("commonroad(ego=7)")(path)
    assert promoted.ego.tolist() == [0]
    with pytest.raises(InputValueError, match="ego=9"):
        list(READERS.make("commonroad(ego=9)")(path))


BOMB = """<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<commonRoad benchmarkID="&b;" timeStepSize="0.1"></commonRoad>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<commonRoad benchmarkID="&x;" timeStepSize="0.1"></commonRoad>"""


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_xml_that_defines_entities_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(text)
    with pytest.raises(InputValueError, match="defines entities"):
        list(READERS.make("commonroad")(path))


def test_the_checksum_of_tfrecords() -> None:
    crc = 0xE3069283  # CRC-32C of "123456789", RFC 3720
    assert masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_damaged_tfrecords(tmp_path: Path) -> None:
    whole = frame([b"abc", b"defg"])
    path = tmp_path / "a.tfrecord"
    for length in range(1, len(whole)):
        if length != 19:  # the end of the first record
            path.write_bytes(whole[:length])
            with pytest.raises(InputValueError, match=r"record [01] is cut short"):
                list(read_records(path))
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputValueError, match=r"record [01] (has a length|does not fit|is cut)"):
            list(read_records(path))
    path.write_bytes(struct.pack("<QI", 2**60, masked_crc(struct.pack("<Q", 2**60))))
    with pytest.raises(InputValueError, match="bytes announced"):
        list(read_records(path))


def absurd(change: Any) -> dict[str, Any]:
    data = gpudrive(SCENE)
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["objects"].clear(), "no objects"),
        (lambda d: [o.update(valid=[False] * 91) for o in d["objects"]], "no object that is ever valid|heading"),
        (lambda d: d["objects"][-1].update(valid=[False] * 91), "ego"),
        (lambda d: d["objects"][0]["position"][3].update(x=1e30), "position .* of object 0 at state 3"),
        (lambda d: d["objects"][0]["position"][3].update(y=float("nan")), "position .* of object 0 at state 3"),
        (lambda d: d["objects"][0]["velocity"][5].update(x=9e9), "velocity .* of object 0 at state 5"),
        (lambda d: d["objects"][0].update(length=1e5), "size .* of object 0"),
        (lambda d: d["objects"][0].update(width=-1), "size below 0"),
        (lambda d: d["objects"][0].pop("heading"), "no 'heading'"),
        (lambda d: d["objects"][0].update(valid=[True]), "states"),
        (lambda d: d["roads"][0]["geometry"][0].update(x=float("inf")), "map"),
        (lambda d: d["roads"][0]["geometry"][0].update(x=1e12), "map"),
        (lambda d: d["roads"][0].update(geometry=[{"x": 9e4 * (-1) ** k, "y": 0} for k in range(60)]), "km long"),
        (lambda d: d.update(metadata={"sdc_track_index": 999}), "ego 999"),
    ],
)
def test_absurd_gpudrive_files(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(absurd(change)))
    with pytest.raises(AntigradError, match=message) as caught:
        list(READERS.make("gpudrive")(path))
    assert str(caught.value).startswith("given: bad.json: ")


def test_nested_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"objects": ' + "[" * 200_000)
    with pytest.raises(AntigradError, match=r"deep\.json"):
        list(READERS.make("gpudrive")(path))


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.json.xz"
    path.write_bytes(lzma.compress(json.dumps(gpudrive(SCENE)).encode() + b" " * 3_000_000))
    assert path.stat().st_size < 400_000
    read("gpudrive", path)
    monkeypatch.setattr("antigrad.scenarios.io.files.LARGEST", 2_000_000)
    with pytest.raises(InputValueError, match="larger than 2000000 bytes"):
        read("gpudrive", path)


def test_an_empty_place_says_which_formats_there_are(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(InputValueError, match=r"no scene in .*commonroad"):
        find(tmp_path)
    with pytest.raises(InputValueError, match="not there"):
        find(tmp_path / "none")
    with pytest.raises(InputValueError, match="did you mean 'gpudrive'"):
        find(tmp_path, "gpudrve")


def test_batches_join_scenes_of_like_size() -> None:
    scenes = [generate("merge", agents=count) for count in (9, 2, 8, 3)]
    parts = list(batches(scenes, 2))
    assert [numbers for numbers, _ in parts] == [[1, 3], [2, 0]]
    assert [part.shape[1] for _, part in parts] == [3, 9]  # in the order given it would be 9 and 8


def test_every_reader_says_where_its_format_is_from() -> None:
    for name, kind in {**READERS.classes, **WRITERS.classes}.items():
        assert "Source:" in (kind.__doc__ or ""), name
        assert "Deviations:" in (kind.__doc__ or ""), name
