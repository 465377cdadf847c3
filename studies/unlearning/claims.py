"""The papers' sentences against the kept figures."""

from __future__ import annotations

import math
from typing import Any

from scipy.stats import spearmanr
from studies.page import number

Found = dict[str, Any]
BASELINES = {"neg_grad": "NG", "random_label": "RL", "boundary_shrink": "BS", "boundary_expand": "BE"}
RESNET, VIT = "CIFAR-10, ResNet-20", "MNIST, ViT"
STEPS, SECONDS = ("cost(what=steps)", "steps"), ("cost(what=seconds)", "seconds")
REMOVALS = (("digits_class", "digits", STEPS), ("cifar_class", RESNET, SECONDS), ("vit_class", VIT, SECONDS))
RANDOM = (("digits_homogeneous", "digits"), ("cifar_homogeneous", RESNET), ("vit_homogeneous", VIT))
ATTACK = "logistic_loss_forget_vs_unseen"
CLOSE = 0.02
"""AUS nearer than this to that of doing nothing does not tell a method from it."""
CHANCE = 0.05
"""An attack this near to .5 is at chance."""
SMALL = 0.05
"""A small part of the time of retraining."""


def claims(found: dict[str, Found], speed: Found | None = None) -> list[list[str]]:
    """Judge each sentence.

    Args:
        found: Kept figures of each case.
        speed: Kept benchmark of DUCK against retraining on all of CIFAR-10.

    Returns:
        Sentence, figures, verdict.
    """
    methods = {name: one["methods"] for name, one in found.items()}
    rows: list[list[str]] = []
    for case, where, cost in REMOVALS:
        if case in methods:
            one, head = methods[case], f"DUCK, class removal, {where}"
            some = [above(one, head), against_fine_tuning(one, head), at_chance(one, head), cheap(one, *cost, head)]
            rows += once(some, one)
    rows += [] if speed is None else [timed(speed)]
    rows += [
        row for case, where in RANDOM if case in methods for row in once([apart(methods[case], where)], methods[case])
    ]
    rows += of_the_vit_list(methods["vit_homogeneous"]) if "vit_homogeneous" in methods else []
    rows.append(nearer(methods["digits_class"]))
    return rows + [
        row
        for case, where, _ in REMOVALS
        if case in methods
        for row in once([gone(methods[case], where)], methods[case])
    ]


def once(rows: list[list[str]], methods: Found) -> list[list[str]]:
    """Say of verdicts that they are of a single run."""
    single = methods["original"]["runs"] == 1
    return [[*row[:-1], f"{row[-1]}, in one run"] if single else row for row in rows]


def judged(higher: Found, lower: Found, key: str) -> str:
    """Whether a figure is above another: open where they are within two standard errors."""
    if beyond(higher, lower, key):
        return "holds"
    return "does not hold" if beyond(lower, higher, key) else "open: within two standard errors"


def of(methods: Found, name: str) -> Found:
    """A method, whatever its options."""
    return next(one for key, one in methods.items() if key.partition("(")[0] == name)


def mean(one: Found, key: str) -> float:
    """Mean of a figure; infinite where there is none."""
    return one[key]["mean"] if key in one else float("inf")


def beyond(one: Found, two: Found, key: str) -> bool:
    """Whether a figure is above another by more than two standard errors of their difference, where there are some."""
    errors = [(each[key]["deviation"] or 0.0) ** 2 / each["runs"] for each in (one, two)]
    return mean(one, key) - mean(two, key) > 2 * math.sqrt(sum(errors))


def above(methods: Found, head: str) -> list[str]:
    """DUCK's AUS above the baselines that it is compared with."""
    own = of(methods, "duck")
    known = {key.partition("(")[0] for key in methods}
    rivals = {name: of(methods, name) for name in BASELINES if name in known}
    below = [name for name, one in rivals.items() if beyond(own, one, "aus")]
    here = f"{number(mean(own, 'aus'), '.3f')} against " + ", ".join(
        f"{number(mean(one, 'aus'), '.3f')} ({name})" for name, one in rivals.items()
    )
    verdict = "holds" if len(below) == len(rivals) else f"holds against {len(below)} of {len(rivals)}"
    return [f"{head}: AUS above {', '.join(BASELINES[name] for name in rivals)}", here, verdict]


