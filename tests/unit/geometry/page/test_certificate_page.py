"""The page of certificates: its words and figures follow from the rows, whatever they are."""

import math
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import InputValueError, RunFolder
from antigrad.core.page import Cards, Chart, Section, Table
from antigrad.geometry.page import certificate_page, certificate_sections, kept, write_certificate_page
from antigrad.geometry.page.layers import heat_map
from antigrad.geometry.page.page import CAVEATS
from antigrad.report import write_report
from helpers.certificates import certificate_rows, layer_names

AGAINST = "model.layers.1.self_attn.q_proj.weight"


def of(sections: list[Section], title: str) -> Any:
    return next(section for section in sections if section.title == title)


def cards(sections: list[Section]) -> dict[str, Any]:
    return {card.label: card for card in of(sections, "In short").cards}


def line(chart: Chart, name: str) -> dict[str, Any]:
    return next(trace for trace in chart.figure["data"] if trace["name"] == name)


@pytest.fixture(scope="module")
def sections() -> list[Section]:
    return certificate_sections(certificate_rows())


def test_every_section_is_there_in_order(sections: list[Section]) -> None:
    assert [section.title for section in sections] == [
        "In short",
        "Alignment of each layer",
        "Alignment of the whole step",
        "What each part gained by each step",
        "Weight of the down part",
        "The ladder of κ",
        "Layers, worst first",
        "Alarms",
    ]


def test_skipped_steps_and_other_rows_take_no_part_and_the_later_of_two_counts() -> None:
    rows = certificate_rows(3)
    again = rows[1] | {"cos": 0.9}
    sections = certificate_sections(
        [{"kind": "step", "step": 1}, *reversed(rows), again, rows[0] | {"step": 5, "skipped": True}]
    )
    another = line(of(sections, "Alignment of the whole step"), "another batch")
    assert another["x"] == [10, 20, 30]
    assert another["y"] == [0.2, 0.9, rows[2]["cos"]]


def test_headline_figures_are_medians_sums_and_counts(sections: list[Section]) -> None:
    rows = [row for row in certificate_rows() if not row["skipped"]]
    shown = cards(sections)
    assert shown["Alignment, cos ψ"].value == f"{sorted(row['cos'] for row in rows)[19]:.3g}"
    assert "on the next batch" in shown["Alignment, cos ψ"].note
    assert shown["κ of the whole step"].note.endswith("existed in 39 of 39 logged steps")
    assert shown["Finest certificate"].value == "layer"
    assert shown["What up gained"].value == f"{sum(row['effect']['up'] for row in rows):+.3g}"
    assert shown["What up gained"].note.endswith("it lost ground in 19")
    assert shown["What anchor gained"].note.startswith("summed drop of its loss over 38")
    assert shown["Steps with an alarm"].value == "16"


@pytest.mark.parametrize("sign", [1, -1])
def test_gain_and_loss_are_told_apart(sign: int) -> None:
    rows = [row | {"cos": sign * 0.1, "effect": {"up": sign * 1.0}} for row in certificate_rows(4)]
    shown = cards(certificate_sections(rows))
    good, bad = ("good", "bad") if sign > 0 else ("bad", "good")
    assert shown["What up gained"].tone == shown["Alignment, cos ψ"].tone == good != bad
    assert shown["What up gained"].value == ("+4" if sign > 0 else "−4")


def test_the_heat_map_has_the_layers_of_the_model_in_order_and_gaps(sections: list[Section]) -> None:
    trace = of(sections, "Alignment of each layer").figure["data"][0]
    assert trace["y"] == layer_names(4)
    assert len(trace["x"]) == 39
    assert set(trace["z"][-1]) == {None}
    assert set(trace["z"][trace["y"].index(AGAINST)]) == {-0.2}
    assert trace["zmax"] == -trace["zmin"] > 0
    assert trace["reversescale"]


