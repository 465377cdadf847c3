"""Twenty arms on the token bandit and on the line bandit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Column, Section, Table
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars
from antigrad.lab.study import Result, counted, settle, told
from antigrad.lab.table_one import NAMES, reached, scores, trained
from antigrad.lab.training import Arm, Score


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `token_bandit.yaml`.

    Returns:
        What was found.
    """
    kinds = {"token": settings["token"], "line": settings["line"]}
    if settings["unshifted"]:
        kinds["token_unshifted"] = settings["token"]
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    read: list[Comparison] = []
    for kind, given in kinds.items():
        if kind != "token_unshifted":  # a slip of the released code, and nobody's claim
            read += covered(scores(kind, tuple(given["seeds"]), given["steps"]), settings["levels"], kind)
        rows = table_rows(kind, given, settings["levels"])
        for row in rows:
            key = f"{kind}/{row['peak']} {row['arm']}"
            numbers |= {f"{key}/mean": row["mean"], f"{key}/low": row["low"], f"{key}/high": row["high"]}
            if kind == "token":
                numbers |= {f"{key}/best": row["best"], f"{key}/others": row["others"]}
        sections += _sections(kind, given, rows, settings["levels"])
    offline = {
        arm: numbers[f"token/R1 offline {arm}/mean"] or 0.0
        for arm in ("BoN10", "IPO(10)", "DPO(0.1)", "Pref-FT", "RWR(1)")
    }
    line = ", ".join(
        f"{told(numbers.get(f'line/R1 {arm}/mean'))} ({arm})"
        for arm in ("offline BoN10", "offline IPO(10)", "on-policy T=10 BoN10", "on-policy T=10 DPO(0.1)")
    )
    online = {
        arm: numbers[f"token/R1 on-policy {arm}/mean"] or 0.0
        for arm in ("T=10 BoN10", "T=1 REINFORCE", "T=10 DPO(0.1)", "T=10 IPO(10)")
    }
    best_offline = max(offline.values())
    says = (
        f"On R1 after {settings['token']['steps']} steps the best offline arm earns {best_offline:.3f}; on-policy "
        f"Best-of-N earns {online['T=10 BoN10']:.3f} (T = 10), REINFORCE {online['T=1 REINFORCE']:.3f}. Offline, the "
        f"negative gradient of IPO earns {offline['IPO(10)']:.3f} against {offline['BoN10']:.3f} of Best-of-N. "
        f"On-policy DPO, which has both, earns {online['T=10 DPO(0.1)']:.3f}; on-policy IPO with margin 10 "
        f"earns {online['T=10 IPO(10)']:.3f}. On the line the same arms earn {line}."
    )
    return settle(read, says, numbers, sections)


HELPS = (("T=10 BoN10", "BoN10"), ("T=1 BoN10", "BoN10"), ("T=1 RWR(1)", "RWR(1)"), ("T=10 DPO(0.1)", "DPO(0.1)"),
         ("T=10 IPO(10)", "IPO(10)"))  # fmt: skip
"""The same objective on-policy and offline."""
NEGATIVE, WITHOUT = ("IPO(10)", "DPO(0.1)"), ("BoN10", "RWR(1)", "Pref-FT")
"""Offline arms with a negative gradient, and without."""
BOTH = ("T=10 DPO(0.1)", "T=10 IPO(10)")
"""Arms that are on-policy and have a negative gradient."""


def covered(found: Sequence[tuple[Arm, Score]], levels: Sequence[float], kind: str) -> list[Comparison]:
    """What the sentence covers in one world: on-policy helps, negatives help, both together beat either alone.

    Args:
        found: What `scores` gave.
        levels: Rewards.
        kind: `token` or `line`.

    Returns:
        The comparisons over seeds, of all arms that ran.
    """
    pairs = [(f"on-policy {on}", f"offline {off}") for on, off in HELPS]
    pairs += [(f"offline {with_}", f"offline {without}") for with_ in NEGATIVE for without in WITHOUT]
    for arm in BOTH:
        pairs.append((f"on-policy {arm}", "on-policy T=10 BoN10"))
    pairs.append(("on-policy T=1 REINFORCE", "on-policy T=1 BoN10"))
    pairs.append(("on-policy T=10 PPO", "on-policy T=10 BoN10"))
    note = ", line" if kind == "line" else ", tokens"
    known = {(arm.name, arm.centre) for arm, _ in found}
    return [
        one
        for centre in sorted({arm.centre for arm, _ in found}, reverse=True)
        for first, second in pairs
        if {(first, centre), (second, centre)} <= known
        for one in trained(found, first, second, centre, levels, note)
    ]


def table_rows(kind: str, given: Mapping[str, Any], levels: Sequence[float]) -> list[dict[str, Any]]:
    """Last scores of each arm, over seeds.

    Args:
        kind: Of the world.
        given: Seeds and steps.
        levels: Rewards whose first passage is looked for.

    Returns:
        One row per arm: mean, lowest and highest reward, queries, log-ratios of training samples, and the first
        evaluation at which the mean over seeds has each level.
    """
    found = scores(kind, tuple(given["seeds"]), given["steps"])
    last: dict[tuple[float, str], list[Any]] = {}
    for arm, score in found:
        if score.step == arm.steps:
            last.setdefault((arm.centre, arm.name), []).append(score)
    rows: list[dict[str, Any]] = []
    for (centre, name), group in last.items():
        rewards, count = [score.reward for score in group], len(group)
        rows.append(
            {
                "peak": NAMES[int(centre)],
                "arm": name,
                "mean": sum(rewards) / count,
                "low": min(rewards),
                "high": max(rewards),
                "queries": group[0].queries,
                "best": sum(score.best for score in group) / count,
                "others": sum(score.others for score in group) / count,
                "rewards": rewards,
                **{f"to_{level:g}": reached(found, name, centre, level) for level in levels},
            }
        )
    return rows


def _sections(
    kind: str, given: Mapping[str, Any], rows: list[dict[str, Any]], levels: Sequence[float]
) -> list[Section]:
    title = {
        "token": "Token bandit",
        "line": "Line bandit",
        "token_unshifted": "Token bandit, log-probabilities not shifted",
    }
    kind_of = "network on a line" if kind == "line" else "transformer (token bandit)"
    note = f"Trained {kind_of}, reward after {given['steps']} gradient steps, {counted(len(given['seeds']))}: mean and "
    note += "range. The chart is at equal steps, the last columns of the table at equal accuracy."
    groups = {peak: {row["arm"]: row["rewards"] for row in rows if row["peak"] == peak} for peak in ("R1", "R2")}
    columns = [
        Column("peak", "reward"),
        Column("arm", "arm"),
        Column("mean", "mean", "number"),
        Column("low", "lowest", "number"),
        Column("high", "highest", "number"),
        Column("queries", "reward queries", "integer"),
        Column("best", "log-ratio of best samples", "signed", "to the reference, nats"),
        Column("others", "of the others", "signed"),
    ]
    columns += [Column(f"to_{level:g}", f"steps to {level:g}", "integer", "empty: not reached") for level in levels]
    shown = [{key: value for key, value in row.items() if key != "rewards"} for row in rows]
    return [
        bars(title[kind], groups, "reward", note, height=480, xaxis={"tickangle": -40}),
        Table(f"{title[kind]}: every arm", columns, shown, note),
    ]
