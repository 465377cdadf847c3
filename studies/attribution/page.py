"""Write tables, verdicts and picture of the page "Attribution, judged": `python docs/attribution_study.py`.

Every number and every verdict comes from `benchmarks/results/attribution_study.json`; the constants below are what the
paper, its authors' result tables and our specification say.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "attribution-study.md"
PAPERS = ROOT / "docs" / "papers.md"
PICTURE = ROOT / "docs" / "assets" / "attribution-study.png"
RESULT = ROOT / "benchmarks" / "results" / "attribution_study.json"
NAMES = {
    "gag_0.85": "GAG-85",
    "gag_relative": "GAG-85, relative guide",
    "absolute_grad": "AbsoluteGrad (GAG-0)",
    "vargrad": "VarGrad",
    "smoothgrad": "SmoothGrad",
    "saliency": "vanilla gradient",
    "guided_backprop": "Guided Backprop",
    "integrated_gradients": "integrated gradients",
    "guided_ig": "Guided IG",
    "blur_ig": "Blur IG",
    "gradcam": "Grad-CAM",
    "gag_0.85_blurred": "GAG-85, blurred 4 px",
    "absolute_grad_blurred": "AbsoluteGrad, blurred 4 px",
    "gag_hard": "GAG-85, hard guide",
    "gag_logits_x100": "GAG-85, logits × 100",
    "smoothgrad_guided": "SmoothGrad, guided",
    "absolute_positive": "positive gradients",
    "absolute_negative": "negative gradients",
    "sobel": "Sobel edges",
    "centre": "centre Gaussian",
    "random": "random",
}
CONTROLS = ("sobel", "centre", "random")
EVERYWHERE = (*list(NAMES)[:11], *CONTROLS)
COMPETITORS = (
    "vargrad",
    "smoothgrad",
    "saliency",
    "guided_backprop",
    "integrated_gradients",
    "guided_ig",
    "blur_ig",
)
BASES = ("black", "grey", "mean")
PERCENTILES = (0.0, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85)
HEADLINE = {"rcap_s": "rank only", "rcap_calibrated": "calibrated"}
COLOURS = ("#0072b2", "#e69f00", "#009e73")
# What the authors' tables have for ImageNet-S, ResNet-50: RCAP by percentile, ratios, and gradient processes.
PAPER_BY_PERCENTILE = (0.3090, 0.3086, 0.3223, 0.3379, 0.3577, 0.3815, 0.4042, 0.4225, 0.4377)
PAPER_PROCESSES = {"absolute_positive": 1.71, "absolute_negative": 1.34, "absolute_grad": 2.00}
PAPER_PROCESSES |= {"smoothgrad_guided": 2.62, "gag_0.85": 2.86}
# Section 8.4 of the specification: RCAP, concentration, rank only, calibrated, calibrated minus Sobel.
SPECIFIED = {
    "random/black": (0.0032, 0.4899, 0.0051, 0.0032, -0.1406),
    "saliency/black": (0.0357, 0.6014, 0.0445, 0.0299, -0.1139),
    "smoothgrad/black": (0.0952, 0.5785, 0.1297, 0.0846, -0.0592),
    "smoothgrad^4/black": (0.1293, 0.9752, 0.1297, 0.0846, -0.0592),
    "vargrad/black": (0.2477, 0.6811, 0.3023, 0.1880, 0.0442),
    "vargrad^4/black": (0.3022, 0.9961, 0.3023, 0.1880, 0.0442),
    "absolute_grad/black": (0.2207, 0.5096, 0.3455, 0.2113, 0.0675),
    "absolute_grad^2/black": (0.2839, 0.6894, 0.3455, 0.2113, 0.0675),
    "absolute_grad^4/black": (0.3335, 0.8921, 0.3455, 0.2113, 0.0675),
    "absolute_grad^8/black": (0.3452, 0.9914, 0.3455, 0.2113, 0.0675),
    "gag_0.5/black": (0.2724, 0.6678, 0.3330, 0.2028, 0.0590),
    "gag_0.85/black": (0.2955, 0.9232, 0.2980, 0.1856, 0.0418),
    "gag_0.85^4/black": (0.2978, 0.9931, 0.2980, 0.1856, 0.0418),
    "gag_0.85/grey": (0.4463, 0.9232, 0.4549, 0.2670, 0.0767),
    "gag_0.85/mean": (0.4550, 0.9232, 0.4637, 0.2718, 0.0662),
    "gag_relative/black": (0.2792, 0.6951, 0.3303, 0.2034, 0.0596),
    "gag_hard/black": (0.1445, 0.9238, 0.1468, 0.0835, -0.0604),
    "gag_logits_x100/black": (0.0949, 0.6570, 0.1131, 0.0767, -0.0671),
    "absolute_grad_blurred/black": (0.2739, 0.5348, 0.4239, 0.2480, 0.1042),
    "gag_0.85_blurred/black": (0.3778, 0.8331, 0.4063, 0.2370, 0.0932),
    "gradcam/black": (0.2858, 0.4996, 0.4533, 0.2721, 0.1283),
    "gradcam^4/black": (0.4052, 0.7674, 0.4533, 0.2721, 0.1283),
    "sobel/black": (0.1996, 0.6806, 0.2685, 0.1438, 0.0),
    "sobel^4/black": (0.2667, 0.9857, 0.2685, 0.1438, 0.0),
    "sobel/grey": (0.2526, 0.6806, 0.3282, 0.1903, 0.0),
    "sobel/mean": (0.2779, 0.6806, 0.3586, 0.2055, 0.0),
    "centre/black": (0.1902, 0.7375, 0.2200, 0.1389, -0.0049),
    "centre^4/black": (0.2193, 0.9719, 0.2200, 0.1389, -0.0049),
}
TOLERANCE = {"black": 0.01, "grey": 0.01, "mean": 0.01}
SPEC_IMAGES = 90
Found = dict[str, Any]


def main() -> None:
    """Write what is between the markers of both pages, and the picture."""
    found = json.loads(RESULT.read_text())
    PAGE.write_text(filled(PAGE.read_text(), found))
    PAPERS.write_text(filled(PAPERS.read_text(), found, ("summary", "claims", "randomised")))
    photograph(picture(found))


def filled(text: str, found: Found, names: Iterable[str] | None = None) -> str:
    """Put tables, all of them unless some are named, between their markers."""
    made: dict[str, Callable[[Found], str]] = {
        "setting": setting,
        "summary": summary,
        "claims": claims_table,
        "maps": maps_table,
        "bases": bases_table,
        "others": others_table,
        "sweep": sweep_table,
        "powers": powers_table,
        "pairs": pairs_table,
        "randomised": randomised_table,
        "must": must_table,
        "spec": spec_table,
    }
    for name in made if names is None else names:
        marked, body = rf"(<!-- table: {name} -->\n).*?(<!-- /table -->)", made[name](found)
        text, count = re.subn(marked, lambda match, body=body: f"{match[1]}{body}\n{match[2]}", text, flags=re.DOTALL)
        assert count == 1, name
    return text


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


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def verdict(gap: Found | None) -> str:
    """Whether a difference is above zero by more than two standard errors."""
    if gap is None:
        return "not measured"
    if gap["error"] is None or gap["error"] != gap["error"] or abs(gap["mean"]) <= 2 * gap["error"]:
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


def setting(found: Found) -> str:
    """What was run."""
    where = found["environment"]
    return (
        f"{found['images']} pictures, {found['grids']} grids, {found['randomised']} pictures with randomised models; "
        f"{found['model']}; n = {found['samples']}, β = {found['noise_level']}, seed {found['seed']}; "
        f"torch {where['torch']}, {where['processor']}, {where['threads']} thread{'s' * (where['threads'] != 1)}."
    )


def summary(found: Found) -> str:
    """The headline in sentences, from the numbers."""
    methods = [name for name in EVERYWHERE if name not in CONTROLS]
    lines: list[str] = []
    for key, text in HEADLINE.items():
        gaps = {name: found["maps"][name][f"{key}/black"]["above_best_control"] for name in methods}
        above = [NAMES[name] for name in methods if verdict(gaps[name]) == "**holds**"]
        below = [NAMES[name] for name in methods if verdict(gaps[name]) == "**does not hold**"]
        control = NAMES[gaps["gag_0.85"]["against"]]
        lines.append(
            f"- **RCAP, {text}, against the best control ({control})**: above it by more than two standard errors: "
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


KEYS = ("rcap/black", "rcap_s/black", "rcap_calibrated/black")


def claims_table(found: Found) -> str:
    """Each sentence of the paper on results, our figure, and what follows."""
    rows: list[list[str]] = []
    texts = {"rcap/black": "RCAP", "rcap_s/black": "RCAP, rank only", "rcap_calibrated/black": "RCAP, calibrated"}
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


def gag(p: float, guide: str) -> str:
    """Name of a map of the sweep."""
    if not p:
        return "absolute_grad"
    if guide == "paper":
        return f"gag_{p:g}"
    return "gag_relative" if p == PERCENTILES[-1] else f"gag_relative_{p:g}"


def maps_table(found: Found) -> str:
    """RCAP, its terms, and what sharpening cannot raise, on black."""
    keys = ("rcap", "rcap_h", "rcap_s", "rcap_calibrated")
    rows = [
        [NAMES[name], *headline(found, name), *(with_error(figure(found, name, f"{key}/black")) for key in keys)]
        for name in NAMES
    ]
    return markdown(["map", *headed(found), "RCAP", "concentration h", "rank only s", "calibrated"], rows)


def bases_table(found: Found) -> str:
    """The headline on each base, and RCAP."""
    head = ["map", *(f"{base}: {text}" for base in BASES for text in headed(found, base))]
    rows = [[NAMES[name], *(cell for base in BASES for cell in headline(found, name, base))] for name in EVERYWHERE]
    plain = [
        [
            NAMES[name],
            *(with_error(figure(found, name, f"{key}/{base}")) for base in BASES for key in ("rcap", "rcap_s")),
        ]
        for name in EVERYWHERE
    ]
    names = [f"{base}: {text}" for base in BASES for text in ("RCAP", "rank only")]
    return markdown(head, rows) + "\n\n" + markdown(["map", *names], plain)


def others_table(found: Found) -> str:
    """Deletion, insertion and the grid pointing game."""
    keys = ("dauc", "iauc", "gridpg", "gridpg_calibrated")
    rows = [
        [NAMES[name], *headline(found, name), *(with_error(figure(found, name, key)) for key in keys)]
        for name in EVERYWHERE
    ]
    head = ["map", *headed(found), "DAUC ↓", "IAUC ↑", "GridPG ↑", "GridPG, calibrated ↑"]
    sharp = figure(found, "absolute_grad^8", "gridpg")
    note = (
        ""
        if sharp is None
        else f"\n\nAbsoluteGrad to the eighth power: GridPG {with_error(sharp)}, calibrated as above."
    )
    return markdown(head, rows) + note


def sweep_table(found: Found) -> str:
    """Both guides at every percentile, and the paper's RCAP."""
    rows: list[list[str]] = []
    for p, paper in zip(PERCENTILES, PAPER_BY_PERCENTILE, strict=True):
        for guide in ("paper", "relative") if p else ("none",):
            name = gag(p, guide)
            cells = [with_error(figure(found, name, f"{key}/black")) for key in ("rcap", "rcap_h", "rcap_s")]
            theirs = number(paper, ".4f") if guide != "relative" else ""
            rows.append([f"{p:g}", guide, *headline(found, name), *cells, theirs])
    head = ["percentile", "guide", *headed(found), "RCAP", "concentration h", "rank only s", "RCAP, paper"]
    return markdown(head, rows)