def test_many_steps_are_averaged_and_many_layers_get_height() -> None:
    rows = certificate_rows(900, 1)
    for place, row in enumerate(rows):
        row["skipped"], row["block_cos"] = False, {"a": float(place % 3), "b": None if place else 0.5}
    chart = certificate_sections(rows)[1]
    assert isinstance(chart, Chart)
    trace = chart.figure["data"][0]
    assert trace["x"][:2] == [10, 40]
    assert len(trace["x"]) == 300
    assert set(trace["z"][0]) == {1.0}
    assert trace["z"][1] == [0.5] + [None] * 299
    assert "Each column is the mean of 3 logged steps." in chart.text
    tall = heat_map("t", {f"layer {place}": [0.1] for place in range(300)}, ["up"], "", hover="part")
    assert tall.figure["layout"]["height"] > 300 * 12
    assert tall.figure["layout"]["yaxis"]["tickvals"] == [f"layer {place}" for place in range(300)]


def test_one_extreme_layer_does_not_wash_out_the_others() -> None:
    values = {f"layer {place}": [0.01] for place in range(99)} | {"wild": [0.9]}
    trace = heat_map("t", values, [1], "", hover="step").figure["data"][0]
    assert trace["zmax"] == 0.01


def test_open_ends_of_the_window_reach_beyond_everything(sections: list[Section]) -> None:
    chart = of(sections, "Weight of the down part")
    band = chart.figure["data"][0]
    low, top = (10**end for end in chart.figure["layout"]["yaxis"]["range"])
    assert band["base"][0] == pytest.approx(low)
    assert band["base"][0] + band["y"][0] == pytest.approx(top)
    assert band["customdata"][0] == [0.0, "any"]
    assert band["base"][1] == pytest.approx(0.31)
    assert band["base"][1] + band["y"][1] == pytest.approx(1.58)
    assert set(line(chart, "weight used")["y"]) == {1.0}
    assert "the optimizer's own scaling" in chart.text


def test_rungs_without_a_certificate_are_gaps_and_are_counted(sections: list[Section]) -> None:
    chart = of(sections, "The ladder of κ")
    assert "global 39 of 39, layer 31 of 39, row 0 of 39" in chart.text
    assert line(chart, "layer")["y"][4] is None
    assert set(line(chart, "row")["y"]) == {None}
    assert chart.figure["layout"]["yaxis"]["type"] == "log"


def test_the_worst_layer_comes_first(sections: list[Section]) -> None:
    table = of(sections, "Layers, worst first")
    first = table.rows[0]
    assert first == {"name": AGAINST, "median": -0.2, "least": -0.2, "against": 1.0, "steps": 39}
    assert [row["median"] for row in table.rows] == sorted(row["median"] for row in table.rows)
    assert "model.norm.weight" not in {row["name"] for row in table.rows}


def test_without_another_batch_the_own_one_is_shown_and_named() -> None:
    rows = [
        row | {"independent": "in_batch", "cos": None, "kappa": None, "kappa_layer": None, "block_cos": None}
        for row in certificate_rows(5)
    ]
    sections = certificate_sections(rows)
    assert cards(sections)["Alignment, cos ψ"].note.endswith("on the step's own batch")
    assert cards(sections)["Alignment, cos ψ"].value == "0.45"
    assert [trace["name"] for trace in of(sections, "Alignment of the whole step").figure["data"]] == ["own batch"]
    assert line(of(sections, "The ladder of κ"), "layer")["y"] == [22.0] * 5


def test_the_caveats_are_on_the_page(sections: list[Section]) -> None:
    words = " ".join([*CAVEATS, *(section.text for section in sections)])
    assert CAVEATS[0] in [section.text for section in sections]
    for said in (
        "plain SGD is 1 by construction",
        "κ of the whole step is its cosine again",
        "can be gamed by one layer",
        "depends on the coordinates",
        "does not mean that asking was wise",
    ):
        assert said in words


