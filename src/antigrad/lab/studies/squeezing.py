"""Squeezing: a chosen token in one context, a rejected one in another, a linear head that both share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.page import Column, Section, Table
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars
from antigrad.lab.objective import Policy, likelihood_direction
from antigrad.lab.study import Result, counted, missing, settle
from antigrad.objectives import Dpo

PEAK, CHOSEN = 0, 20
TABLE = (
    Column("weight", "weight of the rejected branch", "number"),
    Column("gain", "gain of the chosen, nats", "number"),
    Column("step", "step", "number", "mean over the starts; empty: not reached by all"),
    Column("mode", "mode", "signed"),
    Column("others", "other tokens", "signed"),
    Column("rejected", "rejected", "signed"),
)
COLUMNS = ("chosen", "rejected", "mode_chosen", "mode", "others", "chosen_rejected")


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `squeezing.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    spreads: dict[str, list[float]] = {}
    rows: list[dict[str, Any]] = []
    paths: dict[tuple[str, float], Tensor] = {}
    _check(settings)
    for place in settings["places"]:
        for rho in settings["cosines"]:
            for weight in settings["weights"]:
                path = follow(settings, settings["places"][place], rho, weight)
                paths.setdefault((place, rho), path)  # the first weight is the whole gradient
                for column, values in zip(COLUMNS, path[-1].T, strict=True):
                    key = f"{column}/{place}/rho={rho:g}/weight={weight:g}"
                    numbers[key], spreads[key] = float(values.mean()), values.tolist()
                if (place, rho) == ("valley", settings["cosines"][0]):
                    rows += [at_equal_gain(path, weight, gain) for gain in settings["gains"]]
    numbers |= {f"{row['name']}/{name}": row[name] for row in rows for name in ("step", "mode", "others", "rejected")}

    apart, alike = settings["cosines"][0], settings["cosines"][-1]

    def at(column: str, weight: float, place: str = "valley", rho: float = apart) -> float:
        return numbers[f"{column}/{place}/rho={rho:g}/weight={weight:g}"] or 0.0

    whole, least = settings["weights"][0], settings["weights"][-1]
    rarer = at("mode", whole) > at("mode", whole, "hill") + 0.05
    says = (
        f"With contexts of cosine {apart:g} DPO moves the mode at the rejected context by {at('mode', whole):+.2f} "
        f"nats and all other tokens there by {at('others', whole):+.2f}; the rejected one moves by "
        f"{at('rejected', whole):+.2f}, the chosen by {at('chosen', whole):+.2f} ({counted(len(settings['seeds']))}). "
        f"With the rejected branch weighted {least:g} the mode moves by {at('mode', least):+.2f} and the others by "
        f"{at('others', least):+.2f}. With the rejected token on the hill instead of in the valley the mode moves by "
        f"{at('mode', whole, 'hill'):+.2f}: that the effect grows as the rejected gets rarer "
        f"{'shows' if rarer else 'does not show'}. {_equal(rows, whole, least)}At cosine {alike:g} the mode moves by "
        f"{at('mode', whole, rho=alike):+.2f}."
    )
    groups = {
        f"weight {weight:g}": {
            name: spreads[f"{column}/valley/rho={apart:g}/weight={weight:g}"]
            for column, name in (
                ("mode", "mode"),
                ("others", "other tokens"),
                ("rejected", "rejected"),
                ("chosen", "chosen"),
            )
        }
        for weight in settings["weights"]
    }
    note = f"Mean-field, {settings['steps']} steps, cosine {apart:g}, rejected in the valley; mean and range over "
    note += f"{len(settings['seeds'])} starts."
    sections: list[Section] = [
        bars("Change of log-probability", groups, "nats", f"{note} At equal steps."),
        Table("At equal gain of the chosen", TABLE, rows, f"{note} Where the chosen has gained as much under each."),
    ]
    return settle(covered(paths, settings), says, numbers, sections)


def covered(paths: Mapping[tuple[str, float], Tensor], settings: Mapping[str, Any]) -> list[Comparison]:
    """What the sentence covers at every cosine: the mode rises, others fall, and more so where the rejected is rarer.

    Args:
        paths: What `follow` gave for DPO, by place of the rejected token and cosine.
        settings: Steps and gains.

    Returns:
        The comparisons over starts: at the last step, and where the chosen has gained as much.
    """
    mode, others = COLUMNS.index("mode"), COLUMNS.index("others")
    found: list[Comparison] = []
    for rho in settings["cosines"]:
        places = [("steps", f"step {settings['steps']}", None)]
        places += [("reward", f"the chosen up by {gain:g} nats", gain) for gain in settings["gains"]]
        for equal, where, gain in places:
            rare, common = (_there(paths[place, rho], gain) for place in ("valley", "hill"))
            for says, gaps in (
                ("the mode rises", rare[:, mode]),
                ("other tokens fall", -rare[:, others]),
                ("the mode rises more for a rare rejected token", rare[:, mode] - common[:, mode]),
            ):
                at = "reward" if equal == "reward" else "steps"
                found.append(Comparison(f"{says}, cosine {rho:g}", at, where, gaps.tolist(), exact=False))
    return found


def _there(path: Tensor, gain: float | None) -> Tensor:
    # (S, 6) changes at the end, or where the chosen token of each start has gained so much; NaN where it never does.
    if gain is None:
        return path[-1]
    over = path[..., COLUMNS.index("chosen")] >= gain
    there = path[over.to(torch.uint8).argmax(0), torch.arange(path.shape[1])]
    return torch.where(over.any(0)[:, None], there, torch.nan)


def _check(settings: Mapping[str, Any]) -> None:
    places, classes = settings["places"], settings["classes"]
    wrong = [token for token in places.values() if token in (PEAK, CHOSEN) or not 0 < token < classes]
    if wrong or classes <= CHOSEN + 1 or any(not -1 <= rho <= 1 for rho in settings["cosines"]):
        given = f"classes={classes}, places={places}, cosines={settings['cosines']}"
        expected = f"more than {CHOSEN + 1} classes, other tokens than {PEAK} and {CHOSEN}, cosines from -1 to 1"
        raise InputValueError(given, expected, "50 classes, 42 and 7 are the study's")


def _equal(rows: list[dict[str, Any]], whole: float, least: float) -> str:
    # The largest gain of the chosen that both weights have reached.
    both = [
        (a, b)
        for a in rows
        for b in rows
        if (a["weight"], b["weight"]) == (whole, least) and a["gain"] == b["gain"] and not missing(a["mode"], b["mode"])
    ]
    if not both:
        return ""
    one, other = max(both, key=lambda pair: pair[0]["gain"])
    return (
        f"Once the chosen has gained {one['gain']:g} nats the mode has moved by {one['mode']:+.2f} under DPO and by "
        f"{other['mode']:+.2f} with weight {least:g}. "
    )


def follow(settings: Mapping[str, Any], rejected: int, rho: float, weight: float) -> Tensor:
    """Follow DPO with a weighted rejected branch from every start at once.

    Args:
        settings: Sizes, step size, seeds.
        rejected: The rejected token.
        rho: Cosine of the two contexts.
        weight: λ of the rejected branch; 1 is DPO.

    Returns:
        (T + 1, S, 6) changes of log-probability, in the order of `COLUMNS`.
    """
    start = torch.stack([_logits(settings, rejected, seed) for seed in settings["seeds"]])
    # A linear head on two unit features: the logits of a context move by the kernel of their cosines.
    kernel = torch.tensor([[1, rho], [rho, 1]], dtype=torch.float64)
    z, loss = start[:, None].expand(-1, 2, -1), Dpo(settings["beta"])
    first = Policy.of(z)
    choice = torch.zeros(2, z.shape[-1], dtype=torch.float64)
    choice[0, CHOSEN], choice[1, rejected] = 1.0, -weight
    changes: list[Tensor] = []
    for _ in range(settings["steps"] + 1):
        policy = Policy.of(z)
        moved = policy.log - first.log
        changes.append(moved)
        push = loss.pushes(moved[:, 0, CHOSEN] - weight * moved[:, 1, rejected])
        z = z + settings["eta"] * (kernel @ likelihood_direction(push[:, None, None] * choice, policy))
    change = torch.stack(changes)
    others = [token for token in range(z.shape[-1]) if token not in (CHOSEN, rejected, PEAK)]
    columns = [change[..., 0, CHOSEN], change[..., 1, rejected], change[..., 0, PEAK], change[..., 1, PEAK]]
    return torch.stack([*columns, change[..., 1, others].mean(-1), change[..., 1, CHOSEN]], -1)


def at_equal_gain(path: Tensor, weight: float, gain: float) -> dict[str, Any]:
    """What has moved by the time the chosen token has gained so much.

    Args:
        path: What `follow` gave.
        weight: λ of the rejected branch.
        gain: Gain of the chosen token's log-probability, nats.

    Returns:
        A row of the table, means over the starts; empty unless all of them got there.
    """
    over = path[..., COLUMNS.index("chosen")] >= gain
    row: dict[str, Any] = {"name": f"weight={weight:g}/chosen={gain:g}", "weight": weight, "gain": gain}
    if not bool(over.any(0).all()):
        return row | dict.fromkeys(("step", "mode", "others", "rejected"))
    steps = over.to(torch.uint8).argmax(0)
    there = path[steps, torch.arange(len(steps))].mean(0)
    moved = {name: float(there[COLUMNS.index(name)]) for name in ("mode", "others", "rejected")}
    return row | {"step": float(steps.double().mean())} | moved


def _logits(settings: Mapping[str, Any], rejected: int, seed: int) -> Tensor:
    # A mode, a hill of eight tokens, a chosen token a little above the rest, the rejected one in the valley or on
    # the hill.
    rng = np.random.default_rng(seed)
    rng.normal(size=2 * settings["width"])  # the contexts: only their cosine matters
    z = 0.3 * rng.normal(size=settings["classes"])
    z[5:13] += 3
    z[PEAK] += 5
    z[CHOSEN] += 2
    z[rejected] -= 2 if not 5 <= rejected < 13 else 0
    return torch.from_numpy(z)
