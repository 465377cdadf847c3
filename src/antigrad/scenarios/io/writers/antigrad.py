"""Our own format: `scenes.json` for names and maps, Parquet for the tracks."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from antigrad.core.files import write_atomic
from antigrad.scenarios.io.writers.writer import SceneWriter
from antigrad.scenarios.scene import Record, Scenes

FORMAT, VERSION = "antigrad.scenes", 1


@dataclass(frozen=True)
class Antigrad(SceneWriter):
    """Our own format: what is written is read back bit for bit, the raster excepted, which is built from the map.

    `scenes.json` names the Parquet file by its content, and is replaced last: whoever reads sees the old scenes or the
    new ones. A row of the Parquet file is one valid state of one object.

    Source: ours.

    Deviations: none.
    """

    def __call__(self, scenes: Scenes, folder: str | Path) -> tuple[Path, ...]:  # noqa: D102
        folder = Path(folder)
        buffer = io.BytesIO()
        parquet.write_table(_tracks(scenes), buffer, compression="zstd")
        tracks = buffer.getvalue()
        name = f"tracks-{hashlib.sha256(tracks).hexdigest()[:16]}.parquet"
        head: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "dt": scenes.dt,
            "dtype": str(scenes.xy.dtype).split(".")[1],
        }
        head |= {"objects": scenes.shape[1], "states": scenes.shape[2], "tracks": name}
        kept = zip(scenes.records, scenes.ego.tolist(), scenes.kind.tolist(), scenes.size.tolist(), strict=True)
        head["scenes"] = [{**_plain(r), "ego": ego, "kind": kind, "size": size} for r, ego, kind, size in kept]
        written = write_atomic(folder / name, tracks)
        return write_atomic(folder / "scenes.json", json.dumps(head)), written


def _tracks(scenes: Scenes) -> Any:
    chosen = scenes.valid.cpu().nonzero(as_tuple=True)
    names = ("scene", "object", "state")
    columns = {name: index.int().numpy() for name, index in zip(names, chosen, strict=True)}
    xy, vel = scenes.xy.cpu()[chosen], scenes.vel.cpu()[chosen]
    columns |= {"x": xy[:, 0].numpy(), "y": xy[:, 1].numpy(), "yaw": scenes.yaw.cpu()[chosen].numpy()}
    columns |= {"vx": vel[:, 0].numpy(), "vy": vel[:, 1].numpy()}
    return pa.table(columns)


def _plain(record: Record) -> dict[str, Any]:
    lines = {name: [line.tolist() for line in getattr(record, name)] for name in ("edges", "areas", "lanes")}
    own = {"id": record.id, "source": record.source, "objects": list(record.objects), "origin": list(record.origin)}
    return {**own, **lines, "notes": dict(record.notes)}
