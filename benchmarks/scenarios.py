"""How fast the scenario attack is: the roll-out against a step loop, whole iterations, certificates, real scenes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import certify
from antigrad.scenarios.dynamics import MAX_ACCELERATION, MAX_CURVATURE, States, roll_out, wrap
from antigrad.scenarios.fault import fault_ledger
from antigrad.scenarios.io import find
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import Recipe, preset
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scene import Scenes, arrange
from antigrad.scenarios.synthetic import sample
from antigrad.scenarios.tools import HIT, Outcome, Tools
from antigrad.scenarios.traffic import View
from benchmarks.measure import paired_ratio, record

AGENTS, STEPS, IN_A_ROW = 32, 80, 10
DATA = Path(__file__).absolute().parents[1].parent / "shared" / "data" / "scenarios" / "womd_gpudrive_json_xz"


def run(quick: bool, keep: bool) -> None:
    """Run all on one thread: cores are for scenes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for scenes, target, repeats in ((1, 30.0, 60), (64, 6.0, 20)):
            dynamics(scenes, target, 2 if quick else repeats, keep)
        scenes = traffic(4 if quick else 16)
        iteration(scenes, 2 if quick else 10, keep)
        certificate(scenes, 2 if quick else 6, keep)
        recorded(4 if quick else 40, 20 if quick else 250, keep)
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

    def several() -> None:  # In a row, as an attack does it; a single one comes to caches that the loop has emptied.
        for _ in range(IN_A_ROW):
            both_ways(lambda u: roll_out(start, u))

    both = paired_ratio(lambda: both_ways(lambda u: step_by_step(start, u)), several, repeats)
    found = {"ours": both["theirs"] / IN_A_ROW, "theirs": both["ours"], "ratio": both["cpu_ratio"] * IN_A_ROW}
    found |= {f"wall_{name}": both[name] * IN_A_ROW for name in ("ratio", "ratio_min", "ratio_max")}
    what = f"roll-out and gradient, {scenes} scenes x {AGENTS} agents x {STEPS} steps: step loop over prefix sums"
    what += "; median ratio of seconds on processors, of one loop and one of several roll-outs in a row"
    record({"name": f"scenarios_dynamics_{scenes}", "what": what, "target": target} | found, keep=keep)


def step_by_step(start: States, actions: Tensor, dt: float = 0.1) -> States:
    """The published simulator's step with automatic differentiation, clips and wrap in each, all agents at once.

    Args:
        start: (N, A) each.
        actions: (2, N, A, T).
        dt: s.

    Returns:
        (N, A, T+1) states.
    """
    x, y, yaw, v = start
    vx, vy = v * yaw.cos(), v * yaw.sin()
    out = [start]
    for t in range(actions.shape[-1]):
        a = actions[0, ..., t].clamp(-MAX_ACCELERATION, MAX_ACCELERATION)
        k = actions[1, ..., t].clamp(-MAX_CURVATURE, MAX_CURVATURE)
        speed = (vx * vx + vy * vy).sqrt()
        x = x + vx * dt + 0.5 * a * yaw.cos() * dt * dt
        y = y + vy * dt + 0.5 * a * yaw.sin() * dt * dt
        yaw = wrap(yaw + k * (speed * dt + 0.5 * a * dt * dt))
        v = speed + a * dt
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


def iteration(scenes: Scenes, repeats: int, keep: bool) -> None:
    """Time whole iterations of the corrected attack: many rows, one row, all candidates of a scene in a row.

    Args:
        scenes: One batch.
        repeats: Times the iterations are counted.
        keep: Keep the result beside the code.
    """
    joint = preset("regents_fixed", {"jobs": "scene"})
    few = [scenes.select([number]) for number in range(min(len(scenes), 4))]
    # The least of the repeats: even processor time grows with what others do to the caches.
    cases = {
        "log_replay": [timed_iterations(scenes, "log_replay") for _ in range(repeats)],
        "idm": [timed_iterations(scenes, "idm") for _ in range(repeats)],
        "one_row": [timed_iterations(one, "log_replay", cls=OneRow) for one in few for _ in range(repeats)],
        "all_candidates_in_a_row": [timed_iterations(scenes, "log_replay", joint) for _ in range(repeats)],
    }
    seconds: dict[str, Any] = {
        name: {"ms_per_row_iteration": min(each), "median": statistics.median(each)} for name, each in cases.items()
    }
    found = attack_for(scenes, "log_replay", 3)
    seconds["rows"] = len(found)
    seconds["parts_ms_per_row"] = by_part(found, 2 * repeats)
    for name, case, target in (("", "log_replay", 1.0), ("_alone", "one_row", 5.0)):
        ours = seconds[case]["ms_per_row_iteration"]
        what = f"ms of an iteration and row, 32 agents x 91 states, least processor time ({case}); theirs: the target"
        result = {"name": f"scenarios_iteration{name}", "what": what, "ours": ours, "theirs": target}
        record(result | {"ratio": ours / target, "target": 1.0, "figures": seconds}, keep=keep)


