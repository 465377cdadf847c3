"""The safe weight on the page on update rules: its tables from the kept figures."""

from __future__ import annotations

from typing import Any

from studies.kept import kept
from studies.page import EXPLANATION, fill, markdown, number, spread

Figures = dict[str, dict[str, Any]]


def main() -> None:
    """Write the two tables."""
    grpo = "\n\n".join(grpo_table(kept(__file__, f"safe_weight_grpo_{kind}"), kind) for kind in ("centred", "signed"))
    digits = (unlearning_table(kept(__file__, f"safe_weight_unlearning_{kind}"), kind) for kind in ("class", "rows"))
    fill(EXPLANATION / "update-rules.md", {"grpo": grpo, "unlearning": "\n\n".join(digits)})


def grpo_table(found: dict[str, Any], kind: str) -> str:
    """What each weight of the down part did under GRPO."""
    figures, pairs = found["figures"], found["paired"]["safe − 1"]
    lines = {
        "log-likelihood of a correct answer held aside, change": ("log_likelihood_change", "+.3f"),
        "accuracy on test questions, change": ("accuracy_change", "+.3f"),
        "drop of the up part's loss a step": ("up_effect", "+.4f"),
        "steps with every part gaining": ("every_part_gains_share", ".0%"),
        "steps with parts in conflict": ("conflict_share", ".0%"),
        "balanced weight √(K₊₊/K₋₋)": ("balanced_weight", ".2f"),
        "weight used, mean": ("weight_mean", ".2f"),
    }
    rows = [
        [text, *(spread(of[key], form) for of in figures.values()), spread(pairs[key], "+" + form.removeprefix("+"))]
        for text, (key, form) in lines.items()
    ]
    wrong = number(figures["1"]["wrong_share"]["median"], ".0%")
    head = [f"{kind} advantages, {wrong} wrong", *(f"λ {arm}" for arm in figures), "safe − 1, by seed"]
    return markdown(head, rows)


def unlearning_table(found: dict[str, Any], kind: str) -> str:
    """What each weight of the ascent did."""
    figures = found["figures"]
    lines = {
        "step at which it was forgotten": ("step_at_target", ".0f"),
        "then: retain accuracy": ("retain_at_target", ".3f"),
        "then: test accuracy": ("test_at_target", ".3f"),
        "after 50 steps: forget accuracy": ("forget_early", ".3f"),
        "after 50 steps: retain accuracy": ("retain_early", ".3f"),
        "after 50 steps: test accuracy": ("test_early", ".3f"),
        "after 300 steps: forget accuracy": ("forget_after", ".3f"),
        "after 300 steps: retain accuracy": ("retain_after", ".3f"),
        "after 300 steps: test accuracy": ("test_after", ".3f"),
        "steps with every part gaining": ("every_part_gains_share", ".0%"),
        "weight used, median": ("weight_median", ".3f"),
        "cosine of the parts, steps 1 to 20": ("parts_cos_start", ".2f"),
        "cosine of the parts, steps 21 to 50": ("parts_cos_then", ".2f"),
    }
    rows = [[text, *(cell(of, key, form) for of in figures.values())] for text, (key, form) in lines.items()]
    for key, text in (("reached", "seeds in which it was forgotten"), ("diverged", "seeds that overflowed")):
        rows.append([text, *(f"{count[key]:.0f} of {found['seeds']}" for count in found["counts"].values())])
    what = "a digit" if kind == "class" else "random rows"
    return markdown([f"forgetting {what}", *(f"λ {arm}" for arm in figures)], rows)


def cell(of: Figures, key: str, form: str) -> str:
    """One cell of the table on unlearning."""
    return "—" if of["reached"]["high"] == 0 and key.endswith("at_target") else spread(of[key], form)


if __name__ == "__main__":
    main()
