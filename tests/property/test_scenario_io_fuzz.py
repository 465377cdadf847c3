"""Damaged scene files: each is read, or refused with one clear error; nothing else ever comes out.

Ten thousand of them, all but a few hundred in the slow half. The same number is always the same file.
"""

import json
import logging
import pickle
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from antigrad.core import AntigradError
from antigrad.scenarios import Scenes
from antigrad.scenarios.io import READERS, WRITERS
from antigrad.scenarios.io.records import frame, read_records
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.synthetic import generate
from helpers.scene_files import (
    av2_forecasting,
    av2_sensor,
    gpudrive,
    scenarionet_pickle,
    tfrecord,
    womd_example,
    womd_scenario,
)

CASES = [pytest.param(range(400), id="400"), pytest.param(range(400, 10_000), id="10000", marks=pytest.mark.slow)]
ABSURD = ["1e999", "-1e308", "NaN", "null", '"x"', "[]", "{}", "-1", str(10**30), "true", "[[[[]]]]", '"\\ud800"', "0"]


def small() -> Scenes:
    scene = generate("crossing", agents=4, seed=1)
    few = slice(0, 12)
    parts = {name: getattr(scene, name)[:, :, few] for name in ("xy", "yaw", "vel", "valid")}
    record = replace(
        scene.records[0], areas=scene.records[0].areas[:2], lanes=tuple(x[:4] for x in scene.records[0].lanes[:2])
    )
    return replace(scene, **parts, records=(record,))


@dataclass(frozen=True)
class Sample:
    """A whole file or folder of one format; `files` are those that are damaged."""

    reader: str
    path: Path
    files: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    top, scene = tmp_path_factory.mktemp("whole"), small()
    whole = generate("crossing", agents=3, seed=1)
    (top / "scene.json").write_text(json.dumps(gpudrive(scene)))
    (net,) = WRITERS.make("scenarionet")(scene, top / "net")
    pickled = scenarionet_pickle(json.loads(net.read_text()), top / "sd.pkl")
    (road,) = WRITERS.make("commonroad(ego_obstacle=true)")(scene, top / "road")
    own = top / "own"
    WRITERS.make("antigrad")(scene, own)
    made = [
        Sample("gpudrive", top / "scene.json"),
        Sample("scenarionet", net),
        Sample("scenarionet", pickled),
        Sample("commonroad", road),
        Sample("womd_scenario", tfrecord(top / "s.tfrecord", womd_scenario(scene))),
        Sample("womd_example", tfrecord(top / "e.tfrecord", womd_example(whole))),
        Sample("antigrad", own, tuple(path.name for path in own.iterdir())),
    ]
    for reader, make in (("av2_forecasting", av2_forecasting), ("av2_sensor", av2_sensor)):
        folder = make(scene, top / reader)
        made.append(Sample(reader, folder, tuple(sorted(path.name for path in folder.iterdir()))))
    for one in made:
        assert len(list(READERS.make(one.reader)(one.path))) == 1
    return made


def bits(data: bytes, rng: np.random.Generator) -> bytes:
    raw = bytearray(data)
    for place in rng.integers(len(raw), size=int(rng.integers(1, 9))):
        raw[place] ^= 1 << int(rng.integers(8))
    return bytes(raw)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(len(data)))]


def splice(data: bytes, rng: np.random.Generator) -> bytes:
    a, b, c = sorted(rng.integers(len(data) + 1, size=3).tolist())
    return [data[:a] + data[b:], data[:b] + data[a:], data[:a] + data[b:c] + data[a:b] + data[c:]][int(rng.integers(3))]


def noise(data: bytes, rng: np.random.Generator) -> bytes:
    a = int(rng.integers(len(data)))
    fresh = rng.bytes(int(rng.integers(1, 40)))
    return data[:a] + fresh + data[a + len(fresh) :]


def values(data: bytes, rng: np.random.Generator) -> bytes:
    """Replace one number or word by an absurd one."""
    spots = list(re.finditer(rb"-?\d+\.?\d*(?:e-?\d+)?|true|false", data))
    if not spots:
        return bits(data, rng)
    spot = spots[int(rng.integers(len(spots)))]
    return data[: spot.start()] + ABSURD[int(rng.integers(len(ABSURD)))].encode() + data[spot.end() :]


def framed(change: Callable[[bytes, np.random.Generator], bytes]) -> Callable[[Path, np.random.Generator], bytes]:
    """Damage the message but not its frame, so that the checksums fit."""
    return lambda path, rng: frame(change(payload, rng) for payload in read_records(path))


CHANGES = (bits, cut, splice, noise, values)


def damaged(sample: Sample, case: int, folder: Path) -> Path:
    rng = np.random.default_rng([20240907, case])
    change = CHANGES[int(rng.integers(len(CHANGES)))]
    if sample.files:
        place = folder / sample.path.name
        shutil.copytree(sample.path, place)
        target = place / sample.files[int(rng.integers(len(sample.files)))]
        if rng.random() < 0.05:
            target.unlink()
        else:
            target.write_bytes(change(target.read_bytes(), rng))
        return place
    place = folder / sample.path.name
    if sample.path.suffix == ".tfrecord" and rng.random() < 0.7:
        place.write_bytes(framed(change)(sample.path, rng))
    else:
        place.write_bytes(change(sample.path.read_bytes(), rng))
    return place


@pytest.mark.parametrize("cases", CASES)
def test_damaged_files_are_read_or_refused(samples: list[Sample], tmp_path: Path, cases: range) -> None:
    refused = dict.fromkeys((sample.path.name for sample in samples), 0)
    for case in cases:
        sample, folder = samples[case % len(samples)], tmp_path / str(case)
        folder.mkdir()
        path = damaged(sample, case, folder)
        try:
            reader = READERS.make(sample.reader)
            assert reader.reads(path) in {True, False}
            for scene in reader(path):
                assert scene.valid.any()
                rasterise(scene, cell=4.0)  # the map is sane too
        except AntigradError as error:
            refused[sample.path.name] += 1
            text = str(error)
            assert path.name in text or "cells" in text, (case, text)
            assert text.startswith("given: ")
            assert 40 < len(text) < 800, (case, text)
            assert error.hint, case
        except BaseException as error:  # the case makes it again
            raise AssertionError(f"case {case}, {sample.reader}: {type(error).__name__}: {error}") from error
        shutil.rmtree(folder)
    logging.getLogger(__name__).info("%d damaged files, refused: %s", len(cases), refused)
    assert sum(refused.values()) > len(cases) / 3
    assert all(refused.values())


def test_a_pickle_never_allocates_what_a_damaged_index_says() -> None:
    data = pickle.dumps({"a": [1]}, protocol=2).replace(b"q\x00", b"r\xff\xff\xff\x7f")
    from antigrad.scenarios.io.unpickle import safe_load

    assert safe_load(data) == {"a": [1]}
    with pytest.raises(AntigradError):
        safe_load(b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b"abc.")