def test_rows_of_nothing_but_gaps_make_a_page(tmp_path: Path) -> None:
    empty = {"kind": "certificate", "step": 1, "independent": "lagged", "cos": math.nan, "kappa": math.inf}
    empty |= dict.fromkeys(("kappa_layer", "block_cos", "effect", "lambda_lo", "lambda_hi", "in_batch", "alarms"))
    page = certificate_page([empty], "Nothing", "Nothing moved.")
    assert cards(list(page.sections))["κ of the whole step"].value == "∞"
    run = RunFolder.start(tmp_path / "run", job="train", config={})
    page.write(run)
    assert write_report(run).is_file()


def test_a_plain_loop_gets_its_page(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", job="my loop", config={})
    with pytest.raises(InputValueError, match="0 rows without a certificate"):
        write_certificate_page(run)
    for row in certificate_rows(6):
        run.ledger.append(row)
    assert Path(write_certificate_page(run)).is_file()
    page = write_report(run).read_text()
    assert "Yes: of 6 logged steps 6 went down the loss on the next batch, 0 did not, and 0 are unresolved" in page


def test_sections_are_of_the_kinds_the_report_knows(sections: list[Section]) -> None:
    assert {type(section) for section in sections} == {Cards, Chart, Table}


def of_two_optimizers(steps: int, *more: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in certificate_rows(steps):
        half = len(row["block_cos"]) // 2
        names = list(row["block_cos"])
        for place, name in enumerate(("Muon", "AdamW", *more)):
            own = names[:half] if place == 0 else names[half:]
            cosines = {layer: row["block_cos"][layer] for layer in own}
            rows.append(row | {"optimizer": name, "cos": row["cos"] * (-1) ** place, "block_cos": cosines})
    return rows


def test_optimizers_that_share_a_model_are_all_on_the_page() -> None:
    sections = certificate_sections(of_two_optimizers(4))
    for name, sign in (("Muon", 1), ("AdamW", -1)):
        drawn = line(of(sections, f"Alignment of the whole step: {name}"), "another batch")
        assert drawn["y"] == [sign * row["cos"] for row in certificate_rows(4)]
        assert of(sections, f"In short: {name}").cards[0].value == f"{sign * 0.196:.3g}".replace("-", "−")
    layers = of(sections, "Alignment of each layer")
    assert layers.figure["data"][0]["y"] == layer_names(4)
    assert layers.figure["data"][0]["x"] == [10, 20, 30, 40]
    assert len({section.title for section in sections}) == len(sections)
    rows = of_two_optimizers(26)
    table = of(certificate_sections(rows), "Alarms")
    assert [column.key for column in table.columns] == ["step", "optimizer", "alarm"]
    assert [(line["step"], line["optimizer"]) for line in table.rows] == [
        (step, name) for step in (250, 260) for name in ("Muon", "AdamW")
    ]


def test_the_lead_tells_optimizers_apart_and_many_are_counted(tmp_path: Path) -> None:
    for more, said in (((), "Muon: Of 3 logged steps"), (("a", "b", "c"), "5 optimizers share the model.")):
        run = RunFolder.start(tmp_path / f"run{len(more)}", job="my loop", config={})
        for row in of_two_optimizers(3, *more):
            run.ledger.append(row)
        write_certificate_page(run)
        assert said in write_report(run).read_text()
    sections = certificate_sections(of_two_optimizers(3, "a", "b", "c"))
    assert [section.title for section in sections] == ["In short", "Alignment of each layer", "Layers, worst first"]
    assert sections[0].cards[0].value == "5"  # type: ignore[union-attr]


def test_what_a_page_keeps_of_a_row_is_all_that_it_says() -> None:
    rows = certificate_rows()
    assert certificate_sections(list(kept(rows))) == certificate_sections(rows)
    own = [
        row | {"cos": None, "in_batch": {"cos": 0.5, "kappa": 2.0, "block_cos": {"a": 0.1, "b": None}}} for row in rows
    ]
    assert certificate_sections(list(kept(own))) == certificate_sections(own)
    none = [row | {"granularity": None, "block_cos": {"a": None, "b": -0.5}} for row in rows]
    assert certificate_sections(list(kept(none))) == certificate_sections(none)
    assert all("worst" not in row and "interaction" not in row for row in kept(rows))
