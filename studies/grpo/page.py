"""The page "GRPO, eight rules": tables, verdicts and picture from the kept figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from studies.page import ASSETS, BENCHMARKS, EXPLANATION, PAPERS, markdown, photograph, put

from antigrad.core.significance import LEVEL, holm, t_test_of

PAGE = EXPLANATION / "grpo-study.md"
PICTURE = ASSETS / "grpo-study.png"
RESULTS = Path(__file__).parent / "results"
Found = dict[str, Any]
COSTS = {
    "none": "ours without a rule ÷ TRL's trainer",
    "nthr": "NTHR, full vocabulary, states from the training forward ÷ no rule",
    "own_pass": "NTHR, states from a pass of its own ÷ no rule, four responses per forward",
    "measured": "every step measured ÷ none measured",
    "memory": "peak memory of a step, NTHR ÷ no rule",
}
COLOURS = ("#1a2028", "#0072b2", "#d55e00", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#8a8f98")
LARGEST = {"tiny": 16, "smollm2": 4}
NAMES = {"tiny": "tiny policy", "smollm2": "SmolLM2-135M"}


def main() -> None:
    """Fill the page, draw the picture."""
    paths = {name: RESULTS / f"grpo_study_{name}.json" for name in LARGEST}
    results = {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}
    PAGE.write_text(filled(PAGE.read_text(), results))
    PAPERS.write_text(put(PAPERS.read_text(), "grpo-claims", claims(results)))
    photograph(picture(results["tiny"]), PICTURE)


def filled(text: str, results: dict[str, Found]) -> str:
    """Put every table between its markers."""
    made: dict[str, str] = {}
    for name, found in results.items():
        made |= {f"{name}-setting": setting(found), f"{name}-end": end_table(found, LARGEST[name])}
    made["grpo-cost"] = cost_table()
    made |= {"tiny-level": level_table(results["tiny"], LARGEST["tiny"]), "grpo-claims": claims(results)}
    for name, body in made.items():
        text = put(text, name, body)
    return text


def told(figure: Found | None, form: str = ".3f") -> str:
    """A mean and its standard error."""
    if figure is None or figure["mean"] is None:
        return "–"
    error = "" if figure["error"] is None else f" ± {figure['error']:{form.replace('+', '')}}"
    return f"{figure['mean']:{form}}{error}".replace("-", "−")


def setting(found: Found) -> str:
    """What all arms share, in a sentence."""
    config = found["config"]
    return (
        f"`{config['model']}`, `{config['tasks']}`, {config['questions']} questions, {config['steps']} steps: "
        f"{config['prompts']} prompts × {config['rollouts']} responses in {config['updates']} updates, AdamW at "
        f"{config['learning_rate']:g}, constant; {found['seeds']} seeds; held out: {config['held_out']} questions, "
        f"{config['trl']['num_generations_eval']} samples each."
    )


def end_table(found: Found, largest: int) -> str:
    """Every arm after the last step."""
    one, many = "credit/pass@1", f"credit/pass@{largest}"
    head = [
        "rule",
        "Δ correct per step",
        "steps that lowered them",
        "Δ wrong per step",
        "down-weighted",
        "pass@1",
        f"pass@{largest}",
    ]
    head += ["entropy", "pass@1 − none", f"pass@{largest} − none", "entropy − none"]
    rows: list[list[str]] = []
    for arm, figures in found["arms"].items():
        steps, last = figures["steps_measured"], figures["last"]
        row = [f"`{arm}`", told(steps["delta_correct"], "+.3f"), told(steps["lowered"], ".2f")]
        row += [told(steps["delta_wrong"], "+.3f"), told(steps["weakened"], ".2f")]
        row += [told(last[one]), told(last[many]), told(last["entropy"])]
        row += [told(last[f"{key} − none"], "+.3f") if arm != "none" else "" for key in (one, many, "entropy")]
        rows.append(row)
    start = found["arms"]["none"]["curves"]
    before = [
        "before",
        "",
        "",
        "",
        "",
        told(start[one][0]),
        told(start[many][0]),
        told(start["entropy"][0]),
        "",
        "",
        "",
    ]
    return markdown(head, [before, *rows])


def level_table(found: Found, largest: int) -> str:
    """Every arm at the first evaluation that reached an accuracy."""
    head = ["rule"]
    levels = list(found["arms"]["none"]["at_accuracy"])
    for level in levels:
        head += [f"{level}: seeds, step", f"{level}: pass@{largest}", f"{level}: entropy"]
    rows: list[list[str]] = []
    for arm, figures in found["arms"].items():
        row = [f"`{arm}`"]
        for level in levels:
            at = figures["at_accuracy"][level]
            row.append(f"{at['reached']} of {at['of']}" + (f", {at['step']['mean']:.0f}" if at["reached"] else ""))
            row += [told(at.get(f"credit/pass@{largest}")), told(at.get("entropy"))]
        rows.append(row)
    return markdown(head, rows)


def cost_table() -> str:
    """What whole steps cost, by pairs."""
    head = ["compared", "model", "ratio (lowest to highest pair)", "target"]
    rows: list[list[str]] = []
    for kind, text in COSTS.items():
        for name in LARGEST:
            path = BENCHMARKS / f"grpo_{kind}_{name}.json"
            if not path.exists():
                continue
            found = json.loads(path.read_text())
            spread = f" ({found['ratio_min']:.3f} to {found['ratio_max']:.3f})" if "ratio_min" in found else ""
            target = "–" if found["target"] is None else f"{found['target']:g}"
            rows.append([text, NAMES[name], f"{found['ratio']:.3f}{spread}", target])
    return markdown(head, rows)


def verdicts(figures: list[Found], signs: list[int], seeds: int) -> list[str]:
    """Beyond chance by Student's t over the seeds, all sentences together (Holm), or open; p of the sentence alone."""
    tested = {str(place): one for place, one in enumerate(figures) if one["mean"] is not None and one["error"]}
    adjusted = holm({place: t_test_of(one["mean"], one["error"], seeds) for place, one in tested.items()})
    words: list[str] = []
    for place, (one, sign) in enumerate(zip(figures, signs, strict=True)):
        clear = adjusted.get(str(place), 1.0) <= LEVEL
        word = "open" if not clear else "agrees" if one["mean"] * sign > 0 else "contradicts"
        known = tested.get(str(place))
        alone = f", p {t_test_of(known['mean'], known['error'], seeds):.3f}" if known else ""
        words.append("–" if one["mean"] is None else word + alone)
    return words


