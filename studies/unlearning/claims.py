"""The papers' sentences against the kept figures."""

from __future__ import annotations

from typing import Any

from studies.page import number

Found = dict[str, Any]
BASELINES = {"neg_grad": "NG", "random_label": "RL", "boundary_shrink": "BS", "boundary_expand": "BE"}
RESNET, VIT = "CIFAR-10, ResNet-20", "MNIST, ViT"
STEPS, SECONDS = ("cost(what=steps)", "steps"), ("cost(what=seconds)", "seconds")
REMOVALS = (("digits_class", "digits", STEPS), ("cifar_class", RESNET, SECONDS), ("vit_class", VIT, SECONDS))
RANDOM = (("digits_homogeneous", "digits"), ("cifar_homogeneous", RESNET), ("vit_homogeneous", VIT))
CLOSE = 0.02


def claims(found: dict[str, Found]) -> list[list[str]]:
    """Judge each sentence.

    Args:
        found: Kept figures of each case.

    Returns:
        Sentence, figures, verdict.
    """
    methods = {name: one["methods"] for name, one in found.items()}
    rows: list[list[str]] = []
    for case, where, cost in REMOVALS:
        if case in methods:
            one = methods[case]
            rows += [above(one, where), against_fine_tuning(one, where), cheap(one, *cost, where)]
    rows += [apart(methods[case], where) for case, where in RANDOM if case in methods]
    rows += of_the_vit_list(methods["vit_homogeneous"]) if "vit_homogeneous" in methods else []
    digits = methods["digits_class"]
    return [*rows, nearer(digits), gone(digits)]


def of(methods: Found, name: str) -> Found:
    """A method, whatever its options."""
    return next(one for key, one in methods.items() if key.partition("(")[0] == name)


def mean(one: Found, key: str) -> float:
    """Mean of a figure; infinite where there is none."""
    return one[key]["mean"] if key in one else float("inf")


def above(methods: Found, where: str) -> list[str]:
    """DUCK's AUS above the baselines that it is compared with."""
    own = mean(of(methods, "duck"), "aus")
    known = {key.partition("(")[0] for key in methods}
    rivals = {name: mean(of(methods, name), "aus") for name in BASELINES if name in known}
    below = [name for name, value in rivals.items() if value < own]
    here = f"{number(own, '.3f')} against " + ", ".join(
        f"{number(one, '.3f')} ({name})" for name, one in rivals.items()
    )
    verdict = "holds" if len(below) == len(rivals) else f"holds against {len(below)} of {len(rivals)}"
    return [f"DUCK, class removal, {where}: AUS above {', '.join(BASELINES[name] for name in rivals)}", here, verdict]


def against_fine_tuning(methods: Found, where: str) -> list[str]:
    """In the paper fine-tuning on what stays has the better AUS on CIFAR-100, and takes 29 times as long."""
    duck, tuned = of(methods, "duck"), of(methods, "fine_tune")
    here = (
        f"{number(mean(tuned, 'aus'), '.3f')} against {number(mean(duck, 'aus'), '.3f')}; the removed class is still "
        f"right in {number(mean(tuned, 'accuracy(on=test_removed)'), '.1%')}"
    )
    holds = mean(tuned, "aus") > mean(duck, "aus")
    return [
        f"DUCK, class removal, {where}: FT forgets as well, and takes longer",
        here,
        "holds" if holds else "does not hold",
    ]


def cheap(methods: Found, key: str, unit: str, where: str) -> list[str]:
    """DUCK's part of the cost of retraining."""
    share = mean(of(methods, "duck"), key) / mean(methods["retrain"], key)
    return [
        f"DUCK, class removal, {where}: takes a small part of the time of retraining",
        f"{number(share, '.1%')} of its {unit}",
        "holds" if share < 0.1 else "does not hold",
    ]