def against_fine_tuning(methods: Found, head: str) -> list[str]:
    """In the paper fine-tuning on what stays has the better AUS on CIFAR-100, and takes 29 times as long."""
    duck, tuned = of(methods, "duck"), of(methods, "fine_tune")
    here = (
        f"{number(mean(tuned, 'aus'), '.3f')} against {number(mean(duck, 'aus'), '.3f')}; the removed class is still "
        f"right in {number(mean(tuned, 'accuracy(on=test_removed)'), '.1%')}"
    )
    holds = mean(tuned, "aus") > mean(duck, "aus")
    return [f"{head}: FT forgets as well, and takes longer", here, "holds" if holds else "does not hold"]


def at_chance(methods: Found, head: str) -> list[str]:
    """In the paper an attack cannot tell what was forgotten from what was never seen."""
    names = {"DUCK": of(methods, "duck"), "original": methods["original"], "retrain": methods["retrain"]}
    here = ", ".join(f"{name} {number(mean(one, ATTACK), '.3f')}" for name, one in names.items())
    holds = abs(mean(names["DUCK"], ATTACK) - 0.5) <= CHANCE
    if holds and abs(mean(names["original"], ATTACK) - 0.5) <= CHANCE:
        return [f"{head}: the attack on losses is at chance", here, "holds, and it was before"]
    return [f"{head}: the attack on losses is at chance", here, "holds" if holds else "does not hold"]


def cheap(methods: Found, key: str, unit: str, head: str) -> list[str]:
    """DUCK's part of the cost of retraining."""
    share = mean(of(methods, "duck"), key) / mean(methods["retrain"], key)
    return [
        f"{head}: takes a small part of the time of retraining, a twentieth at most",
        f"{number(share, '.1%')} of its {unit}",
        "holds" if share <= SMALL else "does not hold",
    ]


def timed(speed: Found) -> list[str]:
    """The same from the benchmark, on all of CIFAR-10."""
    return [
        "DUCK, class removal, all of CIFAR-10, ResNet-20: the same, against 60 epochs of retraining",
        f"{number(speed['ratio'], '.1%')} of its seconds: as long as {number(speed['epochs_of_retraining'], '.1f')} "
        "epochs of it",
        "holds" if speed["ratio"] <= SMALL else "does not hold",
    ]


def apart(methods: Found, where: str) -> list[str]:
    """Whether AUS of homogeneous removal tells methods from doing nothing."""
    nothing = mean(methods["original"], "aus")
    rest = {name: one for name, one in methods.items() if not name.startswith("retrain")}
    inner = [mean(one, "aus") for name, one in rest.items() if name != "original"]
    close = sum(abs(value - nothing) < CLOSE for value in inner)
    ranks: Any = spearmanr([mean(one, "aus") for one in rest.values()], [-mean(one, "average_gap") for one in rest.values()])  # fmt: skip  # noqa: E501
    here = (
        f"doing nothing {number(nothing, '.3f')}, retraining {number(mean(methods['retrain'], 'aus'), '.3f')}; {close} "
        f"of {len(inner)} methods within {CLOSE} of doing nothing; rank correlation with nearness to retraining "
        f"{number(float(ranks.statistic), '.2f')}"
    )
    return [
        f"AUS of homogeneous removal barely tells methods from doing nothing, {where}",
        here,
        "holds" if close > len(inner) / 2 else "does not hold",
    ]