def claims(results: dict[str, Found]) -> str:
    """The papers' sentences against paired differences after the last step."""
    head = ["sentence"]
    for name in results:
        head += [NAMES[name], "verdict"]
    rows = [[text] for text, *_ in CLAIMS]
    for name, found in results.items():
        figures = [difference(found, arm, kind, LARGEST[name]) for _, arm, kind, _ in CLAIMS]
        words = verdicts(figures, [sign for *_, sign in CLAIMS], found["seeds"])
        for row, figure, word in zip(rows, figures, words, strict=True):
            row += [told(figure, "+.3f"), word]
    return markdown(head, rows)


def difference(found: Found, arm: str, kind: str, largest: int) -> Found:
    """An arm minus none; of Δ, and at equal accuracy, the two means with their errors added in quadrature."""
    if "@" in kind:
        key, level = kind.split("@")
        ours, theirs = (found["arms"][name]["at_accuracy"].get(level, {}).get(key) for name in (arm, "none"))
        return minus(ours, theirs)
    if kind != "delta":
        key = {"one": "credit/pass@1", "many": f"credit/pass@{largest}", "entropy": "entropy"}[kind]
        return found["arms"][arm]["last"][f"{key} − none"]
    ours, theirs = (found["arms"][name]["steps_measured"]["delta_correct"] for name in (arm, "none"))
    return minus(ours, theirs)


def minus(ours: Found | None, theirs: Found | None) -> Found:
    """A difference of two means."""
    if ours is None or theirs is None:
        return {"mean": None, "error": None}
    errors = (ours["error"], theirs["error"])
    error = None if None in errors else (errors[0] ** 2 + errors[1] ** 2) ** 0.5
    return {"mean": ours["mean"] - theirs["mean"], "error": error}


