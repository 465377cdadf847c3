"""Pictures as a film: MP4, by the optional extra `video`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from PIL import Image

from antigrad.core.errors import AntigradError

NO_VIDEO = "the package av is missing; pip install 'antigrad[video]', or choose webp"


def film(pictures: Sequence[Image.Image], seconds: float) -> bytes:
    """Encode pictures.

    Args:
        pictures: At least one, of one size with even sides.
        seconds: Each is shown.

    Returns:
        An MP4 file: H.264 where the library has it, MPEG-4 otherwise.

    Raises:
        AntigradError: The extra `video` is not installed.
    """
    try:
        import av  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise AntigradError("an MP4", "the extra `video`", NO_VIDEO) from error
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream: Any = file.add_stream(codec, rate=Fraction(1 / seconds).limit_denominator(1000))
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            file.mux(stream.encode(av.VideoFrame.from_image(picture)))
        file.mux(stream.encode())
    return buffer.getvalue()
