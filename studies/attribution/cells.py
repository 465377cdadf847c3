"""Cells of the study's tables: figures with errors, names, verdicts."""

from __future__ import annotations

from typing import Any

from studies.attribution.facts import COMPETITORS, CONTROLS, HEADLINE, NAMES, PERCENTILES

Found = dict[str, Any]
BEYOND = 3.35
"""Standard errors: Student's t at .05 over 189 pictures, two-sided, for fifty verdicts together (Bonferroni)."""
KEYS = ("rcap/black", "rcap_s/black", "rcap_calibrated/black")


def number(value: float | None, form: str = ".3f") -> str:
    """One number, or a dash."""
    return "—" if value is None else format(value, form).replace("-", "−")


def with_error(of: Found | None, form: str = ".3f") -> str:
    """Mean and standard error."""
    if of is None:
        return "—"
    error = of["error"]
    return number(of["mean"], form) + ("" if error is None or error != error else f" ± {error:.3f}")


def figure(found: Found, name: str, key: str) -> Found | None:
    """One figure of a map, if it was measured."""
    return found["maps"].get(name, {}).get(key)


def mean(found: Found, name: str, key: str) -> float:
    """Its mean."""
    return found["maps"][name][key]["mean"]


def named(name: str) -> str:
    """What a map is called on the page."""
    plain, power, exponent = name.partition("^")
    return NAMES[plain] + (f", power {exponent}" if power else "")


def headline(found: Found, name: str, base: str = "black") -> list[str]:
    """Rank-only and calibrated RCAP above the best control."""
    cells = (figure(found, name, f"{key}/{base}") for key in HEADLINE)
    return [
        "control" if name in CONTROLS else with_error(cell and cell["above_best_control"], "+.3f") for cell in cells
    ]


def headed(found: Found, base: str = "black") -> list[str]:
    """Heads of these two columns, with the control that is best there."""
    against = [found["maps"]["gag_0.85"][f"{key}/{base}"]["above_best_control"]["against"] for key in HEADLINE]
    return [f"{text} − {NAMES[best]}" for text, best in zip(HEADLINE.values(), against, strict=True)]


def verdict(gap: Found | None) -> str:
    """Whether a difference is above zero beyond chance, all verdicts of the page together."""
    if gap is None:
        return "not measured"
    if gap["error"] is None or gap["error"] != gap["error"] or abs(gap["mean"]) <= BEYOND * gap["error"]:
        return "**open**"
    return "**holds**" if gap["mean"] > 0 else "**does not hold**"


def decided(true: bool) -> str:
    """Verdict of what needs no error."""
    return "**holds**" if true else "**does not hold**"


def flipped(gap: Found | None) -> Found | None:
    """The same difference the other way round, where lower is better."""
    return None if gap is None else gap | {"mean": -gap["mean"]}


def pair(found: Found, ours: str, theirs: str, key: str) -> Found | None:
    """A paired difference, if it was measured."""
    return found["pairs"].get(f"{ours} - {theirs}, {key}")


def closest(found: Found, key: str, sign: int = 1) -> tuple[str, Found]:
    """The competitor that GAG-85 is least clearly ahead of, in standard errors; sign −1: lower is better."""
    return min(
        ((name, found["pairs"][f"gag_0.85 - {name}, {key}"]) for name in COMPETITORS),
        key=lambda each: sign * each[1]["mean"] / max(each[1]["error"] or 0.0, 1e-12),
    )


def gag(p: float, guide: str) -> str:
    """Name of a map of the sweep."""
    if not p:
        return "absolute_grad"
    if guide == "paper":
        return f"gag_{p:g}"
    return "gag_relative" if p == PERCENTILES[-1] else f"gag_relative_{p:g}"