CLAIMS = (
    ("Deng et al.: NTHR raises Δ of correct responses", "nthr", "delta", 1),
    ("the same, anchor of the others", "nthr(anchor=others)", "delta", 1),
    ("Deng et al.: positives only gives a larger Δ", "positives_only", "delta", 1),
    ("Deng et al.: NTHR above GRPO in accuracy", "nthr", "one", 1),
    ("the same, anchor of the others", "nthr(anchor=others)", "one", 1),
    ("Deng et al.: positives only below GRPO in accuracy", "positives_only", "one", -1),
    ("Zhu et al.: NSR above GRPO at the largest k", "nsr", "many", 1),
    ("Zhu et al.: PSR below GRPO at the largest k", "psr", "many", -1),
    ("Zhu et al.: W-REINFORCE above GRPO at the largest k", "w_reinforce", "many", 1),
    ("Zhu et al.: NSR keeps more entropy than GRPO", "nsr", "entropy", 1),
    ("the same at equal accuracy, .55", "nsr", "entropy@0.55", 1),
    ("Zhu et al.: PSR keeps less entropy than GRPO", "psr", "entropy", -1),
    ("the same at equal accuracy, .55", "psr", "entropy@0.55", -1),
    ("Zhu et al.: PSR below GRPO in accuracy", "psr", "one", -1),
    ("Zhu et al.: NSR about as accurate as GRPO, not below it", "nsr", "one", 1),
    ("Deng et al. (LLDS): its penalty raises Δ", "llds", "delta", 1),
)


def picture(found: Found) -> go.Figure:
    """pass@1, pass@k, entropy and Δ over steps, and pass@k against pass@1."""
    titles = (
        "pass@1",
        "pass@16",
        "entropy, nats per token",
        "Δ correct, nats per response",
        "Δ wrong, nats per response",
    )
    titles = (*titles, "pass@16 against pass@1")
    sheet = make_subplots(2, 3, subplot_titles=titles, horizontal_spacing=0.06, vertical_spacing=0.14)
    one, many = "credit/pass@1", "credit/pass@16"
    for (arm, figures), colour in zip(found["arms"].items(), COLOURS, strict=True):
        curves, steps = figures["curves"], figures["steps"]
        line = {"color": colour, "width": 2}
        for key, (row, column) in ((one, (1, 1)), (many, (1, 2)), ("entropy", (1, 3))):
            bars = {"type": "data", "array": [point["error"] for point in curves[key]], "thickness": 1, "width": 2}
            sheet.add_scatter(
                x=steps, y=[point["mean"] for point in curves[key]], error_y=bars, name=arm, legendgroup=arm, line=line,
                mode="lines+markers", marker={"size": 5}, showlegend=key == one, row=row, col=column,
            )  # fmt: skip
        x, y = ([point["mean"] for point in curves[key]] for key in (one, many))
        sheet.add_scatter(
            x=x, y=y, name=arm, legendgroup=arm, line=line, mode="lines+markers", marker={"size": 5},
            showlegend=False, row=2, col=3,
        )  # fmt: skip
        of = figures["displacement"]
        for column, key in enumerate(("delta_correct", "delta_wrong"), 1):
            sheet.add_scatter(
                x=of["steps"], y=[point["mean"] for point in of[key]], name=arm, legendgroup=arm, mode="lines",
                line={"color": colour, "width": 1.5}, showlegend=False, row=2, col=column,
            )  # fmt: skip
    for row, column in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2)):
        sheet.update_xaxes(title_text="step", row=row, col=column)
    sheet.update_xaxes(title_text="pass@1", row=2, col=3)
    sheet.update_layout(
        width=1400,
        height=860,
        font={"family": "Helvetica, Arial, sans-serif", "size": 13, "color": "#1a2028"},
        template="plotly_white",
        margin={"l": 56, "r": 16, "t": 96, "b": 56},
        legend={"orientation": "h", "y": 1.13},
    )
    return sheet


if __name__ == "__main__":
    main()
