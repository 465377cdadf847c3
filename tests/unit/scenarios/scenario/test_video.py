"""Films: readable, as long as they should be, and one clear sentence without the extra."""

from __future__ import annotations

import io
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from antigrad.core.errors import AntigradError, ManyInputsError
from antigrad.scenarios.scenario import ScenarioConfig
from antigrad.scenarios.scenario.animation import animation
from antigrad.scenarios.scenario.video import film

COLOURS = ["#b91c1c", "#1d7f5f", "#3355cc"]


def pictures() -> list[Image.Image]:
    return [Image.new("RGB", (64, 48), colour) for colour in COLOURS]


def test_a_film_holds_the_pictures_in_order() -> None:
    av = pytest.importorskip("av", reason="the extra `video` is not installed")
    with av.open(io.BytesIO(animation(pictures(), 0.2, "mp4"))) as file:
        frames = list(file.decode(video=0))
    assert [round(float(frame.time), 2) for frame in frames] == [0.0, 0.2, 0.4]
    for frame, colour in zip(frames, COLOURS, strict=True):
        wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        found = frame.to_image().getpixel((32, 24))
        assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < 20


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AntigradError, match=r"antigrad\[video\]"):
        film(pictures(), 0.2)


@pytest.mark.skipif(find_spec("av") is not None, reason="the extra `video` is installed")
def test_the_settings_say_so_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ManyInputsError, match=r"picture='mp4'.*antigrad\[video\]"):
        ScenarioConfig(picture="mp4", animate=1, output=tmp_path / "run").check()
    ScenarioConfig(picture="mp4", output=tmp_path / "run").check()  # none is made


def test_gif_and_webp_need_nothing_more() -> None:
    for kind in ("gif", "webp"):
        with Image.open(io.BytesIO(animation(pictures(), 0.2, kind))) as picture:
            assert picture.format == kind.upper()
            assert picture.n_frames == 3  # type: ignore[attr-defined]
