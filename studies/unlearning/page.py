"""The page of the unlearning study: its tables from the kept figures."""

from __future__ import annotations

from typing import Any

from studies.kept import kept
from studies.page import EXPLANATION, fill, markdown, number

CASES = ("class", "homogeneous")
COLUMNS = {
    "class": {
        "retained classes, test": ("accuracy(on=test_retained)", ".3f"),
        "removed class, test": ("accuracy(on=test_removed)", ".3f"),
        "AUS": ("aus", ".3f"),
        "average gap": ("average_gap", ".4f"),
        "NoMUS": ("nomus", ".3f"),
        "attack on loss": ("logistic_loss_forget_vs_unseen", ".3f"),
        "relearning, steps": ("relearning", ".1f"),
        "steps": ("cost(what=steps)", ".0f"),
    },
    "homogeneous": {
        "test": ("accuracy(on=test)", ".3f"),
        "forgotten": ("accuracy(on=forget)", ".3f"),
        "AUS": ("aus", ".3f"),
        "average gap": ("average_gap", ".4f"),
        "NoMUS": ("nomus", ".3f"),
        "attack on loss": ("logistic_loss_forget_vs_unseen", ".3f"),
        "steps": ("cost(what=steps)", ".0f"),
    },
}
Found = dict[str, Any]


def main() -> None:
    """Write the tables."""
    found = {case: kept(__file__, f"digits_{case}") for case in CASES}
    tables = {f"unlearning-{case}": table(found[case], COLUMNS[case]) for case in CASES}
    tables |= {f"unlearning-{case}-setting": setting(found[case]) for case in CASES}
    fill(
        EXPLANATION / "unlearning-study.md",
        tables | {"unlearning-claims": claims(found["class"], found["homogeneous"])},
    )


def setting(found: Found) -> str:
    """What was run."""
    many = len(found["splits"]) * found["seeds"]
    return f"{found['what']}; means over {many} runs, ± standard deviation. Nearest to retraining first."


def table(found: Found, columns: dict[str, tuple[str, str]]) -> str:
    """All figures of a case."""
    methods = sorted(found["methods"].items(), key=lambda pair: mean(pair[1], "average_gap"))
    rows = [[f"`{name}`", *(cell(of, *column) for column in columns.values())] for name, of in methods]
    return markdown(["", *columns], rows)


def cell(of: Found, key: str, form: str) -> str:
    """One figure."""
    if key not in of:
        return "–"
    spread = of[key]["deviation"]
    return number(of[key]["mean"], form) + ("" if not spread else f" ± {number(spread, form)}")


def mean(of: Found, key: str) -> float:
    """Mean of a figure; infinite where there is none."""
    return of[key]["mean"] if key in of else float("inf")


def claims(removal: Found, random: Found) -> str:
    """The papers' sentences against the figures."""
    by, other = removal["methods"], random["methods"]

    def aus(name: str, of: Found = by) -> str:
        return number(mean(of[name], "aus"), ".3f")

    rivals = ["neg_grad(stop=true)", "random_label(stop=true)", "boundary_shrink", "boundary_expand"]
    above = [name for name in rivals if mean(by["duck"], "aus") > mean(by[name], "aus")]
    beyond = [name for name in ("npo", "eu_k(k=1)") if mean(by[name], "average_gap") < mean(by["duck"], "average_gap")]
    inner = [mean(of, "aus") for name, of in other.items() if not name.startswith(("original", "retrain"))]
    close = sum(abs(value - mean(other["original"], "aus")) < 0.02 for value in inner)
    share = mean(by["duck"], "cost(what=steps)") / mean(by["retrain"], "cost(what=steps)")
    rows = [
        [
            "DUCK, class removal: AUS above NG, RL, BS, BE",
            f"{aus('duck')} against {', '.join(aus(name) for name in rivals)}",
            "holds" if len(above) == len(rivals) else f"holds against {len(above)} of {len(rivals)}",
        ],
        [
            "DUCK takes a small part of the time of retraining",
            f"{number(share, '.1%')} of the steps",
            "holds" if share < 0.1 else "does not hold",
        ],
        [
            "not in the paper: nearer to retraining than DUCK",
            ", ".join(f"`{name}`" for name in beyond) or "none of `npo`, `eu_k`",
            "average gap",
        ],
        [
            "not in the paper: is it gone after DUCK?",
            f"relearned in {number(mean(by['duck'], 'relearning'), '.1f')} steps, after retraining in "
            f"{number(mean(by['retrain'], 'relearning'), '.1f')}",
            "no" if mean(by["duck"], "relearning") < mean(by["retrain"], "relearning") / 2 else "as after retraining",
        ],
        [
            "AUS in homogeneous removal tells methods apart",
            f"doing nothing {aus('original', other)}, retraining {aus('retrain', other)}; "
            f"{close} of {len(inner)} methods within .02 of doing nothing",
            "hardly" if close > len(inner) / 2 else "yes",
        ],
    ]
    return markdown(["sentence", "here", "verdict"], rows)


if __name__ == "__main__":
    main()