def of_the_vit_list(methods: Found) -> list[list[str]]:
    """What Choi & Na report of the list that the ViT study follows, on a ViT."""

    def told(*names: str, key: str = "nomus", form: str = ".3f") -> str:
        return ", ".join(f"`{name}` {number(mean(methods[name], key), form)}" for name in names)

    names = [
        "fine_tune(epochs=5)",
        "cf_k(epochs=5)",
        "neg_grad",
        "advanced_neg_grad",
        "unsir(repair_epochs=0)",
        "unsir",
        "scrub",
    ]
    said = max(("scrub", "advanced_neg_grad"), key=lambda name: mean(methods[name], "nomus"))
    best = max(names, key=lambda name: mean(methods[name], "nomus"))
    rival = max((name for name in names if name != said), key=lambda name: mean(methods[name], "nomus"))
    near = min(names, key=lambda name: mean(methods[name], "average_gap"))
    chance = {ATTACK: {"mean": 0.5, "deviation": 0.0}, "runs": 1}
    original = methods["original"]
    alike = not any(beyond(original, methods[name], ATTACK) for name in names[:2])
    first, second = (mean(methods[name], "accuracy(on=test)") for name in ("unsir(repair_epochs=0)", "unsir"))
    return [
        [
            "the ViT list: SCRUB or advanced NegGrad has the best NoMUS",
            f"`{best}` {number(mean(methods[best], 'nomus'), '.3f')}; {told('scrub', 'advanced_neg_grad', 'original')}",
            judged(methods[said], methods[rival], "nomus"),
        ],
        [
            "the ViT list: FT and CF-3 leave the attack what the original leaves it",
            told("original", *names[:2], "retrain", key=ATTACK),
            "open: on the original too it is within two standard errors of chance"
            if not beyond(original, chance, ATTACK) else "holds" if alike else "does not hold",
        ],
        [
            "the ViT list: NegGrad pays with test accuracy",
            told("original", "neg_grad", key="accuracy(on=test)"),
            judged(original, methods["neg_grad"], "accuracy(on=test)"),
        ],
        [
            "the ViT list: UNSIR's second stage brings test accuracy back",
            f"{number(first, '.3f')}, then {number(second, '.3f')}",
            judged(methods["unsir"], methods["unsir(repair_epochs=0)"], "accuracy(on=test)"),
        ],
        [
            "the ViT list: retraining has a lower NoMUS than doing nothing",
            told("original", "retrain"),
            judged(original, methods["retrain"], "nomus"),
        ],
        [
            "not in the papers: the best NoMUS of the ViT list is not the nearest to retraining",
            f"best NoMUS: {told(best)}; nearest: {told(near)}; their gaps "
            f"{number(mean(methods[best], 'average_gap'), '.3f')} and "
            f"{number(mean(methods[near], 'average_gap'), '.3f')}",
            "does not hold" if best == near else judged(methods[best], methods[near], "average_gap"),
        ],
    ]  # fmt: skip


def nearer(methods: Found) -> list[str]:
    """Methods that come nearer to retraining than DUCK."""
    duck, again = of(methods, "duck"), methods.get("retrain again")
    names = [name for name in methods if not name.startswith(("original", "retrain"))]
    found = [name for name in names if beyond(duck, methods[name], "average_gap")]
    here = ", ".join(f"`{name}` {number(mean(methods[name], 'average_gap'), '.4f')}" for name in found) or "none"
    here += f"; DUCK {number(mean(duck, 'average_gap'), '.4f')}"
    here += "" if again is None else f", a second retraining {number(mean(again, 'average_gap'), '.4f')}"
    return [
        "not in the papers: no method comes nearer to retraining than DUCK, digits",
        here,
        "does not hold" if found else "holds",
    ]


def gone(methods: Found, where: str) -> list[str]:
    """Whether a removed class is gone, or hidden."""
    key = next(key for key in methods["retrain"] if key.startswith("relearning"))
    duck, retrain = (mean(of(methods, name), key) for name in ("duck", "retrain"))
    here = f"relearned in {number(duck, '.1f')} steps, after retraining in {number(retrain, '.1f')}"
    return [
        f"not in the papers: a removed class is gone after DUCK, {where}",
        here,
        "does not hold" if duck < retrain / 2 else "holds",
    ]
