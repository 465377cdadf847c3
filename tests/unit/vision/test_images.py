"""Pictures from where people have them, and what is no picture."""

import io
import os
import struct
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from antigrad.core.errors import AntigradError, ManyInputsError
from antigrad.vision import images
from antigrad.vision.data import read_samples
from antigrad.vision.images import Picture, find_pictures, square


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


def saved(picture: Image.Image, kind: str = "PNG") -> Picture:
    out = io.BytesIO()
    picture.save(out, kind)
    return Picture("saved", out.getvalue())


def test_sixteen_bits_keep_their_upper_eight_and_unknown_ranges_are_refused() -> None:
    ramp = torch.arange(0, 65536, 256, dtype=torch.int32).to(torch.uint16).reshape(16, 16)
    sixteen = Image.frombytes("I;16", (16, 16), ramp.numpy().tobytes())
    for kind in ("PNG", "TIFF"):
        found = saved(sixteen, kind).open()
        assert [found.getpixel((x, y))[1] for y in range(16) for x in range(16)] == list(range(256))  # type: ignore[index]
    with pytest.raises(AntigradError, match=r"mode F.*8 or 16 bits"):
        saved(Image.new("F", (4, 4), 0.5), "TIFF").open()


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    clear.putpixel((1, 1), (0, 10, 20, 255))
    for given in (clear, clear.quantize(4)):
        found = saved(given).open()
        assert found.mode == "RGB"
        assert found.getpixel((0, 0)) == (255, 255, 255) and found.getpixel((1, 1)) == (0, 10, 20)


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (1, 1)])
def test_no_shape_needs_much_memory(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty thousand pixels in one row would become 256 times 15 million."""
    asked: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def seen(self: Image.Image, size: tuple[int, int], *rest: object) -> Image.Image:
        asked.append(size)
        assert size[0] * size[1] < 2_000_000, size
        return resize(self, size, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", seen)
    assert square(Image.new("RGB", size, (9, 9, 9)), resize=256, size=224).unique().tolist() == pytest.approx([9 / 255])
    assert asked


def test_the_middle_of_a_long_picture_is_what_it_was() -> None:
    picture = Image.new("RGB", (2000, 100))
    picture.paste((0, 255, 0), (950, 0, 1050, 100))
    found = square(picture, resize=100, size=90)
    assert torch.equal(found[1], torch.ones(90, 90))


@pytest.mark.parametrize("given", [None, "words", 5])
def test_what_is_in_a_table_but_no_bytes(given: object) -> None:
    with pytest.raises(AntigradError, match=r"row: .*a picture that can be decoded"):
        Picture("row", given).open()  # type: ignore[arg-type]


def test_decoders_may_stumble_over_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(_: object, **__: object) -> None:
        raise EOFError("no more images")

    monkeypatch.setattr(images.ImageOps, "exif_transpose", stumble)
    with pytest.raises(AntigradError, match="row: no more images"):
        Picture("row", png()).open()


def test_bombs_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3)
    with pytest.raises(AntigradError, match=r"bomb.*at most 64,000,000 pixels"):
        Picture("bomb", png()).open()


def test_tables_with_odd_labels_or_damage(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [png()], "label": ["cat"]}), tmp_path / "words.parquet")
    assert find_pictures([tmp_path / "words.parquet"])[0].label is None
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), tmp_path / "empty.parquet")
    many = pa.table({"image": [png() + bytes([k]) * 5000 for k in range(99)]})
    pq.write_table(many, tmp_path / "damaged.parquet", compression="none", use_dictionary=False)
    data = bytearray((tmp_path / "damaged.parquet").read_bytes())
    data[4:60] = b"\xff" * 56  # The first page's head; the footer is whole.
    (tmp_path / "damaged.parquet").write_bytes(data)
    with pytest.raises(ManyInputsError, match="2 problems") as caught:
        find_pictures([tmp_path / "empty.parquet", tmp_path / "damaged.parquet"])
    assert "empty.parquet: no rows" in str(caught.value) and "damaged.parquet" in str(caught.value)


def header(wide: int, high: int) -> bytes:
    """A PNG of a few bytes that says how large it is, and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_few_bytes_that_say_a_hundred_million_pixels_are_not_decoded() -> None:
    bomb = header(10_000, 10_000)
    assert len(bomb) < 80
    with pytest.raises(AntigradError, match=r"bomb: 10000 × 10000 pixels.*at most 64,000,000 pixels"):
        Picture("bomb", bomb).open()


def test_a_picture_is_decoded_once_and_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Image.Image, "copy", copied)
    assert Picture("row", png()).open().getpixel((0, 0)) == (10, 20, 30)


def test_names_that_are_no_text_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    odd = os.fsencode(folder) + b"/caf\xe9.png"
    with open(odd, "wb") as file:  # noqa: PTH123
        file.write(png())
    for sources in ([tmp_path], [os.fsdecode(odd)]):
        with pytest.raises(ManyInputsError, match=r"caf\\udce9\.png'?: a name that is not UTF-8; rename it"):
            find_pictures(sources)
    with pytest.raises(ManyInputsError, match="rename it"):
        read_samples(tmp_path, lambda picture: square(picture, 4, 4))
