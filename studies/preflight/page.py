"""The preflights of the demo: tables in the index of papers and the README, and the README's picture."""

from __future__ import annotations

import json
from pathlib import Path

from studies.page import ASSETS, PAPERS, ROOT, browser, fill, markdown
from studies.preflight.study import KEPT, KEPT_TINY, TINY

SEEDS = Path(__file__).parents[1] / "displacement" / "results" / "displacement_tiny.json"
"""The study of the tiny policy over seeds."""
ARMS = (
    "none",
    "positives_only",
    "nthr(eta=0)",
    "nthr(eta=0,anchor=others)",
    "random(eta=0,anchor=others)",
    "w_reinforce",
)
STEPS = ("1e-06", "1e-05")


def main() -> None:
    """Write what came out; photograph the head of the tiny policy's report if its run is there."""
    found, tiny = json.loads(KEPT.read_text()), json.loads(KEPT_TINY.read_text())
    fill(PAPERS, {"default-run": table(found)})
    fill(ROOT / "README.md", {"demo": came_out(found, tiny)})
    report = TINY / "report.html"
    if report.exists():
        with browser(1120, 900) as page:
            page.goto(report.resolve().as_uri())
            page.wait_for_selector(".plotly .trace")
            # The verdict and the first chart fill a screen; navigation and cards would push the commands below it.
            page.add_style_tag(content=".bar, section.cards { display: none } header.inner { padding-top: 20px }")
            chart = page.locator("section.chart").first.bounding_box()
            assert chart is not None
            height = chart["y"] + chart["height"] + 24
            clip = {"x": 0, "y": 0, "width": 1120, "height": height}
            page.screenshot(path=ASSETS / "preflight.png", full_page=True, clip=clip)  # type: ignore[arg-type]


def came_out(found: dict[str, float], tiny: dict[str, float]) -> str:
    """What `make demo` finds, for the first screen of the README.

    Args:
        found: Summary of SmolLM2's preflight.
        tiny: Summary of the tiny policy's.

    Returns:
        A table: model, questions, and the share of distinct correct answers that lose likelihood by rule.
    """
    head = [
        "at step size 1e-5",
        "mixed questions",
        "displaced by GRPO",
        "W-REINFORCE",
        "positives only",
        "mean Δ, GRPO",
    ]
    rows = [
        [
            name,
            f"{one['mixed']} of {one['questions']}",
            *(f"{one[f'lld_response_share/{arm}@1e-05']:.0%}" for arm in ("none", "w_reinforce", "positives_only")),
            f"{one['delta_correct/none@1e-05']:+.3f} ± {one['delta_correct_se/none@1e-05']:.3f} nats".replace("-", "−"),
        ]
        for name, one in (("SmolLM2-135M, one-digit products", found), ("tiny policy, worked sums", tiny))
    ]
    seeds = json.loads(SEEDS.read_text())
    means = [seeds["figures"][f"lld_response_share/{arm}@1e-05"] for arm in ("none", "w_reinforce", "positives_only")]
    shares = [f"{one['mean']:.0%} ± {one['se_over_seeds']:.0%}" for one in means]
    change = seeds["figures"]["delta_correct/none@1e-05"]
    gain = f"{change['mean']:+.3f} ± {change['se_over_seeds']:.3f} nats"
    asked = f"{seeds['figures']['mixed']} of {seeds['seeds'] * seeds['questions']}"
    rows.append([f"the same, {seeds['seeds']} seeds (± se over seeds)", asked, *shares, gain])
    return markdown(head, rows)


def table(found: dict[str, float]) -> str:
    """The figures of the summary that the claims are about."""

    def pair(key: str, form: str) -> list[str]:
        return [format(found[f"{key}@{step}"], form).replace("-", "−") for step in STEPS]

    def arm(name: str) -> list[str]:
        figures = [
            f"{found[f'delta_correct/{name}@{s}']:+.3f} ± {found[f'delta_correct_se/{name}@{s}']:.3f}" for s in STEPS
        ]
        return [f"$\\Delta$ correct, `{name}` (± se over questions)", f"`delta_correct/{name}@STEP`", *figures]

    selected = " / ".join(f"{found[f'selected_share/{anchor}']:.1%}" for anchor in ("inclusive", "others"))
    overlap, chance = pair("gwhes_overlap", ".0%"), pair("gwhes_by_chance", ".0%")
    ranks = zip(pair("gwhes_rank_correlation", "+.2f"), pair("gwhes_rank_correlation_responses", "+.2f"), strict=True)
    rows = [
        [f"mixed groups of {found['questions']}", "`mixed`", *[str(found["mixed"])] * 2],
        ["mean reward", "`mean_reward`", f"{found['mean_reward']:.3f}", "the same"],
        [
            "wrong tokens selected, inclusive / others",
            "`selected_share/inclusive`, `selected_share/others`",
            selected,
            "the same",
        ],
        ["questions displaced under `none`", "`lld_share/none@STEP`", *pair("lld_share/none", ".0%")],
        [
            "distinct correct answers displaced under `none`",
            "`lld_response_share/none@STEP`",
            *pair("lld_response_share/none", ".0%"),
        ],
        *(arm(name) for name in ARMS),
        ["$\\Delta$ wrong, `none`", "`delta_wrong/none@STEP`", *pair("delta_wrong/none", "+.3f")],
        [
            "GWHES overlap, top 3 of 8 (by chance)",
            "`gwhes_overlap@STEP`, `gwhes_by_chance@STEP`",
            *(f"{a} ({b})" for a, b in zip(overlap, chance, strict=True)),
        ],
        [
            "rank correlation, questions / distinct answers",
            "`gwhes_rank_correlation@STEP`, `gwhes_rank_correlation_responses@STEP`",
            *(" / ".join(each) for each in ranks),
        ],
    ]
    return markdown(["figure", "key of the summary", "step 1e-6", "step 1e-5"], rows)
