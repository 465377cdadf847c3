"""What an attack is made of, as plain values: a preset, or a preset with changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from typing import Any

import yaml

from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError, did_you_mean
from antigrad.scenarios.costs import COSTS, Cost
from antigrad.scenarios.steering import STEERING, Steering
from antigrad.scenarios.vehicles import VEHICLES, Vehicle

PRESETS = ("regents_fixed", "regents_paper", "regents_released", "king")


@dataclass(frozen=True)
class Recipe:
    """An attack as plain values.

    Args:
        vehicle: What movers drive.
        costs: Cost, as `contact(pairs=4)`, and its weight.
        steering: Rules, filters and masks.
        jobs: `candidate`: one row for each candidate; `scene`: all candidates of a scene together.
        iterations: At most.
        step_first: Adam's step on the first channel: m/s² of acceleration, or the throttle's unit.
        step_second: Adam's step on the second channel: 1/m of curvature, or the steering's unit.
        betas: Adam's.
        project: Bring actions back into the bounds after each update.
        invalid_contacts: Count contacts on steps that the log lacks.
        depth: m of penetration at which a contact counts as a hit.
    """

    vehicle: str = "no_reverse"
    costs: dict[str, float] = field(default_factory=dict[str, float])
    steering: list[str] = field(default_factory=list[str])
    jobs: str = "candidate"
    iterations: int = 250
    step_first: float = 0.05
    step_second: float = 0.001
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    project: bool = True
    invalid_contacts: bool = False
    depth: float = 0.0

    def made_vehicle(self) -> Vehicle:
        """Make the vehicle.

        Returns:
            It.
        """
        return VEHICLES.make(self.vehicle)

    def made_costs(self) -> dict[str, Cost]:
        """Make the costs.

        Returns:
            As written, and the cost.
        """
        return {text: COSTS.make(text) for text in self.costs}

    def made_steering(self) -> dict[str, Steering]:
        """Make the rules.

        Returns:
            As written, and the rule.
        """
        return {text: STEERING.make(text) for text in self.steering}

    def problems(self) -> list[str]:
        """What is wrong with it.

        Returns:
            One sentence each.
        """
        found: list[str] = []
        makers: list[Callable[[], Any]] = [lambda: VEHICLES.make(self.vehicle)]
        makers += [lambda text=text: COSTS.make(text) for text in self.costs]
        makers += [lambda text=text: STEERING.make(text) for text in self.steering]
        for make in makers:
            try:
                make()
            except ManyInputsError as error:
                found += error.problems
            except AntigradError as error:
                found.append(str(error))
        if not found and not any(cost.part == "down" for cost in self.made_costs().values()):
            found.append("costs: none of them lowers the safety margin; add closest_approach")
        found += [
            f"weight of {text} is {weight}: a number of at least 0"
            for text, weight in self.costs.items()
            if not 0 <= weight < float("inf")
        ]
        if self.jobs not in ("scene", "candidate"):
            found.append(f"jobs {self.jobs!r}: {did_you_mean(self.jobs, ('scene', 'candidate'))}")
        if self.iterations < 1:
            found.append(f"iterations={self.iterations}: at least 1")
        found += [
            f"{name}={getattr(self, name)}: above 0"
            for name in ("step_first", "step_second")
            if not getattr(self, name) > 0
        ]
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            found.append(f"betas={self.betas}: two numbers from 0 to below 1")
        if not self.depth >= 0:
            found.append(f"depth={self.depth}: at least 0 m")
        return found


def preset(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a preset.

    Args:
        name: `regents_fixed`, `regents_paper`, `regents_released` or `king`.
        changes: Fields that differ.

    Returns:
        The recipe.

    Raises:
        InputValueError: There is no such preset, or no such field.

    Example:
        >>> preset("regents_fixed").jobs, preset("regents_released").iterations
        ('candidate', 500)
    """
    if name not in PRESETS:
        raise InputValueError(f"preset {name!r}", "a preset", did_you_mean(name, PRESETS))
    known = [item.name for item in fields(Recipe)]
    for key in changes or {}:
        if key not in known:
            raise InputValueError(f"{key!r} of a recipe", "a field", did_you_mean(key, known))
    values = yaml.safe_load(files("antigrad.scenarios.presets").joinpath(f"{name}.yaml").read_text())
    return Recipe(**values | dict(changes or {}))


def differences(one: Recipe, two: Recipe) -> dict[str, tuple[Any, Any]]:
    """Where two recipes differ.

    Args:
        one: A recipe.
        two: Another.

    Returns:
        Field, and both values.
    """
    first, second = asdict(one), asdict(two)
    return {key: (first[key], second[key]) for key in first if first[key] != second[key]}
