"""The page on scenarios: its tables from the kept figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studies.kept import kept
from studies.page import BENCHMARKS, EXPLANATION, fill, markdown

Figures = dict[str, Any]
RESULTS = Path(__file__).parent / "results"
PLANNERS = {"log_replay": "log", "idm": "IDM", "follower": "follower", "constant_velocity": "constant velocity"}


def main() -> None:
    """Write the tables of the parts that are kept."""
    tables: dict[str, str] = {}
    if (RESULTS / "scenarios_presets.json").exists():
        presets = kept(__file__, "scenarios_presets")["figures"]
        rows = [[name, PLANNERS[ego], *cells(found)] for name, egos in presets.items() for ego, found in egos.items()]
        tables["presets"] = markdown(["preset", "ego", *HEAD], rows)
    if (RESULTS / "scenarios_vehicles.json").exists():
        tables["vehicles"] = vehicles_table(kept(__file__, "scenarios_vehicles")["figures"])
    if (RESULTS / "scenarios_rules.json").exists():
        rules = kept(__file__, "scenarios_rules")["figures"]
        rows = [[name, *cells(found)] for name, found in rules.items()]
        tables["rules"] = markdown(["IDM, corrected attack", *HEAD], rows)
        tables["jobs"] = jobs_table(rules)
    if (RESULTS / "scenarios_released_rules.json").exists():
        rules = kept(__file__, "scenarios_released_rules")["figures"]
        rows = [[name, *cells(found)] for name, found in rules.items()]
        tables["released-rules"] = markdown(["IDM, released attack", *HEAD], rows)
    if (RESULTS / "scenarios_transfer.json").exists():
        transfer = kept(__file__, "scenarios_transfer")["figures"]
        tables |= {"transfer": transfer_table(transfer), "deviation": deviation_table(transfer)}
    tables["speed"] = speed_table()
    iteration = json.loads((BENCHMARKS / "scenarios_iteration.json").read_text())
    if "parts_ms_per_row" in iteration["figures"]:
        tables["where"] = where_table(iteration)
    fill(EXPLANATION / "scenarios-study.md", tables)


WARNING = "with a warning before the point of no return"
HEAD = [
    "scenes hit", "95%", "median it.", "off record", "off road", "farther off", "third", "avoidable", "ego's fault",
    "lead",
]  # fmt: skip


def cells(found: Figures) -> list[str]:
    """One arm in words."""
    return [
        f"{found['scenes_hit']} of {found['scenes_attacked']} = {found['success']:.0%}",
        f"{found['success_low']:.0%} to {found['success_high']:.0%}",
        text(found["iterations_median"], ".0f"),
        text(found["deviation_mean_m"], ".1f", " m"),
        text(found["off_road_share"], ".0%"),
        text(found["off_road_increase_m"], ".2f", " m"),
        text(found["third_contact_share"], ".0%"),
        text(found["avoidable_share"], ".0%"),
        text(found["ego_at_fault_share"], ".0%"),
        text(found["lead_median_s"], ".1f", " s"),
    ]


def vehicles_table(found: Figures) -> str:
    """How far each vehicle is off the record by itself."""
    rows = [
        [name, str(one["movers"]), text(one["median_m"], ".1f", " m"), text(one["tenth_m"], ".1f", " m")]
        for name, one in found.items()
    ]
    return markdown(["vehicle", "movers", "off record, median", "one in ten more than"], rows)


def jobs_table(found: Figures) -> str:
    """What each rule and change does to all jobs: the other tables have one a scene."""
    rows = [
        [name, str(one["jobs_hit"]), f"{one['jobs_avoidable']} = {one['jobs_avoidable'] / one['jobs_hit']:.0%}"]
        for name, one in found.items()
    ]
    return markdown(["IDM, corrected attack", "jobs hit", "of these avoidable"], rows)


def transfer_table(found: Figures) -> str:
    """Rows: made against; columns: driven by."""
    rows = [
        [PLANNERS[made], *(f"{one['hit']} of {one['judged']}" for one in driven.values())]
        for made, driven in found["caught"].items()
    ]
    return markdown(["made against", *(f"hits {PLANNERS[name]}" for name in found["caught"])], rows)


def deviation_table(found: Figures) -> str:
    """How far the striker has to leave its record to catch each planner in one and the same scene."""
    all_four = f"in the {found['scenes_that_catch_all']} that catch all four"
    rows = [
        ["scenes that catch it", *(str(found["scenes_caught"][name]) for name in PLANNERS)],
        [
            f"smallest deviation that does, mean {all_four}",
            *(text(found["smallest_deviation_mean_m"][name], ".1f", " m") for name in PLANNERS),
        ],
        ["the one caught with the least of the four", *(str(found["caught_first"][name]) for name in PLANNERS)],
    ]
    return markdown(["one scene, four planners", *PLANNERS.values()], rows)


def speed_table() -> str:
    """What the kept benchmarks measured, beside what was asked for."""
    rows: list[list[str]] = []
    for name, what, asked in SPEEDS:
        kept_there = BENCHMARKS / f"{name}.json"
        if not kept_there.exists():
            continue
        found = json.loads(kept_there.read_text())
        ours = f"{found['ratio']:.0f} times" if name.startswith("scenarios_dynamics") else f"{found['ours']:.3g}"
        rows.append([what, ours, asked])
    return markdown(["one thread", "measured", "asked for"], rows)


def where_table(found: Figures) -> str:
    """Where the time of an iteration of a row goes, in a batch."""
    parts, whole = dict(found["figures"]["parts_ms_per_row"]), found["ours"]
    parts["rest: masks, Adam, the test for contacts"] = max(0.0, whole - sum(parts.values()))
    rows = [[name.replace("_", " "), f"{1e3 * ms:.0f}", f"{ms / whole:.0%}"] for name, ms in parts.items()]
    return markdown(["an iteration of a row of a batch", "µs", "share"], rows)


SPEEDS = [
    ("scenarios_dynamics_1", "roll-out and gradient, 1 scene: faster than a loop over steps", "30 times"),
    ("scenarios_dynamics_64", "the same, 64 scenes, the loop batched too", "6 times"),
    ("scenarios_iteration", "an iteration, a row of a batch of 64 or more, ms", "1"),
    ("scenarios_iteration_alone", "an iteration, one row alone, ms", "5"),
    ("scenarios_certificate", "a certificate, in a batch, ms", "20"),
    ("scenarios_recorded", "40 recorded scenes, 250 iterations, read and certified too, s", "600"),
]


def text(value: float | None, form: str, unit: str = "") -> str:
    """A number, or a dash."""
    return "–" if value is None else format(value, form) + unit
