"""One step of forward and of reverse KL: the exact condition, and the four-token figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.page import Section
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars, lines
from antigrad.lab.study import Result, counted, settle
from antigrad.objectives.divergence import forward_kl_direction, kl, reverse_kl_direction


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `kl_directions.yaml`.

    Returns:
        What was found.

    Raises:
        InputValueError: Laws that do not fit each other, or too few cases.
    """
    sizes = {len(settings[key]) for key in ("start", "target", "bars_forward", "bars_reverse")}
    laws = [settings["start"], settings["target"]]
    odd = any(min(law) <= 0 or abs(sum(law) - 1) > 1e-6 for law in laws)
    if len(sizes) > 1 or sizes.pop() < 3 or settings["cases"] < 5 or odd:
        given = f"start {settings['start']}, target {settings['target']}, cases {settings['cases']}"
        expected = "laws above 0 that sum to 1 and bars over as many tokens, three or more; five cases"
        raise InputValueError(given, expected, "see kl_directions.yaml")
    tried, broken, faster = conditions(settings["cases"], settings["seed"])
    numbers: dict[str, float | int | None] = {f"tried/{place}": n for place, n in enumerate(tried, 1)}
    numbers |= {f"violations/{place}": n for place, n in enumerate(broken, 1)} | {"reverse_faster_share": faster}
    fit = joint_fits(settings)
    numbers |= {f"fit/{name}": error for name, (error, _, _) in fit.items()}
    exact = "exactly" if sum(broken) == 0 else "in most cases"
    says = (
        f"With p₁ = p₂ = m reverse KL moves log p₁/p₂ faster {exact} if m exceeds the logarithmic mean of the two "
        f"targets, which held in {faster:.0%} of {tried[0]} random cases: a rare target is reached more slowly. The "
        f"four conditions had {sum(broken)} violations in {sum(tried)} trials. The figure's two sets of bars are "
        f"fitted jointly by gradient descent to {fit['swapped'][0]:.3f} with their labels swapped (η = "
        f"{fit['swapped'][1]:.2f}, {counted(fit['swapped'][2], 'step')}) and to {fit['as labelled'][0]:.3f} as "
        "labelled."
    )
    unit = settings["bar_unit"]
    shown = {
        "figure, bars labelled forward": [value / unit for value in settings["bars_forward"]],
        "figure, bars labelled reverse": [value / unit for value in settings["bars_reverse"]],
    }
    _, eta, steps = fit["swapped"]
    for name, path in (
        ("computed forward", _path(settings, eta, forward=True)),
        ("computed reverse", _path(settings, eta, forward=False)),
    ):
        shown[name] = path[steps - 1].tolist()
    groups = {name: {f"token {place + 1}": [value] for place, value in enumerate(row)} for name, row in shown.items()}
    m = torch.linspace(0.02, 0.45, 60, dtype=torch.float64)
    gaps = one_step_gap(m, torch.tensor([0.3, 0.1], dtype=torch.float64))
    mean = 0.2 / torch.log(torch.tensor(3.0)).item()
    sections: list[Section] = [
        bars(
            "The four-token figure", groups, "probability", f"Mean-field, η = {eta:.2f}, {steps} steps: the joint fit."
        ),
        lines(
            "Which is faster depends on how rare the two actions are",
            {"reverse − forward": (m.tolist(), gaps)},
            "probability m of both actions",
            "change of log p₁/p₂ per unit step",
            f"Mean-field, one step. Targets 0.3 and 0.1, the rest on a third action; their logarithmic mean is "
            f"{mean:.3f}.",
        ),
        lines(
            "At equal mass on the target's mode",
            _phases(settings, eta),
            "probability of token 3, the mode of the target",
            "log p₁/p₂",
            f"Mean-field, η = {eta:.2f}, {settings['steps']} steps from the figure's start. Equal accuracy is read "
            "along a vertical: the same mass on the mode, whatever the number of steps.",
        ),
    ]
    return settle(covered(settings, eta, steps), says, numbers, sections)


