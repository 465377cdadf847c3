"""The page of the unlearning study: its tables from the kept figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studies.kept import kept
from studies.page import BENCHMARKS, EXPLANATION, PAPERS, fill, markdown, number
from studies.unlearning.claims import claims

SHARED = {
    "AUS": ("aus", ".3f"),
    "average gap": ("average_gap", ".4f"),
    "NoMUS": ("nomus", ".3f"),
    "attack on loss": ("logistic_loss_forget_vs_unseen", ".3f"),
}
REMOVAL = {
    "retained classes, test": ("accuracy(on=test_retained)", ".3f"),
    "removed class, test": ("accuracy(on=test_removed)", ".3f"),
    **SHARED,
}
RANDOM = {"test": ("accuracy(on=test)", ".3f"), "forgotten": ("accuracy(on=forget)", ".3f"), **SHARED}
STEPS = {"steps": ("cost(what=steps)", ".0f")}
SECONDS = {"seconds": ("cost(what=seconds)", ".1f")}
FEW = {"relearning, steps": ("relearning(most=40,repeats=1)", ".0f")}
TABLES = {
    "digits_class": {**REMOVAL, "relearning, steps": ("relearning", ".1f"), **STEPS},
    "digits_homogeneous": {**RANDOM, **STEPS},
    "cifar_class": {**REMOVAL, **FEW, **SECONDS},
    "cifar_homogeneous": {**RANDOM, **SECONDS},
    "vit_homogeneous": {**RANDOM, **SECONDS},
    "vit_class": {**REMOVAL, **FEW, **SECONDS},
}
RESULTS = Path(__file__).parent / "results"
Found = dict[str, Any]


def main() -> None:
    """Write the tables."""
    found = {name: kept(__file__, name) for name in TABLES if (RESULTS / f"{name}.json").exists()}
    tables = {f"unlearning-{name}": table(one, TABLES[name]) for name, one in found.items()}
    tables |= {f"unlearning-{name}-setting": setting(one) for name, one in found.items()}
    timed = BENCHMARKS / "unlearning_retrain_cifar.json"
    speed = json.loads(timed.read_text()) if timed.exists() else None
    judged = {"unlearning-claims": markdown(["sentence", "here", "verdict"], claims(found, speed))}
    fill(EXPLANATION / "unlearning-study.md", tables | judged)
    fill(PAPERS, judged)


def setting(found: Found) -> str:
    """What was run."""
    splits, seeds = len(found["splits"]), found["seeds"]
    runs = splits * seeds
    what = f"{found['what']}; {splits} case{'s' * (splits > 1)}, {seeds} seed{'s' * (seeds > 1)}."
    return f"{what} {f'Means over {runs} runs, ± standard deviation. ' if runs > 1 else ''}Nearest to retraining first."


def table(found: Found, columns: dict[str, tuple[str, str]]) -> str:
    """All figures of a case."""
    methods = sorted(found["methods"].items(), key=lambda pair: gap(pair[1]))
    rows = [[f"`{name}`", *(cell(of, *column) for column in columns.values())] for name, of in methods]
    return markdown(["", *columns], rows)


def gap(of: Found) -> float:
    """Gap to retraining; that of the retrained model itself comes first."""
    return of["average_gap"]["mean"] if "average_gap" in of else float("-inf")


def cell(of: Found, key: str, form: str) -> str:
    """One figure."""
    if key not in of:
        return "–"
    spread = of[key]["deviation"]
    return number(of[key]["mean"], form) + ("" if not spread else f" ± {number(spread, form)}")


if __name__ == "__main__":
    main()
