"""The page of an attack: how many scenes, which, how, and whether the ego could have avoided it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from antigrad.core.page import Card, Cards, Column, Page, Playback, PlayedScene, Section, Table, Verdict
from antigrad.core.runs import RunFolder
from antigrad.scenarios.recipe import PRESETS, differences, preset
from antigrad.scenarios.scenario.findings import best_of_scenes, jobs_of, summary_of, whole
from antigrad.scenarios.scenario.playback import played
from antigrad.scenarios.scenario.rows import NO_CANDIDATE
from antigrad.scenarios.scenario.settings import ScenarioConfig
from antigrad.scenarios.tools import HIT, MARGINS

_CAVEAT = (
    "Avoidable: an escape was found against the others as they drove, in a lattice of braking and swerving, with 0.3 m"
    " to spare. That proves it. Unavoidable holds for this lattice only."
)

_ROOM = 6_000_000
"""Characters of played scenes: the page stays well below 10 MB."""
_ROWS = 2000


def describe(run: RunFolder, config: ScenarioConfig) -> None:
    """Write the page of a finished run.

    Args:
        run: The run.
        config: Its settings.
    """
    rows = jobs_of(run, light=True)
    figures = summary_of(run, rows)
    best = best_of_scenes(rows)
    shown = chosen(run, best, config.shown)
    sections: list[Section] = [_cards(figures, config)]
    if shown:
        sections.append(_playback(list(shown.values()), len(best)))
    sections.append(_scenes(rows, best, list(shown), config))
    if best:
        sections.append(_effects(rows, config))
    sections.append(_others(rows, run))
    sections.append(_recipe(config))
    Page("Driving scenarios", _verdict(figures, config), sections).write(run)


def _verdict(figures: dict[str, Any], config: ScenarioConfig) -> Verdict:
    hit, attacked, scenes = figures["scenes_hit"], figures["scenes_attacked"], figures["scenes"]
    question = f"Can {config.planner} be brought into a collision?"
    caveats = [f"Preset {config.preset}. {scenes - attacked} of {scenes} scenes could not be attacked.", _CAVEAT]
    failed = figures["scenes_where_planner_failed"]
    if failed:
        caveats.insert(1, f"The planner failed in {failed} of {scenes} scenes: those of its jobs count as no attack.")
    if not attacked:
        answer = f"Unknown: none of the {scenes} scenes could be attacked."
        advice = "The second-to-last table says why; try other scenes."
        if failed:
            answer = f"Unknown: the planner failed in {failed} of {scenes} scenes, and no job came to its end."
            advice = "Fix the planner: its messages are in the second-to-last table."
        return Verdict(question, answer, "", advice, caveats)
    low, high = figures["success_low"], figures["success_high"]
    sure = f"95% interval {low:.0%} to {high:.0%}; each hit confirmed by a fresh roll-out of the ego."
    if not hit:
        answer = f"No: in none of the {attacked} scenes that could be attacked."
        advice = "Nothing to fix against this attack: try another --preset or more --iterations."
        if high > 0.5:
            return Verdict(question, answer, sure, "Attack more scenes: these are too few to be sure.", caveats)
        return Verdict(question, answer, sure, advice, caveats, "good")
    answer = f"Yes: in {hit} of {attacked} scenes that could be attacked"
    avoidable = figures["avoidable_share"]
    if avoidable is None:
        return Verdict(question, f"{answer}.", sure, "Play the scenes below.", caveats, "bad")
    could = round(avoidable * hit)
    answer += f"; {could} of these it could have avoided."
    advice = "Fix the planner on those it could have avoided: they come first below."
    advice = advice if could else "None of these is proven avoidable: check their plausibility first."
    return Verdict(question, answer, sure, advice, caveats, "bad")


def _cards(figures: dict[str, Any], config: ScenarioConfig) -> Cards:
    low, high = figures["success_low"], figures["success_high"]
    left = figures["scenes"] - figures["scenes_attacked"]
    cards = [
        Card(
            "Scenes hit",
            f"{figures['scenes_hit']} of {figures['scenes_attacked']}",
            f"95% interval {low:.0%} to {high:.0%}; each hit confirmed by a fresh roll-out of the ego",
        ),
        Card("Could have been avoided", _percent(figures["avoidable_share"]), "of the scenes hit"),
        Card("Lead needed", _number(figures["lead_median_s"], "s"), "median, from the last safe start to the contact"),
        Card("Braking alone suffices", _percent(figures["braking_suffices_share"]), "of the scenes hit"),
        Card("Distance from the record", _number(figures["deviation_mean_m"], "m"), "mean of the strikers' largest"),
        Card(
            "Off the road",
            _percent(figures["off_road_share"]),
            "of the strikers in scenes with a map, more than 1 m beyond their record",
        ),
        Card(
            "Through a third object", _percent(figures["third_contact_share"]), "of the strikers, where the log did not"
        ),
        Card("The ego's fault", _percent(figures["ego_at_fault_share"]), "by nuPlan's classes of contacts"),
        Card("Left out", f"{left}", "no candidate, a contact before any attack, or a planner that failed"),
    ]
    return Cards("Result", cards)


def chosen(run: RunFolder, best: Sequence[dict[str, Any]], most: int) -> dict[str, PlayedScene]:
    """Scenes that the page plays: from both ends of the ranking, as many as fit.

    Args:
        run: The run.
        best: The first hit of each scene, in the order of the ranking.
        most: How many at most.

    Returns:
        Trace and scene, in that order.
    """
    order = [place // 2 if place % 2 == 0 else -1 - place // 2 for place in range(min(most, len(best)))]
    found: dict[int, PlayedScene] = {}
    room = _ROOM
    for place, row in zip(order, whole(run, [best[place] for place in order]), strict=True):
        scene = played(run, row)
        room -= len(json.dumps(asdict(scene)))
        if room < 0:
            break
        found[place % len(best)] = scene
    return {best[place]["trace"]: found[place] for place in sorted(found)}


def _playback(shown: Sequence[PlayedScene], hit: int) -> Playback:
    rest = hit - len(shown)
    text = "The attacked scene over the recorded one: filled is the attack, dashed the record."
    if rest:
        text += (
            f" Of {hit} scenes hit these are the first and the last in the order of the table; {rest} more "
            f"{'is' if rest == 1 else 'are'} in the run folder, with traces and figures."
        )
    return Playback("Scenes", shown, text)


def _scenes(
    rows: Sequence[dict[str, Any]],
    best: Sequence[dict[str, Any]],
    shown: Sequence[str],
    config: ScenarioConfig,
) -> Table:
    columns = [
        Column("scene", "scene"),
        Column("hit", "hit"),
        Column("verdict", "avoidable", help=_CAVEAT),
        Column("lead_s", "lead, s", "number", "from the last safe start to the contact"),
        Column("log_deviation", "off record, m", "number"),
        Column("fault", "ego's fault"),
        Column("number", "played as", "integer", "number in the section above"),
        Column("striker_name", "adversary"),
        Column("contact_s", "contact, s", "number"),
        Column("class", "contact", help="nuPlan's class: who struck whom with what"),
        Column("format", "format", more=True),
        Column("planner", "planner", more=True),
        Column("jobs", "jobs", "integer", more=True),
        Column("jobs_hit", "with a hit", "integer", more=True),
        Column("seen_s", "visible, s", "number", "when the adversary was 0.5 m off its record", more=True),
        Column("off_road", "off road, m", "number", more=True),
        Column("third_gap", "third gap, m", "number", more=True),
        Column("acceleration", "accel., m/s²", "number", more=True),
        Column("lateral_acceleration", "lateral, m/s²", "number", more=True),
        Column("time_to_collision", "TTC, s", "number", more=True),
        Column("post_encroachment", "PET, s", "number", more=True),
        Column("required_deceleration", "required, m/s²", "number", more=True),
        Column("iterations", "iterations", "integer", more=True),
    ]
    of: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of.setdefault(row["trace"], []).append(row)
    hit = {row["trace"] for row in best}
    places = {trace: place + 1 for place, trace in enumerate(shown)}
    ordered = [*best, *(jobs[0] for trace, jobs in of.items() if trace not in hit)]
    lines: list[dict[str, Any]] = []
    for row in ordered[:_ROWS]:
        struck = row["status"] == HIT
        jobs = of[row["trace"]]
        figures = {column.key: row.get(column.key) for column in columns} if struck else {"scene": row["scene"]}
        lines.append(
            figures
            | {"format": row["format"], "planner": config.planner, "hit": "yes" if struck else row["status"]}
            | {"verdict": (row.get("verdict") or "not certified") if struck else None}
            | {"number": places.get(row["trace"]) if struck else None}
            | {"fault": ("yes" if row["ego_at_fault"] else "no") if struck else None}
            | {"jobs": sum(one["status"] != NO_CANDIDATE for one in jobs)}
            | {"jobs_hit": sum(one["status"] == HIT for one in jobs)}
        )
    text = "Scenes hit first: those that could have been avoided, then those that stay closest to the record."
    if len(ordered) > _ROWS:
        text += f" {len(ordered) - _ROWS} more are in the ledger."
    return Table("All scenes", columns, lines, text, filters=("hit", "verdict", "format", "planner"))


def _effects(rows: list[dict[str, Any]], config: ScenarioConfig) -> Table:
    # What the last update of each job did to each cost.
    moved = [row for row in rows if row.get("iterations")]
    columns = [
        Column("cost", "cost"),
        Column("weight", "weight", "number", "in this attack; 0: not a part of it, measured all the same"),
        Column("jobs", "jobs", "integer", "in which the last update changed this cost"),
        Column("fell", "it fell in", "percent", "share of these jobs"),
        Column("mean", "mean effect", "signed", "first-order drop of the cost in the last update"),
    ]
    shown: list[dict[str, Any]] = []
    for cost, weight in (dict.fromkeys(MARGINS, 0.0) | config.recipe().costs).items():
        effects = [row[f"effect/{cost}"] for row in moved if row.get(f"effect/{cost}")]
        if effects:
            fell = sum(effect > 0 for effect in effects) / len(effects)
            told = {"cost": cost, "weight": weight, "jobs": len(effects), "fell": fell}
            shown.append(told | {"mean": sum(effects) / len(effects)})
    descended = [row["descended"] for row in moved]
    share = sum(descended) / max(1, len(descended))
    text = f"Of all updates, {share:.0%} went down the whole weighted cost after rules and moments had changed them."
    return Table("What the last updates did", columns, shown, text)


def _others(rows: list[dict[str, Any]], run: RunFolder) -> Table:
    columns = [Column("what", "what"), Column("count", "count", "integer"), Column("example", "for example")]
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(f"jobs: {row['status']}", []).append(row.get("note") or row["scene"])
        for warning in row["warnings"]:
            groups.setdefault(f"scenes whose reading is doubtful: {_kind(warning)}", []).append(
                f"{row['scene']}: {warning}"
            )
        for note in row["notes"]:
            groups.setdefault(f"scenes: {note.partition(':')[0]}", []).append(f"{row['scene']}: {note}")
    for row in run.ledger.stream("refused"):
        groups.setdefault("files refused", []).append(f"{row['source']}: {row['reason']}")
    shown = [
        {"what": what, "count": len(set(found) if what[0] != "j" else found), "example": found[0]}
        for what, found in groups.items()
    ]
    return Table("What became of everything", columns, shown)


def _kind(warning: str) -> str:
    # Without the figures, so that scenes with the same doubt are counted together.
    return "the point of the ego" if "rear axle" in warning else "the unit of headings"


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
    return "–" if share is None else f"{share:.0%}"


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.1f} {unit}"