def covered(settings: Mapping[str, Any], eta: float, steps: int) -> list[Comparison]:
    """What the sentence covers: most random cases of each kind, and the figure's own path.

    Args:
        settings: Cases, start and target.
        eta: Step size of the joint fit.
        steps: Its number of steps.

    Returns:
        The comparisons. One random case that goes the other way settles nothing: a drawn one is the share of cases in
        which reverse KL is faster, less one half.
    """
    found: list[Comparison] = []
    for kind, wins in reverse_wins(settings["cases"], settings["seed"]).items():
        gaps = [float(win) - 0.5 for win in wins.tolist()]
        found.append(Comparison(f"reverse KL faster in most cases, {kind}", "steps", "one step", gaps, "mean-field",
                                exact=False))  # fmt: skip
    start = torch.tensor(settings["start"], dtype=torch.float64)[None]
    paths = [torch.cat([start, _path(settings, eta, forward=forward)]) for forward in (False, True)]
    ratios = [torch.log(path[:, 0] / path[:, 1]) for path in paths]
    sign = float(torch.tensor(settings["target"][0] / settings["target"][1]).log().sign()) or 1.0
    for step in sorted({1, steps, settings["steps"]}):
        gap = sign * float(ratios[0][step] - ratios[1][step])
        found.append(Comparison("reverse KL ahead in log p₁/p₂ of the figure", "steps", f"step {step}", [gap]))
    mode = int(torch.tensor(settings["target"]).argmax())
    masses = [path[:, mode] for path in paths]
    first, last = float(start[0, mode]), settings["target"][mode]
    for share in (0.25, 0.5, 0.75):
        level = first + share * (last - first)
        there = [(mass >= level).nonzero().flatten() if last > first else (mass <= level).nonzero().flatten()
                 for mass in masses]  # fmt: skip
        both = all(len(steps) for steps in there)
        ahead = sign * float(ratios[0][there[0][0]] - ratios[1][there[1][0]]) if both else float("nan")
        place = f"mass {level:.2f} on the mode"
        found.append(Comparison("reverse KL ahead in log p₁/p₂ of the figure", "reward", place, [ahead]))
        steps_apart = float(there[1][0] - there[0][0]) if both else float("nan")
        found.append(Comparison("reverse KL sooner at the mode's mass", "reward", place, [steps_apart]))
    return found