def apart(methods: Found, where: str) -> list[str]:
    """Whether AUS of homogeneous removal tells methods from doing nothing."""
    nothing = mean(methods["original"], "aus")
    inner = [mean(one, "aus") for name, one in methods.items() if not name.startswith(("original", "retrain"))]
    close = sum(abs(value - nothing) < CLOSE for value in inner)
    better = sum(value > nothing for value in inner)
    here = (
        f"doing nothing {number(nothing, '.3f')}, retraining {number(mean(methods['retrain'], 'aus'), '.3f')}; {close} "
        f"of {len(inner)} methods within {CLOSE} of doing nothing, {better} above it"
    )
    return [
        f"AUS of homogeneous removal tells methods apart, {where}",
        here,
        "hardly" if close > len(inner) / 2 else "yes",
    ]


def of_the_vit_list(methods: Found) -> list[list[str]]:
    """What Choi & Na report of the list that the ViT study follows, on a ViT."""

    def told(*names: str, key: str = "nomus", form: str = ".3f") -> str:
        return ", ".join(f"{name} {number(mean(methods[name], key), form)}" for name in names)

    names = [
        "fine_tune(epochs=5)",
        "cf_k(epochs=5)",
        "neg_grad",
        "advanced_neg_grad",
        "unsir(repair_epochs=0)",
        "unsir",
        "scrub",
    ]
    best = max(names, key=lambda name: mean(methods[name], "nomus"))
    attack = "logistic_loss_forget_vs_unseen"
    lost = [name for name in ("original", *names[:2]) if abs(mean(methods[name], attack) - 0.5) > 0.02]
    first, second = (mean(methods[name], "accuracy(on=test)") for name in ("unsir(repair_epochs=0)", "unsir"))
    utility = mean(methods["original"], "accuracy(on=test)") - mean(methods["neg_grad"], "accuracy(on=test)")
    higher = mean(methods["original"], "nomus") > mean(methods["retrain"], "nomus")
    return [
        [
            "the ViT list: SCRUB or advanced NegGrad has the best NoMUS",
            f"`{best}` {number(mean(methods[best], 'nomus'), '.3f')}; {told('scrub', 'advanced_neg_grad', 'original')}",
            "holds" if best in ("scrub", "advanced_neg_grad") else "does not hold",
        ],
        [
            "the ViT list: FT and CF-3 leave the attack what the original leaves it",
            told("original", *names[:2], "retrain", key=attack),
            "nothing to leave: the attack finds nothing on the original" if "original" not in lost else
            "holds" if len(lost) == 3 else "does not hold",
        ],
        [
            "the ViT list: NegGrad pays with test accuracy",
            told("original", "neg_grad", key="accuracy(on=test)"),
            "holds" if utility > 0.05 else "does not hold",
        ],
        [
            "the ViT list: UNSIR's second stage brings test accuracy back",
            f"{number(first, '.3f')}, then {number(second, '.3f')}",
            "holds" if second > first else "does not hold",
        ],
        [
            "the ViT list: a higher NoMUS is not nearer to retraining",
            told("original", "retrain"),
            "holds: the original is above" if higher else "not here",
        ],
    ]  # fmt: skip


def nearer(methods: Found) -> list[str]:
    """Methods that come nearer to retraining than DUCK."""
    own = mean(of(methods, "duck"), "average_gap")
    names = [name for name in methods if not name.startswith(("original", "retrain"))]
    found = [name for name in names if mean(methods[name], "average_gap") < own]
    here = ", ".join(f"`{name}` {number(mean(methods[name], 'average_gap'), '.4f')}" for name in found)
    return ["not in the papers: nearer to retraining than DUCK, digits", here or "none", f"DUCK {number(own, '.4f')}"]


def gone(methods: Found) -> list[str]:
    """Whether a removed class is gone, or hidden."""
    duck, retrain = (mean(of(methods, name), "relearning") for name in ("duck", "retrain"))
    here = f"relearned in {number(duck, '.1f')} steps, after retraining in {number(retrain, '.1f')}"
    return [
        "not in the papers: a removed class is gone after DUCK, digits",
        here,
        "no" if duck < retrain / 2 else "yes",
    ]
