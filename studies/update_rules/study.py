"""What common update rules look like to the certificate: a small network, the tiny policy, the paper's two examples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import torch
from studies.kept import record
from studies.update_rules.policy import POLICY_RULES, train_policy
from studies.update_rules.rules import RULES, Network, Rule, make_rule, make_task

from antigrad.geometry import Certificate, Watch

RUNGS = {"layer": "kappa_layer", "row": "kappa_row", "coordinate": "kappa_coordinate"}
FEEDBACK = "feedback alignment"


def run(quick: bool, keep: bool) -> None:
    """Run the study: ten rules on the network, two on the policy, the linear system, feedback alignment."""
    seeds = range(1 if quick else 5)
    network(seeds, 60 if quick else 300, keep)
    policy(range(1 if quick else 3), 3 if quick else 30, keep)
    linear_system(keep)


def network(seeds: Sequence[int], steps: int, keep: bool) -> dict[str, dict[str, Any]]:
    """Train the small network by every rule and put the seeds together.

    Args:
        seeds: One task, network and order of batches each.
        steps: Batches of 64.
        keep: Keep the result beside the code.

    Returns:
        Rule, figure, and its median, lowest and highest over the seeds.
    """
    runs = {name: [train_network(name, seed, steps) for seed in seeds] for name in RULES}
    figures = {name: over_seeds([figures_of(rows) | losses for rows, losses in found]) for name, found in runs.items()}
    whats = {"what": "update rules on a network 32-64-64-10", "seeds": len(seeds), "steps": steps, "batch": 64}
    cosines = {"feedback_cosines": _by_layer([rows for rows, _ in runs[FEEDBACK]])}
    record({"name": "update_rules_network", **whats, "figures": figures, **cosines}, __file__, keep=keep)
    return figures


def train_network(name: str, seed: int, steps: int) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Train the small network by one rule, every step watched.

    Args:
        name: The rule.
        seed: Decides task, weights and batches.
        steps: How many.

    Returns:
        The certificates, with the alignment to the full training gradient as `cos_full`, and the losses
        before and after.
    """
    task, net = make_task(seed), Network(1000 + seed)
    rule, draw = make_rule(name, net, 2000 + seed), torch.Generator().manual_seed(3000 + seed)
    points, labels = task.train
    start = _losses(net, task, "before")
    held_out = Watch(rule, model=net, every=1, granularity="coordinate", held_out=lambda: net.loss(*task.held_out))
    with held_out, Watch(rule, model=net, every=1, held_out=lambda: net.loss(points, labels)) as full:
        for _ in range(steps):
            chosen = torch.randperm(len(points), generator=draw)[:64]
            batch = points[chosen], labels[chosen]
            rule.zero_grad()
            net.loss(*batch).backward()
            if isinstance(rule, Rule):
                rule.batch = batch
            rule.step()
    rows = [row | {"cos_full": other["cos"]} for row, other in zip(held_out.rows, full.rows, strict=True)]
    return rows, start | _losses(net, task, "after")


def _losses(net: Network, task: Any, when: str) -> dict[str, float]:
    with torch.no_grad():
        found = {"loss": net.loss(*task.train), "held_out_loss": net.loss(*task.held_out)}
    return {f"{name}_{when}": float(loss) for name, loss in found.items()}