def reverse_wins(cases: int, seed: int) -> dict[str, Tensor]:
    """In which random cases reverse KL moves the favoured log-ratio further.

    Args:
        cases: How many.
        seed: Of the laws.

    Returns:
        True where it does: for equally likely actions, and for equal targets.
    """
    numbers = torch.Generator().manual_seed(seed)
    even: list[Tensor] = []
    uneven: list[Tensor] = []
    for size in range(3, 8):
        p, q = (_dirichlet(cases // 5, size, numbers) for _ in range(2))
        level, flat = p.clone(), q.clone()
        level[:, :2], flat[:, :2] = p[:, :2].mean(-1, keepdim=True), q[:, :2].mean(-1, keepdim=True)
        even.append(_gap(level, q, q[:, :2].argmax(-1)) > 0)
        uneven.append(_gap(p, flat, p[:, :2].argmax(-1)) > 0)
    return {"p₁ = p₂": torch.cat(even), "q₁ = q₂": torch.cat(uneven)}


def conditions(cases: int, seed: int) -> tuple[list[int], list[int], float]:
    """Count violations of the four conditions on random laws of 3 to 7 actions.

    Args:
        cases: How many.
        seed: Of the laws.

    Returns:
        Tries and violations of each condition, and the share of case 1 in which reverse KL is faster.
    """
    numbers = torch.Generator().manual_seed(seed)
    tried, broken, faster = [0] * 4, [0] * 4, 0
    for size in range(3, 8):
        count = cases // 5
        p, q = (_dirichlet(count, size, numbers) for _ in range(2))
        level = p.clone()
        level[:, :2] = p[:, :2].mean(-1, keepdim=True)
        high, low = q[:, :2].amax(-1), q[:, :2].amin(-1)
        wins = _gap(level, q, q[:, :2].argmax(-1)) > 0
        rule = level[:, 0] > (high - low) / torch.log(high / low)
        faster += int(wins.sum())
        _count(tried, broken, 0, torch.ones_like(wins), wins == rule)
        even = q.clone()
        even[:, :2] = q[:, :2].mean(-1, keepdim=True)
        m, big, small = even[:, 0], p[:, :2].amax(-1), p[:, :2].amin(-1)
        spread = kl(p.log(), even.log())
        gap = _gap(p, even, p[:, :2].argmax(-1))
        _count(tried, broken, 1, m > big * torch.exp(-spread), gap > 0)
        _count(tried, broken, 2, m < small * torch.exp(-spread), gap < 0)
        identric = torch.exp((torch.xlogy(big, big) - torch.xlogy(small, small)) / (big - small) - 1)
        _count(tried, broken, 3, torch.ones_like(wins), (gap > 0) == (m * torch.exp(spread) > identric))
    return tried, broken, faster / tried[0]


def _count(tried: list[int], broken: list[int], place: int, applies: Tensor, holds: Tensor) -> None:
    tried[place] += int(applies.sum())
    broken[place] += int((applies & ~holds).sum())


def _dirichlet(count: int, size: int, numbers: torch.Generator) -> Tensor:
    draws = torch.rand(count, size, generator=numbers, dtype=torch.float64).log().neg()
    return draws / draws.sum(-1, keepdim=True)


def _gap(p: Tensor, q: Tensor, favoured: Tensor) -> Tensor:
    # How much more reverse than forward KL moves the log-ratio of the favoured to the other of the first two actions.
    more = reverse_kl_direction(p.log(), q.log()) - forward_kl_direction(p.log(), q)
    sign = torch.where(favoured == 0, 1.0, -1.0)
    return sign * (more[:, 0] - more[:, 1])


def one_step_gap(m: Tensor, targets: Tensor) -> Tensor:
    """Reverse minus forward change of log p₁/p₂ for equally likely actions.

    Args:
        m: (N,) probability of each of the two.
        targets: (2,) their targets.

    Returns:
        (N,) gaps.
    """
    p = torch.stack([m, m, 1 - 2 * m], -1)
    q = torch.cat([targets, 1 - targets.sum(0, keepdim=True)]).expand_as(p)
    return _gap(p, q, torch.zeros(len(m), dtype=torch.long))


def _path(settings: Mapping[str, Any], eta: float | Tensor, *, forward: bool) -> Tensor:
    # (steps, ..., 4) policies after each step of gradient descent.
    start = torch.tensor(settings["start"], dtype=torch.float64)
    q = torch.tensor(settings["target"], dtype=torch.float64)
    eta = torch.as_tensor(eta, dtype=torch.float64)
    z, path = start.log().expand(*eta.shape, -1), []
    for _ in range(settings["steps"]):
        log_p = z.log_softmax(-1)
        z = z + eta[..., None] * (forward_kl_direction(log_p, q) if forward else reverse_kl_direction(log_p, q.log()))
        path.append(z.softmax(-1))
    return torch.stack(path)


def _phases(settings: Mapping[str, Any], eta: float) -> dict[str, tuple[list[float], Tensor]]:
    # The log-ratio of the first two tokens against the mass of the third, under both divergences.
    start = torch.tensor(settings["start"], dtype=torch.float64)[None]
    curves: dict[str, tuple[list[float], Tensor]] = {}
    for name, forward in (("forward KL", True), ("reverse KL", False)):
        path = torch.cat([start, _path(settings, eta, forward=forward)])
        curves[name] = (path[:, 2].tolist(), torch.log(path[:, 0] / path[:, 1]))
    return curves


def joint_fits(settings: Mapping[str, Any]) -> dict[str, tuple[float, float, int]]:
    """Best common step size and number of steps for both sets of bars, with the labels as they are and swapped.

    Args:
        settings: Bars, start, target, grid.

    Returns:
        Error, η and steps of both.
    """
    etas = torch.linspace(0.05, settings["largest_eta"], settings["etas"], dtype=torch.float64)
    paths = [_path(settings, etas, forward=forward) for forward in (True, False)]
    wanted = [
        torch.tensor(settings[key], dtype=torch.float64) / settings["bar_unit"]
        for key in ("bars_forward", "bars_reverse")
    ]
    found: dict[str, tuple[float, float, int]] = {}
    for name, (first, second) in (("as labelled", paths), ("swapped", paths[::-1])):
        error = torch.maximum((first - wanted[0]).abs().amax(-1), (second - wanted[1]).abs().amax(-1))
        step, place = divmod(int(error.argmin()), len(etas))
        found[name] = (float(error.min()), float(etas[place]), step + 1)
    return found
