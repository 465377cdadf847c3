"""What a page may hold: the worst rows, lines that keep their extremes, and how much is left out."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from antigrad.core.page import Cards, Chart, Column, Page, Response, Table, Token, TokenGroup, Tokens
from antigrad.core.page_bounds import BYTES, POINTS, bounded, more, spaced, thinned, within, worst
from antigrad.core.runs import RunFolder


def test_the_worst_are_those_with_the_lowest_figures_in_their_own_order() -> None:
    rows = [{"n": n, "x": x} for n, x in enumerate([3.0, math.nan, 1.0, 2.0, 1.0, -5.0])]
    assert [row["n"] for row in worst(iter(rows), 3, lambda row: row["x"])] == [2, 4, 5]
    assert [row["n"] for row in worst(rows, 6, lambda row: row["x"])] == [0, 1, 2, 3, 4, 5]
    assert worst(rows, 0, lambda row: row["x"]) == []


def test_spaced_rows_have_both_ends() -> None:
    assert spaced(list(range(1001)), 5) == [0, 250, 500, 750, 1000]
    assert spaced([1, 2], 5) == [1, 2] and spaced([1, 2, 3], 1) == [3]


def test_a_long_line_keeps_its_ends_and_extremes() -> None:
    count = 50_000
    y: list[float | None] = [math.sin(n / 50) for n in range(count)]
    y[12_345], y[40_001], y[7] = 99.0, -99.0, None
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(count)),
        "y": y,
        "text": [str(n) for n in range(count)],
    }
    figure, said = thinned({"data": [trace, {"type": "bar", "x": [1], "y": [2]}], "layout": {"a": 1}})
    line, bar = figure["data"]
    assert len(line["x"]) <= POINTS // 2 and "50,000 points" in said
    assert (line["x"][0], line["x"][-1]) == (0, count - 1)
    assert 99.0 in line["y"] and -99.0 in line["y"]
    assert line["text"] == [str(n) for n in line["x"]] and all(line["y"][i] == y[n] for i, n in enumerate(line["x"]))
    assert bar == {"type": "bar", "x": [1], "y": [2]} and figure["layout"] == {"a": 1}
    assert len(trace["x"]) == count  # what was given stays


def test_of_a_cloud_every_nth_point_stays_and_of_a_map_every_nth_column() -> None:
    count = 50_000
    cloud = {"type": "scatter", "mode": "markers", "x": list(range(count)), "y": [0.0] * count}
    cloud |= {"marker": {"color": list(range(count))}, "error_y": {"array": list(range(count))}}
    (found,) = thinned({"data": [cloud]})[0]["data"]
    steps = {b - a for a, b in zip(found["x"], found["x"][1:], strict=False)}
    assert steps <= {2, 3} and found["marker"]["color"] == found["x"] == found["error_y"]["array"]
    plane = {"type": "heatmap", "x": list(range(count)), "y": ["a", "b"], "z": [list(range(count)), [0] * count]}
    (found,) = thinned({"data": [plane]})[0]["data"]
    assert found["z"][0] == found["x"] and len(found["z"][1]) == len(found["x"]) and found["y"] == ["a", "b"]


def test_short_sections_are_left_alone() -> None:
    table = Table("t", [Column("a", "a")], [{"a": 1}], "text")
    chart = Chart("c", {"data": [{"x": [1, 2], "y": [3, 4]}], "layout": {}}, "said")
    for section in (table, chart, Cards("k", [])):
        assert bounded(section, 200) == section
    assert more(3, 3) == "" and more(1_234_567, 200, "steps") == " 1,234,367 more steps are in ledger.jsonl."


def test_tables_and_groups_are_cut_and_say_so(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"a": n, "b": "x" * 50_000} for n in range(500)]
    groups = [TokenGroup(f"g{n}", "p", [Response("r", "wrong", [Token("t" * 100, 0.5)] * 300)]) for n in range(300)]
    sections = [Table("t", [Column("a", "a")], rows), Tokens("k", groups, "s", "m")]
    run = RunFolder.start(tmp_path / "run", job="demo", config={})
    Page("title", "lead", sections).write(run, shown=100)
    table, tokens = run.read_json("page.json")["sections"]
    assert len(table["rows"]) == 100 and "400 more rows" in table["text"]
    assert all(len(row["b"]) < 3000 for row in table["rows"])
    assert 1 <= len(tokens["groups"]) < 100 and f"{300 - len(tokens['groups'])} more groups" in tokens["text"]
    assert run.artifact("page.json").stat().st_size < 2 * BYTES
    assert within(iter(groups[:1])) == groups[:1]
    # Sections that were cut before they were kept as JSON are taken as they are.
    again = [asdict(bounded(section, 100)) for section in sections]
    other = RunFolder.start(tmp_path / "other", job="demo", config={})
    Page("title", "lead", again).write(other, shown=10)  # pyright: ignore[reportArgumentType]
    assert other.read_json("page.json") == run.read_json("page.json")
