"""The page "Preference pairs, judged": tables, verdicts, picture and what they come to, from the kept figures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from studies.kept import kept
from studies.page import ASSETS, EXPLANATION, PAPERS, fill, markdown, photograph
from studies.preferences.claims import SENTENCES
from studies.preferences.compare import Column, Found, mean_and_error, verdicts

from antigrad.core.significance import LEVEL as CHANCE
from antigrad.core.significance import holm, t_test

PAGE = EXPLANATION / "preferences-study.md"
PICTURE = ASSETS / "preferences-study.png"
NAMES = {"tiny": "tiny policy", "smollm2": "SmolLM2-135M"}
SHOWN = ("DPO", "VPO", "λ = .5", "λ = 0", "safe", "DPOP", "RPO", "SFT on chosen", "DPO, on-policy")
COLOURS = ("#1a2028", "#0072b2", "#d55e00", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#8a8f98", "#7b4fa3")
LIKELIHOODS = ("chosen", "rejected", "gap", "initial")
MISSING = "No figures are kept yet."


def main() -> None:
    """Fill the page, draw the picture."""
    results = {name: Found(kept(__file__, f"preferences_{name}")) for name in NAMES if _there(name)}
    claimed = claims(results)
    tables = {"preferences-claims": claimed, "preferences-said": said(results["tiny"])}
    for name in NAMES:
        blocks = (MISSING, MISSING) if name not in results else (setting(results[name]), end_table(results[name]))
        tables |= {f"preferences-{name}-setting": blocks[0], f"preferences-{name}-end": blocks[1]}
    tables["preferences-tiny-level"] = level_table(results["tiny"])
    fill(PAGE, tables)
    fill(PAPERS, {"preferences-claims": claimed})
    photograph(picture(results["tiny"]), PICTURE)


def _there(name: str) -> bool:
    return (Path(__file__).parent / "results" / f"preferences_{name}.json").exists()


def told(values: Column | list[float], form: str) -> str:
    """A mean over seeds and its standard error."""
    found = mean_and_error(values)
    if found is None:
        return "–"
    error = "" if found[1] is None else f" ± {found[1]:{form.replace('+', '')}}"
    return f"{found[0]:{form}}{error}".replace("-", "−")


def setting(found: Found) -> str:
    """What all arms share, in a sentence."""
    result, config = found.result, found.result["config"]
    pairs = [one["pairs"] for one in result["pairs"]]
    negative = [one["pvi_negative"] for one in result["pairs"]]
    sampled = f", and {result['samples']} sampled ones each" if result["samples"] else ""
    return (
        f"`{config['model']}`, {min(pairs)} to {max(pairs)} pairs of its own answers to {config['questions']} "
        f"questions, at least {config['held_out']} of them held out; PVI below 0 in "
        f"{min(negative):.0%} to {max(negative):.0%} of them. "
        f"{config['steps']} steps of {config['pairs_a_step']} pairs, β {config['beta']:g}, AdamW at "
        f"{config['learning_rate']:g}, constant; {result['seeds']} seeds; accuracy on {result['questions']} questions "
        f"that were not trained on, greedy answers{sampled}."
    )


def factor(found: Found, arm: str) -> str:
    """Mean λ of an arm, and the share of pairs below 1."""
    facts = [rows[-1].get("facts", {}) for rows in found.result["rows"][arm]]
    if not all("factor_mean" in one for one in facts):
        return ""
    mean, share = (sum(one[name] for one in facts) / len(facts) for name in ("factor_mean", "constrained"))
    return f"{mean:.3f} ({share:.0%})"


def end_table(found: Found) -> str:
    """Every arm after the last step."""
    figures = [name for name in ("greedy", "sampled") if name in found.result["rows"][found.arms[0]][0][0]]
    head = ["arm", "mean λ (pairs below 1)"]
    head += [f"{name} accuracy" for name in figures] + [f"{figures[-1]} − DPO"]
    head += ["highest sampled"] if "sampled" in figures else []
    head += ["Δ chosen", "Δ rejected", "Δ gap", "Δ greedy answer of before", "Δ mass along chosen", "along rejected"]
    start = found.result["rows"][found.arms[0]]
    before = ["before", "", *(told([rows[0][name] for rows in start], ".3f") for name in figures), ""]
    rows = [[*before, *[""] * (len(head) - len(before))]]
    for arm in found.arms:
        row = [arm, factor(found, arm), *(told(found.column(arm, name), ".3f") for name in figures)]
        row.append("" if arm == "DPO" else told(found.paired(arm, "DPO", figures[-1]), "+.3f"))
        row += [told(found.best(arm), ".3f")] if "sampled" in figures else []
        row += [told(found.column(arm, name), "+.2f") for name in LIKELIHOODS]
        row += [told(found.column(arm, f"mass_{side}"), "+.4f") for side in ("chosen", "rejected")]
        rows.append(row)
    return markdown(head, rows)


def level_table(found: Found) -> str:
    """Every arm where its sampled accuracy first reached a level."""
    head = ["arm"]
    for gain in found.result["gains"]:
        head += [f"+{gain:g}: seeds", "step", "Δ chosen", "Δ rejected", "Δ greedy answer of before", "along rejected"]
    rows: list[list[str]] = []
    for arm in found.arms:
        row = [arm]
        for gain in found.result["gains"]:
            steps = found.column(arm, "step", gain)
            row.append(f"{sum(step is not None for step in steps)} of {len(steps)}")
            row.append(told(steps, ".0f"))
            row += [told(found.column(arm, name, gain), "+.2f") for name in ("chosen", "rejected", "initial")]
            row.append(told(found.column(arm, "mass_rejected", gain), "+.4f"))
        rows.append(row)
    return markdown(head, rows)


def claims(results: dict[str, Found]) -> str:
    """The sentences against paired differences."""
    head = ["whose", "sentence"]
    for name in results:
        head += [NAMES[name], "verdict"]
    rows = [[one.source, one.text] for one in SENTENCES]
    for found in results.values():
        for row, sentence, (values, alone, word) in zip(rows, SENTENCES, verdicts(SENTENCES, found), strict=True):
            accuracy = sentence.figure in ("greedy", "sampled")
            form = "+.3f" if accuracy else "+.4f" if sentence.figure.startswith("mass") else "+.2f"
            few = f", {len(values)} seeds" if values else ""
            row += [told(list(values), form), f"{word}, p {alone:.3f}" if alone == alone else word + few]
    return markdown(head, rows)


def said(found: Found) -> str:
    """What the figures come to, in sentences that follow from them."""

    def accuracy(arm: str) -> float:
        return (mean_and_error(found.column(arm, "sampled")) or (0.0, None))[0]

    best = max(found.arms, key=accuracy)
    grid = [arm for arm in found.arms if arm.startswith("λ")]
    fixed = max(grid, key=accuracy)
    start = [rows[0]["sampled"] for rows in found.result["rows"]["DPO"]]
    orders = ("VPO shuffled", "VPO reversed", "VPO by CHES")
    learners = ("DPO", "VPO", "IPO", "SimPO", "RPO", "DPOP", "DPO, on-policy")
    rivals = ("DPO", "VPO", fixed)
    wins = [other for other in rivals if sign(found, "safe", other, rivals) > 0]
    lines = [
        f"- **Highest accuracy after the last step**: {best}, {told(found.column(best, 'sampled'), '.3f')} of sampled "
        f"responses, {told(found.column('DPO', 'sampled'), '.3f')} under DPO, {told(start, '.3f')} before. "
        f"{against(found, 'DPO', [arm for arm in found.arms if arm != 'DPO'])}",
        f"- **Does pushing help at all?** {against(found, 'SFT on chosen', learners)}",
        f"- **Fresh samples**: {against(found, 'DPO, on-policy', ('DPO', 'VPO', 'SFT on chosen'))}",
        f"- **Does the rule matter, or only its mean?** {against(found, 'VPO', orders)} "
        f"For chosen responses: {against(found, 'VPO', orders, 'chosen')}",
        f"- **Against one λ for all pairs** (highest accuracy of these: {fixed}): {against(found, 'VPO', grid)} "
        f"The smaller λ, the higher the accuracy: {', '.join(f'{arm} {accuracy(arm):.3f}' for arm in ('DPO', *grid))}."
        if rising(list(map(accuracy, ("DPO", *grid))))
        else f"- **Against one λ for all pairs** (highest accuracy of these: {fixed}): {against(found, 'VPO', grid)}",
        f"- **Safe λ**, ours: {'it beats ' + ', '.join(wins) if wins else 'it beats none of its rivals'}. "
        f"Mean λ (share of pairs below 1) {factor(found, 'safe')}, VPO's {factor(found, 'VPO')}. "
        f"{against(found, 'safe', rivals)} For chosen responses: {against(found, 'safe', rivals, 'chosen')}",
    ]
    return "\n".join(lines)


def rising(values: list[float]) -> bool:
    """Whether numbers rise from one to the next."""
    return all(one < two for one, two in pairwise(values))


def sign(found: Found, arm: str, other: str, others: tuple[str, ...], figure: str = "sampled") -> int:
    """Whether an arm is above or below another beyond chance, with all it is compared with."""
    differences = {name: found.paired(arm, name, figure) for name in others}
    adjusted = holm({name: t_test(values) for name, values in differences.items()})
    return 0 if adjusted[other] > CHANCE else 1 if sum(differences[other]) > 0 else -1


def against(found: Found, arm: str, others: Any, figure: str = "sampled") -> str:
    """Say how an arm compares with several others, together."""
    differences = {other: found.paired(arm, other, figure) for other in others}
    adjusted = holm({other: t_test(values) for other, values in differences.items() if values})
    groups: dict[str, list[str]] = {"above": [], "below": [], "indistinguishable from": []}
    for other, values in differences.items():
        if not values:
            continue
        clear = adjusted[other] <= CHANCE
        word = "indistinguishable from" if not clear else "above" if sum(values) > 0 else "below"
        groups[word].append(f"{other} ({told(values, '+.3f' if figure == 'sampled' else '+.2f')})")
    parts = [f"{word} {', '.join(names)}" for word, names in groups.items() if names]
    return f"{arm} is {'; '.join(parts)}."


def picture(found: Found) -> go.Figure:
    """Accuracy over steps, both responses against each other, and the mass along rejected responses."""
    titles = ("sampled accuracy", "Δ chosen against Δ rejected, nats", "greedy answer of before, Δ nats")
    sheet = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.06)
    for arm, colour in zip([one for one in SHOWN if one in found.arms], COLOURS, strict=False):
        seeds = found.result["rows"][arm]
        steps = [row["step"] for row in seeds[0]]

        def over(figure: str, seeds: Any = seeds, steps: Any = steps) -> list[float]:
            return [sum(rows[n][figure] for rows in seeds) / len(seeds) for n in range(len(steps))]

        def change(figure: str, over: Any = over) -> list[float]:
            return [value - over(figure)[0] for value in over(figure)]

        curves = ((steps, over("sampled")), (change("rejected"), change("chosen")), (steps, change("initial")))
        for column, (x, y) in enumerate(curves, 1):
            sheet.add_scatter(
                x=x, y=y, name=arm, legendgroup=arm, showlegend=column == 1, mode="lines+markers",
                line={"color": colour, "width": 2}, marker={"size": 5}, row=1, col=column,
            )  # fmt: skip
    for column, text in ((1, "step"), (2, "Δ rejected"), (3, "step")):
        sheet.update_xaxes(title_text=text, row=1, col=column)
    sheet.update_layout(
        width=1400, height=520, template="plotly_white", margin={"l": 56, "r": 16, "t": 96, "b": 56},
        font={"family": "Helvetica, Arial, sans-serif", "size": 13, "color": "#1a2028"},
        legend={"orientation": "h", "y": 1.25},
    )  # fmt: skip
    return sheet


if __name__ == "__main__":
    main()
