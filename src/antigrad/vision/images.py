"""Pictures from files, folders and Parquet tables, brought to the size a model wants."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor

from antigrad.core.errors import AntigradError, raise_all
from antigrad.core.files import is_file, is_folder
from antigrad.core.unicode import half_character

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MOST_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded: a pixel takes 4 bytes, with transparency up to 16."""
LONGEST = 8
"""Of what is longer than so many times its shorter side, only the middle is resized: more is never shown."""
LABELS = ("class_index", "label")
"""Columns of a table that give the class, the first that is there."""


@dataclass(frozen=True)
class Picture:
    """One picture, not yet decoded.

    Args:
        name: What it is called in tables and file names.
        source: A file, or its bytes.
        label: Its class, if known.
    """

    name: str
    source: Path | bytes
    label: int | None = None

    def open(self) -> Image.Image:
        """Decode it, turned as its camera says, in RGB: the first frame, on white where it is transparent.

        Returns:
            The picture; of 16 bits a channel the upper 8.

        Raises:
            AntigradError: It is no picture, damaged, or too large.
        """
        try:
            given: Any = self.source if isinstance(self.source, Path) else io.BytesIO(self.source)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of metadata that we don't read, and of size: checked below.
                with Image.open(given) as picture:
                    width, height = picture.size
                    if width * height > MOST_PIXELS:
                        raise self._too_large(f"{width} × {height} pixels")
                    ImageOps.exif_transpose(picture, in_place=True)
                    return _in_rgb(picture, _bits(picture))
        except AntigradError:
            raise
        except Image.DecompressionBombError as error:
            raise self._too_large(str(error)) from error
        except Exception as error:  # Decoders raise whatever a damaged file makes them stumble over.
            what = "no picture of a known kind" if isinstance(error, UnidentifiedImageError) else str(error)
            raise AntigradError(
                f"{self.name}: {what}", "a picture that can be decoded", "open it in a viewer"
            ) from error

    def _too_large(self, given: str) -> AntigradError:
        return AntigradError(f"{self.name}: {given}", f"at most {MOST_PIXELS:,} pixels", "make it smaller first")


def find_pictures(sources: Sequence[Path | str]) -> list[Picture]:
    """Find the pictures in files, folders and Parquet tables.

    Args:
        sources: Picture files, folders of such (searched through, in order of names), `.parquet` tables with a column
            `image` of bytes and perhaps `class_index` or `label`.

    Returns:
        The pictures, names distinct.

    Raises:
        ManyInputsError: Sources that are not there or hold no picture, all at once.
    """
    problems: list[str] = []
    found: list[Picture] = []
    for source in map(Path, sources):
        if is_folder(source):
            files = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
            found += [Picture(str(path.relative_to(source)), path) for path in files]
            problems += unwritable(files)
            if not files:
                problems.append(f"{source}: no picture in it ({', '.join(SUFFIXES)})")
        elif source.suffix == ".parquet" and is_file(source):
            found += _table(source, problems)
        elif is_file(source) and half_character(str(source)):
            problems += unwritable([source])
        elif is_file(source):
            found.append(Picture(source.name, source))
        else:
            problems.append(f"{source}: there is no such file or folder")
    raise_all("images", problems if sources else ["no image given: name files, folders or tables"])
    return _distinct(found)


def square(picture: Image.Image, *, resize: int, size: int) -> Tensor:
    """Shorter side to `resize` by bicubic interpolation, then the middle `size` × `size`.

    Args:
        picture: RGB.
        resize: Shorter side.
        size: Side of the crop.

    Returns:
        (3, size, size) in [0, 1].

    Example:
        >>> square(Image.new("RGB", (40, 20), (255, 0, 0)), resize=10, size=8)[:, 0, 0].tolist()
        [1.0, 0.0, 0.0]
    """
    most = LONGEST * min(picture.size)
    if max(picture.size) > most:
        wide, high = min(picture.width, most), min(picture.height, most)
        left, top = (picture.width - wide) // 2, (picture.height - high) // 2
        picture = picture.crop((left, top, left + wide, top + high))
    factor = resize / min(picture.size)
    wide = max(size, round(picture.width * factor)), max(size, round(picture.height * factor))
    picture = picture.resize(wide, Image.Resampling.BICUBIC)
    left, top = (picture.width - size) // 2, (picture.height - size) // 2
    picture = picture.crop((left, top, left + size, top + size))
    data = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return data.reshape(size, size, 3).permute(2, 0, 1).float() / 255


BITS_PER_SAMPLE = 258
"""The TIFF tag that tells how many of the 16 bits are used."""


def _bits(picture: Image.Image) -> int:
    tags: Any = getattr(picture, "tag_v2", {})
    return int(tags.get(BITS_PER_SAMPLE, (16,))[0])


def _in_rgb(picture: Image.Image, bits: int) -> Image.Image:
    if picture.mode.startswith("I;16"):  # Pillow would cut what is above 255.
        unit = 2 ** (bits - 8)
        return picture.convert("I").point(lambda value: value / unit).convert("L").convert("RGB")
    picture = _in_srgb(picture)
    if picture.mode in ("I", "F"):
        raise ValueError(
            f"values of mode {picture.mode}, whose range nobody knows; 8 or 16 bits per channel are supported"
        )
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    picture.load()
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _in_srgb(picture: Image.Image) -> Image.Image:
    # Numbers of another colour space are other colours; a profile that does not fit the picture is not used.
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        found = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return picture if found is None else found


def unwritable(files: Sequence[Path]) -> list[str]:
    """Name files whose names are no text: they stand in tables and in the names of other files.

    Args:
        files: Files.

    Returns:
        One sentence each.
    """
    return [f"{str(path)!r}: a name that is not UTF-8; rename it" for path in files if half_character(str(path))]


def _table(source: Path, problems: list[str]) -> Iterator[Picture]:
    import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]

    try:
        file: Any = pq.ParquetFile(source)  # pyright: ignore[reportUnknownMemberType]
        columns = list(file.schema_arrow.names)
        if "image" not in columns:
            problems.append(f"{source}: columns {', '.join(columns)}; a column `image` of bytes is needed")
            return
        label = next((name for name in LABELS if name in columns), None)
        row = 0
        for batch in file.iter_batches(64, columns=["image", *([label] if label else [])]):
            for given in batch.to_pylist():
                image = given["image"]["bytes"] if isinstance(given["image"], dict) else given["image"]
                number = given[label] if label else None
                # A label in words is no class of the model.
                yield Picture(f"{source.stem}-{row:05d}", image, number if isinstance(number, int) else None)
                row += 1
        if not row:
            problems.append(f"{source}: no rows")
    except Exception as error:
        problems.append(f"{source}: {error}")


def _distinct(pictures: list[Picture]) -> list[Picture]:
    seen: dict[str, int] = {}
    found: list[Picture] = []
    for picture in pictures:
        count = seen.get(picture.name, 0)
        seen[picture.name] = count + 1
        name = picture.name if not count else f"{picture.name}-{count + 1}"
        found.append(Picture(name, picture.source, picture.label))
    return found
