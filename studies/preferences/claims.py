"""Sentences of the papers on preference pairs, and of ours, each as a difference with a sign."""

from __future__ import annotations

from studies.preferences.compare import Sentence

VPO, RAZIN, REN, TAJWAR = "Wang et al. (VPO)", "Razin et al.", "Ren & Sutherland", "Tajwar et al."
SHIFT, SMAUG, OURS = "Yang et al. (DPO-Shift)", "Pal et al. (DPOP)", "ours"
GAIN = 0.03
"""Rise of sampled accuracy at which arms are compared."""


def _above(source: str, arm: str, others: dict[str, str]) -> list[Sentence]:
    return [Sentence(source, text, arm, other, "sampled", 1) for other, text in others.items()]


SENTENCES = (
    Sentence(VPO, "VPO above DPO, greedy accuracy", "VPO", "DPO", "greedy", 1),
    *_above(
        VPO,
        "VPO",
        {
            "DPO": "VPO above DPO, sampled accuracy",
            "IPO": "above IPO",
            "SimPO": "above SimPO",
            "RPO": "above RPO",
            "λ = .75": "above a fixed λ of .75",
            "λ = .5": "of .5",
            "λ = .25": "of .25",
            "λ = 0": "of 0",
        },
    ),
    Sentence(VPO, "a fixed λ of .5 above DPO", "λ = .5", "DPO", "sampled", 1),
    Sentence(VPO, "the chosen response rises under VPO", "VPO", "", "chosen", 1),
    Sentence(VPO, "it falls under DPO", "DPO", "", "chosen", -1),
    Sentence(VPO, "it ends higher under VPO than under DPO", "VPO", "DPO", "chosen", 1),
    Sentence(VPO, "the same at equal accuracy, +.03", "VPO", "DPO", "chosen", 1, GAIN),
    Sentence(VPO, "the gap between both ends smaller under VPO", "VPO", "DPO", "gap", -1),
    Sentence(
        VPO,
        "rejected responses with PVI > 0 fall more slowly than those with PVI < 0, under DPO",
        "DPO",
        "",
        "rejected_useful>rejected_harmful",
        1,
    ),
    Sentence(OURS, "what PVI knows of single pairs counts: VPO above its shuffle", "VPO", "VPO shuffled", "sampled", 1),
    Sentence(OURS, "VPO above its reverse", "VPO", "VPO reversed", "sampled", 1),
    Sentence(OURS, "chosen responses end higher under VPO than under its shuffle", "VPO", "VPO shuffled", "chosen", 1),
    Sentence(RAZIN, "spare similar pairs: VPO's λ by CHES above VPO", "VPO by CHES", "VPO", "sampled", 1),
    Sentence(RAZIN, "chosen responses end higher so", "VPO by CHES", "VPO", "chosen", 1),
    Sentence(SHIFT, "chosen responses end higher at λ = .5 than under DPO", "λ = .5", "DPO", "chosen", 1),
    Sentence(SMAUG, "chosen responses do not fall under DPOP", "DPOP", "", "chosen", 1),
    Sentence(REN, "the likeliest token gains along rejected responses under DPO", "DPO", "", "mass_rejected", 1),
    Sentence(REN, "by more than without the push, λ = 0", "DPO", "λ = 0", "mass_rejected", 1),
    Sentence(REN, "the greedy answer of before gains under DPO", "DPO", "", "initial", 1),
    Sentence(TAJWAR, "a negative gradient helps: DPO above SFT on chosen", "DPO", "SFT on chosen", "sampled", 1),
    Sentence(TAJWAR, "IPO above SFT on chosen", "IPO", "SFT on chosen", "sampled", 1),
    Sentence(TAJWAR, "the gap between both ends larger under DPO than under SFT", "DPO", "SFT on chosen", "gap", 1),
    Sentence(TAJWAR, "on-policy samples help: on-policy DPO above offline DPO", "DPO, on-policy", "DPO", "sampled", 1),
    Sentence(TAJWAR, "both together above SFT on chosen", "DPO, on-policy", "SFT on chosen", "sampled", 1),
    Sentence(TAJWAR, "chosen responses of many prompts fall under offline IPO", "IPO", "", "chosen", -1),
    *_above(
        OURS, "safe", {"VPO": "safe λ above VPO", "DPO": "above DPO", "λ = .5": "above a fixed λ of .5"}
    ),
    Sentence(OURS, "chosen responses end higher under safe λ than under DPO", "safe", "DPO", "chosen", 1),
    Sentence(OURS, "than under VPO", "safe", "VPO", "chosen", 1),
)  # fmt: skip
