"""How fast the scenario attack is: the roll-out against a step loop, a whole iteration, a certificate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import certify
from antigrad.scenarios.dynamics import MAX_ACCELERATION, MAX_CURVATURE, States, roll_out
from antigrad.scenarios.fault import fault_ledger
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scene import Scenes, arrange
from antigrad.scenarios.synthetic import sample
from antigrad.scenarios.tools import HIT, Outcome, Tools
from antigrad.scenarios.traffic import View
from benchmarks.measure import paired_ratio, record

AGENTS, STEPS = 32, 80


def run(quick: bool, keep: bool) -> None:
    """Run all three on one thread: cores are for scenes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for scenes, target in ((1, 30.0), (64, 6.0)):
            dynamics(scenes, target, 2 if quick else 12, keep)
        iteration(4 if quick else 16, 2 if quick else 10, keep)
    finally:
        torch.set_num_threads(threads)


def dynamics(scenes: int, target: float, repeats: int, keep: bool) -> None:
    """Roll 32 agents out over 80 steps and back, by prefix sums and step by step.

    Args:
        scenes: Scenes at once, in both.
        target: How many times faster it should be.
        repeats: Pairs.
        keep: Keep the result beside the code.
    """
    torch.manual_seed(0)
    start = States(*(torch.randn(scenes, AGENTS) for _ in range(3)), 5 + torch.rand(scenes, AGENTS))
    size = torch.tensor([0.3, 0.02]).reshape(2, 1, 1, 1)
    actions = size * torch.randn(2, scenes, AGENTS, STEPS)
    weight = torch.randn(3, scenes, AGENTS, STEPS + 1)

    def both_ways(drive: Callable[[Tensor], States]) -> None:
        leaf = actions.clone().requires_grad_()
        states = drive(leaf)
        torch.autograd.grad(sum((a * b).sum() for a, b in zip(states[:3], weight, strict=True)), leaf)

    timed = paired_ratio(
        lambda: both_ways(lambda u: step_by_step(start, u)), lambda: both_ways(lambda u: roll_out(start, u)), repeats
    )
    found = {"ours": timed["theirs"], "theirs": timed["ours"]} | {
        k: timed[k] for k in ("ratio", "ratio_min", "ratio_max")
    }
    what = f"roll-out and gradient, {scenes} scenes x {AGENTS} agents x {STEPS} steps: step loop over prefix sums"
    record({"name": f"scenarios_dynamics_{scenes}", "what": what, "target": target} | found, keep=keep)


def step_by_step(start: States, actions: Tensor, dt: float = 0.1) -> States:
    """The published simulator's step equations with automatic differentiation, the agents of all scenes at once.

    Args:
        start: (N, A) each.
        actions: (2, N, A, T).
        dt: s.

    Returns:
        (N, A, T+1) states.
    """
    a = actions[0].clamp(-MAX_ACCELERATION, MAX_ACCELERATION)
    k = actions[1].clamp(-MAX_CURVATURE, MAX_CURVATURE)
    x, y, yaw, v = start
    vx, vy = v * yaw.cos(), v * yaw.sin()
    out = [start]
    for t in range(actions.shape[-1]):
        speed = (vx * vx + vy * vy).sqrt()
        x = x + vx * dt + 0.5 * a[..., t] * yaw.cos() * dt * dt
        y = y + vy * dt + 0.5 * a[..., t] * yaw.sin() * dt * dt
        yaw = yaw + k[..., t] * (speed * dt + 0.5 * a[..., t] * dt * dt)
        v = speed + a[..., t] * dt
        vx, vy = v * yaw.cos(), v * yaw.sin()
        out.append(States(x, y, yaw, v))
    return States(*(torch.stack(list(column), -1) for column in zip(*out, strict=True)))


def traffic(count: int) -> Scenes:
    """Synthetic scenes of up to 32 agents over 91 states.

    Args:
        count: How many.

    Returns:
        One batch with maps.
    """
    return rasterise(arrange(Scenes.concat(sample(count, AGENTS, seed=1)))).to(torch.float32)


