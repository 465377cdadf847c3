"""The study's verdicts: the paper's sentences, and what the specification says must hold, against the figures."""

from __future__ import annotations

from itertools import pairwise

from studies.attribution.cells import (
    KEYS,
    Found,
    closest,
    decided,
    figure,
    flipped,
    gag,
    mean,
    number,
    pair,
    verdict,
    with_error,
)
from studies.attribution.facts import COMPETITORS, CONTROLS, EVERYWHERE, HEADLINE, NAMES, PAPER_PROCESSES, PERCENTILES
from studies.page import markdown


def summary(found: Found) -> str:
    """The headline in sentences, from the numbers."""
    methods = [name for name in EVERYWHERE if name not in CONTROLS]
    lines: list[str] = []
    for key, text in HEADLINE.items():
        gaps = {name: found["maps"][name][f"{key}/black"]["above_best_control"] for name in methods}
        above = [NAMES[name] for name in methods if verdict(gaps[name]) == "**holds**"]
        below = [NAMES[name] for name in methods if verdict(gaps[name]) == "**does not hold**"]
        control, name = NAMES[gaps["gag_0.85"]["against"]], text.capitalize().replace(" ", "-")
        lines.append(
            f"- **{name} RCAP, against the best control ({control})**: above it beyond chance: "
            f"{', '.join(above) or 'none'}; below it: {', '.join(below) or 'none'}. "
            f"GAG-85: {with_error(gaps['gag_0.85'], '+.3f')}."
        )
    counts = {
        key: sum(verdict(pair(found, "gag_0.85", name, key)) == "**holds**" for name in COMPETITORS) for key in KEYS
    }
    lines.append(
        f"- **GAG-85 against the paper's seven competitors**: clearly above {counts['rcap/black']} of them on RCAP, "
        f"{counts['rcap_s/black']} on its rank-only term, {counts['rcap_calibrated/black']} calibrated."
    )
    guide = {key: pair(found, "gag_0.85", "absolute_grad", key) for key in KEYS}
    lines.append(
        f"- **The guide itself**, GAG-85 minus AbsoluteGrad: {with_error(guide['rcap/black'], '+.3f')} of RCAP, "
        f"{with_error(guide['rcap_s/black'], '+.3f')} of the ranking alone, "
        f"{with_error(guide['rcap_calibrated/black'], '+.3f')} calibrated."
    )
    return "\n".join(lines)


