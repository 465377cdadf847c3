"""Scenes as the script gets them: whole centimetres and milliradians, one length for all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antigrad.core.errors import InputValueError
from antigrad.core.page import Actor, Line, Mark, PlayedScene, Track
from antigrad.report.playback import scene_view

EGO = Actor("ego", "ego", 4.5, 2.0, Track([100.0, 101.234, 102.0], [50.0, 50.0, 50.004], [0.1, 0.2, -0.3005]))
OTHER = Actor("car", "adversary", 4.0, 1.8, Track([None, 111.0, 112.0], [None, 49.0, 48.5], [None, 3.0, 3.1]))
SCENE = PlayedScene("one", "Avoidable.", "bad", 0.1, 9, [OTHER, EGO], edges=[[101.234, 50.0, 100.234, 52.0]])


def test_lengths_are_centimetres_from_the_middle_of_the_egos_path() -> None:
    view = scene_view(SCENE)
    car, ego = (actor["now"] for actor in view["actors"])
    assert ego == [[-123, 0, 77], [0, 0, 0], [100, 200, -300]]
    assert car == [[None, 977, 1077], [None, -100, -150], [None, 3000, 3100]]
    assert view["edges"] == [[0, 0, -100, 200]]


def test_the_first_step_shown_is_one_of_the_scene() -> None:
    assert scene_view(SCENE)["start"] == 2
    assert scene_view(replace(SCENE, start=-4))["start"] == 0
    assert scene_view(SCENE)["steps"] == 3


def test_lines_marks_and_facts_are_carried_over() -> None:
    scene = replace(
        SCENE,
        lines=[Line("gap", "m", [1.23456, None, 0.5], [2.0, 2.0, 2.0])],
        marks=[Mark("contact", 0.2, "bad")],
        facts={"lead": 0.123456, "who": "car"},
    )
    view = scene_view(scene)
    assert view["lines"] == [{"label": "gap", "unit": "m", "values": [1.235, None, 0.5], "before": [2.0, 2.0, 2.0]}]
    assert view["marks"] == [{"label": "contact", "at": 0.2, "tone": "bad"}]
    assert view["facts"] == [["lead", "0.1235"], ["who", "car"]]


def test_tracks_of_two_lengths_are_refused() -> None:
    with pytest.raises(InputValueError, match=r"\[2, 3\] steps in 'one'"):
        scene_view(replace(SCENE, lines=[Line("gap", "m", [1.0, 2.0])]))
    with pytest.raises(InputValueError, match="steps"):
        scene_view(replace(SCENE, actors=[]))