def iteration(count: int, repeats: int, keep: bool) -> None:
    """Time whole iterations of the corrected attack, one cost at a time, and certificates.

    Args:
        count: Scenes.
        repeats: Times the iterations are counted.
        keep: Keep the result beside the code.
    """
    scenes = traffic(count)
    seconds: dict[str, Any] = {}
    for planner in ("log_replay", "idm"):
        batch = attack_for(scenes, planner, 3)
        rows = len(batch)
        each = [timed_iterations(scenes, planner, 20) for _ in range(repeats)]
        seconds[planner] = {"rows": rows, "ms_per_row_iteration": statistics.median(each)}
    alone = [timed_iterations(scenes.select([number]), "log_replay", 20) for number in range(min(count, 4))]
    seconds["one_scene"] = {"ms_per_row_iteration": statistics.median(alone)}
    seconds["costs_ms_per_row"] = by_cost(attack_for(scenes, "log_replay", 3))
    found = attack_for(scenes, "log_replay", 40)
    hits = [row for row, status in enumerate(found.status) if status == HIT]
    if hits:
        begun = time.perf_counter()
        certify(found.view, hits, found.striker[hits].tolist(), found.hit_step[hits].tolist())
        middle = time.perf_counter()
        for row in hits[:8]:
            fault_ledger(found, preset("regents_fixed").made_vehicle(), row)
        ended = time.perf_counter()
        seconds["certificate_ms"] = 1e3 * (middle - begun) / len(hits)
        seconds["fault_ledger_ms"] = 1e3 * (ended - middle) / len(hits[:8])
    what = (
        "the corrected attack, rows of 32 agents x 91 states on one thread; target 1 ms a row and 20 ms a certificate"
    )
    ours = seconds["log_replay"]["ms_per_row_iteration"]
    result = {"name": "scenarios_iteration", "what": what, "ours": ours, "theirs": 1.0, "ratio": ours, "target": 1.0}
    record(result | {"figures": seconds}, keep=keep)


def attack_for(scenes: Scenes, planner: str, iterations: int) -> Outcome:
    """Attack with the corrected preset.

    Args:
        scenes: One batch.
        planner: What drives the ego.
        iterations: At most.

    Returns:
        Its end.
    """
    recipe = preset("regents_fixed", {"iterations": iterations})
    return attack(Tools.of(recipe, make_planner(planner)), scenes)


def timed_iterations(scenes: Scenes, planner: str, more: int) -> float:
    """Milliseconds a row and iteration, set-up left out: a long attack less a short one.

    Args:
        scenes: One batch.
        planner: What drives the ego.
        more: Iterations of the difference.

    Returns:
        ms.
    """
    ends: list[tuple[float, int]] = []
    for iterations in (1, 1 + more):
        begun = time.perf_counter()
        found = attack_for(scenes, planner, iterations)
        ends.append((time.perf_counter() - begun, int(found.iteration.sum())))
    return 1e3 * (ends[1][0] - ends[0][0]) / max(1, ends[1][1] - ends[0][1])


def by_cost(found: Outcome) -> dict[str, float]:
    """Where the time of an iteration goes.

    Args:
        found: An attack.

    Returns:
        Cost, and ms a row with its gradient and a roll-out.
    """
    recipe, rows = preset("regents_fixed"), found.traffic
    vehicle, figures = recipe.made_vehicle(), dict[str, float]()
    for name, cost in recipe.made_costs().items():
        constant = cost.constant(rows)
        best = float("inf")
        for _ in range(5):
            begun = time.perf_counter()
            leaf = found.actions.clone().requires_grad_()
            view = View(rows, vehicle.roll(rows.log, leaf), leaf, found.ego)
            torch.autograd.grad(cost(view, constant).value.sum(), leaf)
            best = min(best, time.perf_counter() - begun)
        figures[name] = 1e3 * best / max(1, len(rows))
    return figures