def figures_of(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Put the certificates of one training together.

    Args:
        rows: Every step's.

    Returns:
        Mean cosines with the step's own batch, the full training data and held-out data; of each rung the
        share of steps with a certificate and the median κ of those; shares of steps that went down.
    """
    own = [row["in_batch"] for row in rows]
    figures = {
        "cos_in_batch": statistics.mean(row["cos"] for row in own),
        "cos_held_out": statistics.mean(row["cos"] for row in rows),
        "kappa_global_held_out": _median([row["kappa"] for row in rows]),
        "exists_layer_held_out": _share([row["kappa_layer"] for row in rows]),
        "held_out_dropped": statistics.mean(float(row["drop_measured"] > 0) for row in rows),
        "step_share_against": statistics.mean(row["step_share_against"] for row in own),
    }
    if "cos_full" in rows[0]:
        figures["cos_full"] = statistics.mean(row["cos_full"] for row in rows)
    keys = {"global": "kappa", **RUNGS} | ({"head": "kappa_head"} if "kappa_head" in own[0] else {})
    for rung, key in keys.items():
        kappas = [row[key] for row in own]
        figures[f"kappa_{rung}"], figures[f"exists_{rung}"] = _median(kappas), _share(kappas)
    return figures


def _median(kappas: Sequence[float]) -> float:
    finite = [kappa for kappa in kappas if math.isfinite(kappa)]
    return statistics.median(finite) if finite else math.inf


def _share(kappas: Sequence[float]) -> float:
    return statistics.mean(float(math.isfinite(kappa)) for kappa in kappas)


def over_seeds(runs: Sequence[dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """Median, lowest and highest of every figure over the seeds.

    Args:
        runs: Figures of each seed; one that is NaN has no say.

    Returns:
        The same with three numbers each; None for infinite, which JSON does not have.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name in runs[0]:
        values = sorted(run[name] for run in runs if not math.isnan(run[name])) or [math.inf]
        three = {"median": statistics.median(values), "low": values[0], "high": values[-1]}
        found[name] = {key: value if math.isfinite(value) else None for key, value in three.items()}
    return found


def _by_layer(runs: Sequence[list[dict[str, Any]]]) -> dict[str, list[float]]:
    # Mean over seeds of the held-out cosine of each matrix, in stretches of ten steps.
    names = list(runs[0][0]["in_batch"]["block_cos"])
    stretches = range(0, len(runs[0]), 10)
    return {
        name: [
            statistics.mean(row["in_batch"]["block_cos"][name] for rows in runs for row in rows[start : start + 10])
            for start in stretches
        ]
        for name in names
    }


def policy(seeds: Sequence[int], steps: int, keep: bool) -> None:
    """Train the tiny policy on worked answers by AdamW and by Muon, watched with a held-out loss.

    Args:
        seeds: One order of questions each.
        steps: Batches of 64.
        keep: Keep the result beside the code.
    """
    figures: dict[str, Any] = {}
    for name in POLICY_RULES:
        runs = [train_policy(name, seed, steps) for seed in seeds]
        figures[name] = over_seeds([figures_of(rows) | losses for rows, losses in runs])
    what = "update rules on the tiny policy, worked answers, certificates against a held-out loss"
    record(
        {"name": "update_rules_policy", "what": what, "seeds": len(seeds), "steps": steps, "figures": figures},
        __file__,
        keep=keep,
    )


def linear_system(keep: bool) -> dict[str, Any]:
    r"""Certify a stable spiral: $\dot x=Ax$ is steepest descent of ½ xᵀQx in a metric, with AᵀQ + QA = −I.

    Args:
        keep: Keep the result beside the code.

    Returns:
        κ along the orbit, and the greatest deviation of g·y from ½|x|².
    """
    matrix = torch.tensor([[-0.1, 2.0], [-1.0, -0.1]], dtype=torch.float64)
    eye = torch.eye(2, dtype=torch.float64)
    # Rows of vec(AᵀQ + QA) = −vec(I).
    lyapunov = torch.kron(matrix.T.contiguous(), eye) + torch.kron(eye, matrix.T.contiguous())
    energy = torch.linalg.solve(lyapunov, -eye.flatten()).reshape(2, 2)
    state, kappas, errors = torch.tensor([1.0, 0.5], dtype=torch.float64), [], []
    for _ in range(4000):
        flow = matrix @ state
        certificate = Certificate.of(flow, -energy @ state)
        kappas.append(certificate.kappa)
        errors.append(abs(certificate.dot / (0.5 * float(state @ state)) - 1))
        state = state + 1e-3 * flow
    figures = {"kappa_low": min(kappas), "kappa_median": statistics.median(kappas), "kappa_high": max(kappas)}
    figures |= {"relative_error_of_dot": max(errors)}
    record(
        {"name": "update_rules_linear", "what": "spiral ẋ = Ax, 4 time units", "figures": figures}, __file__, keep=keep
    )
    return figures