def powers_table(found: Found) -> str:
    """The same ranking, sharper."""
    plain = ("absolute_grad", "gag_0.85", "smoothgrad", "vargrad", "gradcam", "sobel", "centre")
    rows = []
    for name in plain:
        powers = [figure(found, name if not k else f"{name}^{k}", "rcap/black") for k in (0, 2, 4, 8)]
        rows.append([
            NAMES[name], *headline(found, name), *(with_error(one) for one in powers),
            with_error(figure(found, name, "rcap_s/black")),
        ])  # fmt: skip
    head = ["map", *headed(found), "RCAP", "power 2", "power 4", "power 8", "their bound: rank only"]
    return markdown(head, rows)


def pairs_table(found: Found) -> str:
    """Differences on the same pictures."""
    rows = []
    for text in dict.fromkeys(key.rpartition(", ")[0] for key in found["pairs"]):
        ours, _, theirs = text.partition(" - ")
        gaps = {key: pair(found, ours, theirs, key) for key in (*KEYS[1:], KEYS[0])}
        won = f"{gaps['rcap_s/black']['won']:.0%} / {gaps['rcap/black']['won']:.0%}"
        rows.append([f"{named(ours)} − {named(theirs)}", *(with_error(gap, "+.3f") for gap in gaps.values()), won])
    return markdown(["pair", "rank only", "calibrated", "RCAP", "won, rank only / RCAP"], rows)


