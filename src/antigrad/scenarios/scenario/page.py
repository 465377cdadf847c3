"""The page of an attack: how many scenes, which, how, and whether the ego could have avoided it."""

from __future__ import annotations

from typing import Any

from antigrad.core.page import Card, Cards, Column, Page, Section, Table
from antigrad.core.runs import RunFolder
from antigrad.scenarios.recipe import PRESETS, differences, preset
from antigrad.scenarios.scenario.charts import plan, timeline
from antigrad.scenarios.scenario.findings import best_of_scenes, jobs_of, ranked, summary_of, whole
from antigrad.scenarios.scenario.settings import ScenarioConfig

_CAVEAT = (
    "Avoidable: an escape was found against the others as they drove, in a lattice of braking and swerving, with 0.3 m"
    " to spare. That proves it. Unavoidable holds for this lattice only."
)


def describe(run: RunFolder, config: ScenarioConfig) -> None:
    """Write the page of a finished run.

    Args:
        run: The run.
        config: Its settings.
    """
    rows = jobs_of(run, light=True)
    figures = summary_of(run, rows)
    best = best_of_scenes(rows)
    sections: list[Section] = [_cards(figures, config)]
    if best:
        sections.append(_table(ranked(rows)))
    for row in whole(run, best[: config.shown]):
        sections += [plan(run, row), timeline(run, row)]
    if best:
        sections.append(_effects(rows, config))
    sections.append(_others(rows, run))
    sections.append(_recipe(config))
    Page("Driving scenarios", _lead(figures, config), sections).write(run)


def _lead(figures: dict[str, Any], config: ScenarioConfig) -> str:
    hit, attacked = figures["scenes_hit"], figures["scenes_attacked"]
    if not attacked:
        return f"None of {figures['scenes']} scenes could be attacked: see why below."
    text = f"{config.planner} was brought into a collision in {hit} of {attacked} scenes that could be attacked"
    avoidable = figures["avoidable_share"]
    if avoidable is None:
        return f"{text}."
    return f"{text}; {round(avoidable * hit)} of these it could have avoided."


def _cards(figures: dict[str, Any], config: ScenarioConfig) -> Cards:
    low, high = figures["success_low"], figures["success_high"]
    left = figures["scenes"] - figures["scenes_attacked"]
    cards = [
        Card(
            "Scenes hit",
            f"{figures['scenes_hit']} of {figures['scenes_attacked']}",
            f"95 % interval {low:.0%} to {high:.0%}; each hit confirmed by a fresh roll-out of the ego",
        ),
        Card("Could have been avoided", _percent(figures["avoidable_share"]), _CAVEAT),
        Card("Lead needed", _number(figures["lead_median_s"], "s"), "median, from the last safe start to the contact"),
        Card("Braking alone suffices", _percent(figures["braking_suffices_share"]), "of the scenes hit"),
        Card("Distance from the record", _number(figures["deviation_mean_m"], "m"), "mean of the strikers' largest"),
        Card("Off the road", _percent(figures["off_road_share"]), "of the strikers, more than 1 m beyond their record"),
        Card(
            "Through a third object", _percent(figures["third_contact_share"]), "of the strikers, where the log did not"
        ),
        Card("The ego's fault", _percent(figures["ego_at_fault_share"]), "by nuPlan's classes of contacts"),
        Card("Left out", f"{left}", "no candidate, or a contact before any attack"),
    ]
    return Cards("Result", cards, f"Preset {config.preset}, planner {config.planner}.")


def _table(hits: list[dict[str, Any]]) -> Table:
    columns = [
        Column("scene", "scene"),
        Column("striker_name", "striker"),
        Column("verdict", "verdict", help=_CAVEAT),
        Column("contact_s", "contact, s", "number"),
        Column("lead_s", "lead, s", "number", "from the last safe start to the contact"),
        Column("seen_s", "visible, s", "number", "when the striker was 0.5 m off its record"),
        Column("class", "contact", help="nuPlan's class: who struck whom with what"),
        Column("fault", "ego's fault"),
        Column("log_deviation", "off record, m", "number"),
        Column("off_road", "off road, m", "number"),
        Column("third_gap", "third gap, m", "number"),
        Column("acceleration", "accel., m/s²", "number"),
        Column("lateral_acceleration", "lateral, m/s²", "number"),
        Column("time_to_collision", "TTC, s", "number"),
        Column("post_encroachment", "PET, s", "number"),
        Column("required_deceleration", "required, m/s²", "number"),
        Column("iterations", "iterations", "integer"),
    ]
    keys = [column.key for column in columns]
    shown = [{key: row.get(key) for key in keys} | {"fault": "yes" if row["ego_at_fault"] else "no"} for row in hits]
    return Table("All hits", columns, shown, "Avoidable ones first, then those that stay closest to the record.")


def _effects(rows: list[dict[str, Any]], config: ScenarioConfig) -> Table:
    # What the last update of each job did to each cost.
    moved = [row for row in rows if row.get("iterations")]
    columns = [
        Column("cost", "cost"),
        Column("jobs", "jobs", "integer"),
        Column("fell", "it fell in", "percent", "share of the jobs in which the last update lowered this cost"),
        Column("mean", "mean effect", "signed", "first-order drop of the cost in the last update"),
    ]
    shown: list[dict[str, Any]] = []
    for cost in config.recipe().costs:
        effects = [row[f"effect/{cost}"] for row in moved if row.get(f"effect/{cost}")]
        if effects:
            fell = sum(effect > 0 for effect in effects) / len(effects)
            shown.append({"cost": cost, "jobs": len(effects), "fell": fell, "mean": sum(effects) / len(effects)})
    descended = [row["descended"] for row in moved]
    share = sum(descended) / max(1, len(descended))
    text = f"Of all updates, {share:.0%} went down the whole weighted cost after rules and moments had changed them."
    return Table("What the last updates did", columns, shown, text)


def _others(rows: list[dict[str, Any]], run: RunFolder) -> Table:
    columns = [Column("what", "what"), Column("count", "count", "integer"), Column("example", "for example")]
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(f"jobs: {row['status']}", []).append(row.get("note") or row["scene"])
        for note in row["notes"]:
            groups.setdefault(f"scenes: {note.partition(':')[0]}", []).append(f"{row['scene']}: {note}")
    for row in run.ledger.stream("refused"):
        groups.setdefault("files refused", []).append(f"{row['source']}: {row['reason']}")
    shown = [
        {"what": what, "count": len(set(found) if what[0] != "j" else found), "example": found[0]}
        for what, found in groups.items()
    ]
    return Table("What became of everything", columns, shown)


def _recipe(config: ScenarioConfig) -> Table:
    # How the attack differs from each preset.
    recipe = config.recipe()
    columns = [Column("preset", "preset"), Column("field", "field"), Column("there", "there"), Column("here", "here")]
    shown = [
        {"preset": name, "field": key, "there": str(there), "here": str(here)}
        for name in PRESETS
        for key, (there, here) in differences(preset(name), recipe).items()
    ]
    return Table("How this attack differs from the presets", columns, shown, f"This run: {config.preset}.")


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.0%}"


def _number(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:.1f} {unit}"
