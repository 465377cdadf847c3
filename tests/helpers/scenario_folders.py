"""Folders of made-up scenes for the job, on a road 16 m wide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from antigrad.scenarios.io import WRITERS
from helpers.traffic import Car, scene

QUICK: dict[str, Any] = {"iterations": 25, "shown": 1}


def folder_of(path: Path, *cars: tuple[Car, ...]) -> Path:
    """Scenes in a folder each, on a road 16 m wide."""
    road = np.array([[-200.0, -8.0], [300.0, -8.0], [300.0, 8.0], [-200.0, 8.0], [-200.0, -8.0]])
    for number, some in enumerate(cars):
        made = scene(*some, steps=51, name=f"scene {number}")
        made = replace(made, records=tuple(replace(record, areas=(road,)) for record in made.records))
        WRITERS.make("antigrad")(made, path / f"{number}")
    return path


ATTACKABLE = (Car(speed=10), Car(x=75, y=4.3, yaw=3.1, speed=9), Car(x=22, y=-4.4, yaw=-0.02, speed=8))
PEOPLE = (Car(speed=10), Car(x=20, y=7, kind=2, speed=1))
TOUCHING = (Car(speed=10), Car(x=3, speed=10.0))