def randomised_table(found: Found) -> str:
    """Rank correlation with the original map."""
    what = {
        "noise": "other noise",
        "class": "another class",
        "classifier layer": "classifier layer random",
        "all layers": "all layers random",
        "sobel": "with the picture's edges",
    }
    names = ("saliency", "smoothgrad", "vargrad", "absolute_grad", "gag_0.85", "gag_relative")
    rows = [
        [NAMES[name], *headline(found, name), *(with_error(figure(found, name, f"spearman/{key}")) for key in what)]
        for name in names
    ]
    return markdown(["map", *headed(found), *what.values()], rows)


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


def spec_table(found: Found) -> str:
    """Section 8.4 of the specification against the same images here."""
    rows: list[list[str]] = []
    inside = compared = 0
    for key, there in SPECIFIED.items():
        name, _, base = key.partition("/")
        here = found["spec"].get(key)
        if here is None:
            continue
        values = [here[one] for one in ("rcap", "rcap_h", "rcap_s", "rcap_calibrated", "above_sobel")]
        gaps = [abs(a - b) for a, b in zip(values, there, strict=True)]
        fits = max(gaps) <= TOLERANCE[base] + 5e-5  # The table there is rounded to four places.
        compared, inside = compared + 1, inside + fits
        cells = [f"{number(a, '.4f')} / {number(b, '.4f')}" for a, b in zip(there, values, strict=True)]
        label = SPEC_NAMES.get(name) or named(name)
        rows.append(
            [
                label + ("" if base == "black" else f", on {base}"),
                *cells,
                number(max(gaps), ".4f"),
                "yes" if fits else "**no**",
            ]
        )
    head = ["map", "RCAP", "h", "rank only", "calibrated", "calibrated − Sobel", "largest gap", "within ± .01"]
    told = f"{inside} of {compared} rows lie within ± .01 of the specification's, "
    told += f"on {found['spec_images']} images (there {SPEC_IMAGES})."
    return markdown(head, rows) + f"\n\n{told}"


