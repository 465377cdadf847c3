"""The map of the house, drawn from its imports when the site is built; by hand: `python docs/hooks/house.py FILE`."""

from __future__ import annotations

import sys
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import grimp
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
WIDTH, GAP, LINE, TOP = 1180, 18, 15, 40
FLOORS = {"core": 0, "geometry": 1, "credit": 1, "language": 2, "lab": 3, "cli": 4}
"""Floor of a row, by its first room; rules of credit stand on objectives and geometry, on one floor with them."""
STYLE = """
text { font: 12px Helvetica, Arial, sans-serif; fill: #1a2028 }
.name { font-weight: bold; font-size: 14px } .room { fill: #4a5260 } .floor { fill: #8a8f98 }
rect { fill: #f4f5f6; stroke: #8a8f98 } path { fill: none; stroke: #4a9be6; stroke-width: 1.2; opacity: .65 }
@media (prefers-color-scheme: dark) {
  text { fill: #e8eaed } .room { fill: #b6bcc6 } rect { fill: #242a33; stroke: #5c6470 } path { stroke: #6fb1ef }
}
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the picture to the site."""
    files.append(File.generated(config, "assets/house.svg", content=drawn()))
    return files


def floors() -> list[list[str]]:
    """Read the floors from the import contract, the highest first.

    Returns:
        Rooms of each.
    """
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["name"] == "The floors of the house")
    return [[room.strip() for room in layer.split("|")] for layer in layers if layer != "__main__"]


def drawn() -> str:
    """Draw the house.

    Returns:
        The picture as SVG.
    """
    graph = grimp.build_graph("antigrad", cache_dir=None)
    rows = floors()
    wide = {room: (WIDTH - 110 - GAP * (len(row) - 1)) / len(row) for row in rows for room in row}
    inside = {room: rooms(graph, f"antigrad.{room}", int(width / 6.2)) for room, width in wide.items()}
    places: dict[str, tuple[float, float, float, float]] = {}
    height = float(TOP)
    for row in rows:
        width = wide[row[0]]
        tall = 26 + LINE * max(1, *(len(inside[room]) for room in row)) + 8
        for place, room in enumerate(row):
            places[room] = (100 + place * (width + GAP), height, width, tall)
        height += tall + 64
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height - 40:.0f}">',
        f"<style>{STYLE}</style>",
    ]
    parts += arrows(graph, rows, places)
    for row in rows:
        parts.append(f'<text class="floor" x="8" y="{places[row[0]][1] + 18:.0f}">floor {FLOORS[row[0]]}</text>')
    for room, (left, top, width, tall) in places.items():
        parts.append(f'<rect x="{left:.1f}" y="{top:.0f}" width="{width:.1f}" height="{tall}" rx="5"/>')
        parts.append(f'<text class="name" x="{left + 10:.1f}" y="{top + 19:.0f}">{room}</text>')
        for line, name in enumerate(inside[room]):
            parts.append(f'<text class="room" x="{left + 10:.1f}" y="{top + 36 + LINE * line:.0f}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def rooms(graph: grimp.ImportGraph, room: str, width: int) -> list[str]:
    """List the folders of a room, then its files.

    Args:
        graph: All imports.
        room: A package.
        width: Letters a line.

    Returns:
        Lines: one a folder, with the folders in it in brackets; then the names of the files.
    """
    folders: list[str] = []
    files: list[str] = []
    for child in sorted(graph.find_children(room)):
        name, below = child.rpartition(".")[2], graph.find_children(child)
        if below:
            deeper = [one.rpartition(".")[2] for one in sorted(below) if graph.find_children(one)]
            folders.append(f"{name}/" + (f" ({', '.join(deeper)})" if deeper else ""))
        else:
            files.append(name)
    return [*folders, *textwrap.wrap(" · ".join(files), width)]


def arrows(
    graph: grimp.ImportGraph, rows: Sequence[Sequence[str]], places: Mapping[str, tuple[float, float, float, float]]
) -> list[str]:
    """Draw which room imports which, but for the lowest floor, on which all stand.

    Args:
        graph: All imports.
        rows: Rooms of each floor.
        places: Left, top, width and height of each.

    Returns:
        Paths.
    """
    level = {room: number for number, row in enumerate(rows) for room in row}
    pairs = sorted(
        {
            (one.split(".")[1], other.split(".")[1])
            for one in graph.modules
            for other in graph.find_modules_directly_imported_by(one)
            if one.count(".") and other.count(".")
        }
    )
    paths: list[str] = []
    for one, other in pairs:
        if "__main__" in (one, other) or one == other or other in rows[-1] or level[one] >= level[other]:
            continue
        left, top, width, tall = places[one]
        start = (left + width * (0.2 + 0.6 * _share(pairs, one, other, 0)), top + tall)
        left, top, width, _ = places[other]
        end = (left + width * (0.2 + 0.6 * _share(pairs, one, other, 1)), top)
        middle = (start[1] + end[1]) / 2
        paths.append(
            f'<path d="M{start[0]:.1f} {start[1]:.0f} C{start[0]:.1f} {middle:.0f} {end[0]:.1f} {middle:.0f} '
            f'{end[0]:.1f} {end[1]:.0f}"/>'
        )
    for upper, lower in pairwise(rows[-2:]):
        top = places[upper[0]][1] + places[upper[0]][3] + 34
        paths.append(f'<text class="floor" x="100" y="{top:.0f}">everything stands on {", ".join(lower)}</text>')
    return paths


def _share(pairs: Sequence[tuple[str, str]], one: str, other: str, end: int) -> float:
    # Where along the side of a box an arrow starts or ends: in the order of the rooms at its other end.
    same = [pair for pair in pairs if pair[end] == (one, other)[end]]
    return (same.index((one, other)) + 0.5) / len(same)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawn())