def certificate(scenes: Scenes, repeats: int, keep: bool) -> None:
    """Time certificates of all hits of a batch, and fault ledgers.

    Args:
        scenes: One batch.
        repeats: Of which the least is kept.
        keep: Keep the result beside the code.
    """
    found = attack_for(scenes, "log_replay", 40)
    hits = [row for row, status in enumerate(found.status) if status == HIT]
    if not hits:
        return
    strikers, steps = found.striker[hits].tolist(), found.hit_step[hits].tolist()
    vehicle = preset("regents_fixed").made_vehicle()
    some = hits[:8]
    every = [timed(lambda: certify(found.view, hits, strikers, steps)) for _ in range(repeats)]
    ledgers = [timed(lambda: [fault_ledger(found, vehicle, row) for row in some]) for _ in range(repeats)]
    figures = {"certificate_ms": 1e3 * min(every) / len(hits), "hits": len(hits)}
    figures |= {"median": 1e3 * statistics.median(every) / len(hits), "fault_ledger_ms": 1e3 * min(ledgers) / len(some)}
    ours = figures["certificate_ms"]
    what = "ms of a certificate (25 escapes, a start every 0.2 s), one thread, least processor time; theirs: the target"
    result = {"name": "scenarios_certificate", "what": what, "ours": ours, "theirs": 20.0, "ratio": ours / 20}
    record(result | {"target": 1.0, "figures": figures}, keep=keep)


def recorded(count: int, iterations: int, keep: bool) -> None:
    """Attack the 40 packed Waymo scenes, where they lie beside the repository, as the job does it.

    Args:
        count: Scenes.
        iterations: At most; rows that hit leave the batch.
        keep: Keep the result beside the code.
    """
    if not DATA.exists():
        return
    begun = time.process_time()
    read = [arrange(one) for source in find(DATA)[:count] for one in source.read()]
    scenes = rasterise(Scenes.concat(read)).to(torch.float32)
    ready = time.process_time()
    found = attack_for(scenes, "log_replay", iterations)
    attacked = time.process_time()
    hits = [row for row, status in enumerate(found.status) if status == HIT]
    certify(found.view, hits, found.striker[hits].tolist(), found.hit_step[hits].tolist())
    ended = time.process_time()
    figures = {"read_s": ready - begun, "attack_s": attacked - ready, "certify_s": ended - attacked}
    figures |= {
        "scenes": len(scenes),
        "rows": len(found),
        "hits": len(hits),
        "row_iterations": int(found.iteration.sum()),
    }
    what = f"s of {len(scenes)} recorded scenes x {iterations} iterations, read and certified too; theirs: the target"
    ours = ended - begun
    result = {"name": "scenarios_recorded", "what": what, "ours": ours, "theirs": 600.0, "ratio": ours / 600}
    record(result | {"target": 1.0, "figures": figures}, keep=keep)


class OneRow(Tools):
    """An attack with the first candidate of each scene alone."""

    def candidates(self, scenes: Scenes) -> Tensor:
        """Choose whom to move.

        Args:
            scenes: N scenes.

        Returns:
            (N, A) True for one object a scene.
        """
        kept = super().candidates(scenes)
        return kept & (kept.cumsum(1) == 1)


def timed(work: Callable[[], Any]) -> float:
    """Processor time of this process: others on the machine do not count.

    Args:
        work: What is timed.

    Returns:
        s.
    """
    begun = time.process_time()
    work()
    return time.process_time() - begun


def attack_for(
    scenes: Scenes, planner: str, iterations: int, recipe: Recipe | None = None, cls: type[Tools] = Tools
) -> Outcome:
    """Attack with the corrected preset.

    Args:
        scenes: One batch.
        planner: What drives the ego.
        iterations: At most.
        recipe: In place of the preset.
        cls: Tools of a kind.

    Returns:
        Its end.
    """
    recipe = replace(recipe or preset("regents_fixed"), iterations=iterations)
    return attack(cls.of(recipe, make_planner(planner)), scenes)


def timed_iterations(scenes: Scenes, planner: str, recipe: Recipe | None = None, cls: type[Tools] = Tools) -> float:
    """Milliseconds a row and iteration, set-up left out: an attack of 21 iterations less one of one; no row stops.

    Args:
        scenes: One batch.
        planner: What drives the ego.
        recipe: In place of the preset.
        cls: Tools of a kind.

    Returns:
        ms of processor time.
    """
    endless = replace(recipe or preset("regents_fixed"), depth=1e3)
    ends: list[tuple[float, int]] = []
    for iterations in (1, 21):
        begun = time.process_time()
        found = attack_for(scenes, planner, iterations, endless, cls)
        ends.append((time.process_time() - begun, int(found.iteration.sum())))
    return 1e3 * (ends[1][0] - ends[0][0]) / max(1, ends[1][1] - ends[0][1])


def by_part(found: Outcome, repeats: int) -> dict[str, float]:
    """Where the time of an iteration goes.

    Args:
        found: An attack.
        repeats: Of which the least is kept.

    Returns:
        Part, and ms a row: the roll-out with its gradient, and each cost with its own, the roll-out left out.
    """
    recipe, rows = preset("regents_fixed"), found.traffic
    vehicle = recipe.made_vehicle()

    def once(value: Callable[[View], Tensor]) -> float:
        def work() -> None:
            leaf = found.actions.clone().requires_grad_()
            view = View(rows, vehicle.roll(rows.log, leaf), leaf, found.ego)
            torch.autograd.grad(value(view), leaf)

        return 1e3 * min(timed(work) for _ in range(repeats)) / max(1, len(rows))

    figures = {"roll_out": once(lambda view: view.states.x.sum() + view.states.y.sum() + view.states.yaw.sum())}
    for name, cost in recipe.made_costs().items():
        constant = cost.constant(rows)
        whole = once(lambda view, cost=cost, constant=constant: cost(view, constant).value.sum())
        figures[name] = max(0.0, whole - figures["roll_out"])
    return figures