SPEC_NAMES = {"gag_0.5": "GAG-50"}


def picture(found: Found) -> go.Figure:
    """Maps above the best control at the left; at the right the percentile, by both guides."""
    sheet = make_subplots(1, 2, column_widths=[0.56, 0.44], horizontal_spacing=0.09)
    names = [name for name in NAMES if name not in CONTROLS]
    for (key, text), colour in zip(HEADLINE.items(), COLOURS, strict=False):
        gaps = [found["maps"][name][f"{key}/black"]["above_best_control"] for name in names]
        error = {"type": "data", "array": [gap["error"] for gap in gaps], "thickness": 1.5, "width": 3}
        sheet.add_scatter(
            x=[gap["mean"] for gap in gaps], y=[NAMES[name] for name in names], error_x=error, mode="markers",
            name=f"RCAP, {text}, minus {NAMES[gaps[0]['against']]}", marker={"color": colour, "size": 8}, row=1, col=1,
        )  # fmt: skip
    sheet.add_vline(x=0, line={"color": "#1a2028", "width": 1}, row=1, col=1)  # pyright: ignore[reportArgumentType]
    lines = {
        "rcap": ("RCAP", COLOURS[2]),
        "rcap_s": ("rank only", COLOURS[0]),
        "rcap_calibrated": ("calibrated", COLOURS[1]),
    }
    for guide, dash in (("paper", "solid"), ("relative", "dot")):
        for key, (text, colour) in lines.items():
            known = [p for p in PERCENTILES if gag(p, guide) in found["maps"]]
            of = [found["maps"][gag(p, guide)][f"{key}/black"] for p in known]
            error = {"type": "data", "array": [one["error"] for one in of], "thickness": 1, "width": 2}
            sheet.add_scatter(
                x=known, y=[one["mean"] for one in of], error_y=error, mode="lines+markers",
                name=f"{text}, {guide} guide", line={"color": colour, "dash": dash}, marker={"size": 6}, row=1, col=2,
            )  # fmt: skip
    sheet.update_yaxes(autorange="reversed", row=1, col=1)
    sheet.update_xaxes(title_text="above the best control, same pictures; bars: one standard error", row=1, col=1)
    sheet.update_xaxes(title_text="percentile of the guide (0: none)", row=1, col=2)
    sheet.update_yaxes(rangemode="tozero", row=1, col=2)
    sheet.update_layout(
        width=1120,
        height=600,
        font={"family": "Helvetica, Arial, sans-serif", "size": 13, "color": "#1a2028"},
        template="plotly_white",
        margin={"l": 190, "r": 16, "t": 96, "b": 56},
        legend={"orientation": "h", "x": -0.18, "y": 1.2},
    )
    return sheet


def photograph(sheet: go.Figure) -> None:
    """Draw a figure in a browser and keep the picture."""
    with sync_playwright() as playwright:
        browser_path = os.environ.get("ANTIGRAD_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1140, "height": 640}, device_scale_factor=1.5)
        page.set_content(sheet.to_html(include_plotlyjs=True, config={"staticPlot": True}))
        page.wait_for_selector(".scatterlayer")
        page.locator(".plotly-graph-div").screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
