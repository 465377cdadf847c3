"""Pictures from where people have them, and what is no picture."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from antigrad.attribution import images
from antigrad.attribution.images import Picture, find_pictures, square
from antigrad.core.errors import AntigradError, ManyInputsError


def png(colour: tuple[int, int, int] = (10, 20, 30), size: tuple[int, int] = (6, 4)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def test_files_folders_and_tables(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in ("folder/b.png", "folder/deep/a.PNG", "alone.jpg"):
        (tmp_path / name).write_bytes(png())
    (tmp_path / "folder" / "notes.txt").write_text("no picture")
    table = pa.table({"image": [png(), png((1, 2, 3))], "class_index": [7, 8], "p": [0.9, 0.8]})
    pq.write_table(table, tmp_path / "rows.parquet")
    found = find_pictures(
        [tmp_path / "alone.jpg", tmp_path / "folder", tmp_path / "rows.parquet", tmp_path / "alone.jpg"]
    )
    assert [picture.name for picture in found] == [
        "alone.jpg", "b.png", "deep/a.PNG", "rows-00000", "rows-00001", "alone.jpg-2",
    ]  # fmt: skip
    assert [picture.label for picture in found] == [None, None, None, 7, 8, None]
    assert found[4].open().getpixel((0, 0)) == (1, 2, 3)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"picture": [1]}), tmp_path / "other.parquet")
    with pytest.raises(ManyInputsError) as caught:
        find_pictures([tmp_path / "gone.png", tmp_path / "empty", tmp_path / "other.parquet"])
    text = str(caught.value)
    assert "gone.png: there is no such file" in text
    assert "empty: no picture in it" in text
    assert "a column `image` of bytes is needed" in text
    with pytest.raises(AntigradError, match="no image given"):
        find_pictures([])


@pytest.mark.parametrize("broken", [b"", b"not a picture", png()[:40], png()[:-26]])
def test_damaged_pictures_are_named(broken: bytes) -> None:
    with pytest.raises(AntigradError, match=r"holiday: .*a picture that can be decoded"):
        Picture("holiday", broken).open().load()


def test_huge_pictures_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 20)
    with pytest.raises(AntigradError, match=r"6 × 4 pixels.*at most 20"):
        Picture("huge", png()).open()


def test_cameras_turn_pictures_and_grey_becomes_rgb() -> None:
    out = io.BytesIO()
    picture = Image.new("RGB", (6, 4))
    exif = picture.getexif()
    exif[0x0112] = 6  # Turned by a quarter.
    picture.save(out, "JPEG", exif=exif)
    assert Picture("turned", out.getvalue()).open().size == (4, 6)
    out = io.BytesIO()
    Image.new("L", (3, 3), 77).save(out, "PNG")
    assert Picture("grey", out.getvalue()).open().getpixel((1, 1)) == (77, 77, 77)


def test_the_middle_of_the_picture() -> None:
    picture = Image.new("RGB", (300, 100), (255, 0, 0))
    picture.paste((0, 255, 0), (100, 0, 200, 100))
    found = square(picture, resize=100, size=90)
    assert found.shape == (3, 90, 90)
    assert torch.equal(found[1], torch.ones(90, 90))
    assert float(found[0].sum()) == 0
    tall = square(picture.rotate(90, expand=True), resize=128, size=112)
    assert tall.shape == (3, 112, 112)
    assert tall[1].min() > 0.9