def claims_table(found: Found) -> str:
    """Each sentence of the paper on results, our figure, and what follows."""
    rows: list[list[str]] = []
    texts = {"rcap/black": "RCAP", "rcap_s/black": "rank-only RCAP", "rcap_calibrated/black": "calibrated RCAP"}
    for key, text in texts.items():
        name, gap = closest(found, key)
        paper = "+.0568 (VarGrad)" if key == "rcap/black" else "not reported"
        rows.append([
            f"surpasses all seven other methods: {text}", paper, f"{with_error(gap, '+.3f')} ({NAMES[name]})",
            verdict(gap),
        ])  # fmt: skip
    for other, paper in (("vargrad", "1.149"), ("smoothgrad", "4.10"), ("absolute_grad", "1.4166")):
        for key in KEYS[:2]:
            gap, ratio = pair(found, "gag_0.85", other, key), mean(found, "gag_0.85", key) / mean(found, other, key)
            rows.append([
                f"GAG-85 above {NAMES[other]}: {texts[key]}, ratio", paper if key == KEYS[0] else "not reported",
                f"{ratio:.3f}; {with_error(gap, '+.3f')}", verdict(gap),
            ])  # fmt: skip
    for key in ("rcap", "rcap_s"):
        values = [mean(found, gag(p, "paper"), f"{key}/black") for p in PERCENTILES[1:]]
        paper = ".3086 → .4377, always up" if key == "rcap" else "not reported"
        up = [low < high for low, high in pairwise(values)]
        ours = f"{values[0]:.4f} → {values[-1]:.4f}, up in {sum(up)} of {len(up)} steps"
        rows.append(
            [f"a higher percentile is better, .15 to .85: {texts[f'{key}/black']}", paper, ours, decided(all(up))]
        )
    gap = pair(found, "gag_0.85", "absolute_grad", "iauc")
    rows.append(["the guide lowers insertion (IAUC)", ".6843 → .6815", with_error(gap, "+.3f"), verdict(flipped(gap))])
    name, gap = closest(found, "iauc")
    rows.append([
        "best insertion of the eight", "+.0002 (VarGrad)", f"{with_error(gap, '+.3f')} ({NAMES[name]})", verdict(gap),
    ])  # fmt: skip
    name, gap = closest(found, "dauc", -1)
    rows.append([
        "not the best deletion (Guided IG is)", "+.0352 (Guided IG)", f"{with_error(gap, '+.3f')} ({NAMES[name]})",
        verdict(gap),
    ])  # fmt: skip
    for name, paper in PAPER_PROCESSES.items():
        gap = pair(found, name, "smoothgrad", "rcap/black")
        ratio = mean(found, name, "rcap/black") / mean(found, "smoothgrad", "rcap/black")
        process = {"gag_0.85": "guided and absolute", "smoothgrad_guided": "guided", "absolute_grad": "absolute"}.get(
            name, name.removeprefix("absolute_")
        )
        rows.append([
            f"the process *{process}* raises RCAP of the unprocessed method", f"×{paper:.2f} (mean of five methods)",
            f"×{ratio:.2f}; {with_error(gap, '+.3f')} (SmoothGrad alone)", verdict(gap),
        ])  # fmt: skip
    gap = pair(found, "gag_0.85", "gradcam", "rcap/black")
    rows.append([
        "above Grad-CAM (run by the authors, left out of their table): RCAP", "+.0318", with_error(gap, "+.3f"),
        verdict(gap),
    ])  # fmt: skip
    gap = pair(found, "gag_0.85", "gradcam", "rcap_s/black")
    rows.append(["the same, rank only", "not reported", with_error(gap, "+.3f"), verdict(gap)])
    rows.append(["best Log-Cosh Dice and MAE", ".2678, .4748", "no masks", "not measured"])
    rows.append(["reversed maps score far below their originals", ".1067 → .0156", "not run", "not measured"])
    return markdown(["claim", "paper, ImageNet-S", "here", "verdict"], rows)


def must_table(found: Found) -> str:
    """What the specification says has to hold on these images."""
    ours = {name: of["rcap"] for name, of in found["spec"].items()}
    ranks = {name: of["rcap_s"] for name, of in found["spec"].items()}
    order = [ours[f"{name}/black"] for name in ("smoothgrad", "vargrad", "gag_0.85", "absolute_grad^8")]
    full, bare = ranks["gag_0.85/black"], ranks["absolute_grad/black"]
    blurred = [ranks[f"{name}_blurred/black"] - ranks[f"{name}/black"] for name in ("gag_0.85", "absolute_grad")]
    shares = {name: ours[f"{name}/black"] / ours["gag_0.85/black"] for name in ("gag_logits_x100", "gag_hard")}
    tile = figure(found, "sobel", "gridpg")
    noticed = figure(found, "gag_0.85", "spearman/all layers")
    rows = [
        ["random below .01", number(ours["random/black"], ".4f"), decided(ours["random/black"] < 0.01)],
        [
            "RCAP rises: SmoothGrad, VarGrad, GAG-85, AbsoluteGrad to the eighth", ", ".join(map(number, order)),
            decided(order == sorted(order)),
        ],
        ["rank only: GAG-85 < AbsoluteGrad", f"{full:.3f}, {bare:.3f}", decided(full < bare)],
        ["blur raises the rank term", ", ".join(number(one, "+.3f") for one in blurred), decided(min(blurred) > 0)],
        [
            "logits × 100: below half of GAG-85", number(shares["gag_logits_x100"]),
            decided(shares["gag_logits_x100"] < 0.5),
        ],
        ["hard guide: below .65 of GAG-85", number(shares["gag_hard"]), decided(shares["gag_hard"] < 0.65)],
        [
            "Sobel on the grids within .05 of chance", with_error(tile),
            "not measured" if tile is None else decided(abs(tile["mean"] - 0.25) <= 0.05),
        ],
        [
            "all layers random: GAG-85's correlation with its map below .6 (expected .40 ± .10)", with_error(noticed),
            "not measured" if noticed is None else decided(noticed["mean"] < 0.6),
        ],
    ]  # fmt: skip
    return markdown(["on these images", "here", "verdict"], rows)
