"""The study's tables."""

from __future__ import annotations

from studies.attribution.cells import KEYS, Found, figure, gag, headed, headline, named, number, pair, with_error
from studies.attribution.facts import (
    BASES,
    EVERYWHERE,
    NAMES,
    PAPER_BY_PERCENTILE,
    PERCENTILES,
    SPEC_IMAGES,
    SPECIFIED,
    TOLERANCE,
)
from studies.page import markdown

SPEC_NAMES = {"gag_0.5": "GAG-50"}


def setting(found: Found) -> str:
    """What was run."""
    where = found["environment"]
    return (
        f"{found['images']} pictures, {found['grids']} grids, {found['randomised']} pictures with randomised models; "
        f"{found['model']}; n = {found['samples']}, β = {found['noise_level']}, seed {found['seed']}; "
        f"torch {where['torch']}, {where['processor']}, {where['threads']} thread{'s' * (where['threads'] != 1)}."
    )


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
