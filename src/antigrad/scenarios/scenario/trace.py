"""A scene as a job leaves it: the record, what moved, what the ego did, the map; one safetensors file per scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
import torch
from safetensors.torch import load
from torch import Tensor

from antigrad.core.runs import RunFolder
from antigrad.scenarios.certificate import Certificate
from antigrad.scenarios.metrics import TRAFFIC_METRICS
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.tools import Outcome
from antigrad.scenarios.traffic import View

_AROUND, _BEND = 40.0, 0.15
"""m of map kept around the traffic, and m by which its lines are simplified."""


@dataclass(frozen=True, eq=False)
class Ended:
    """A scene before and after one of its jobs.

    Args:
        before: (A, T, 3) recorded x, y, yaw.
        valid: (A, T) True where recorded.
        after: (A, T, 3) at the end.
        there: (A, T) True where an object is at the end.
        moved: Numbers of the objects that the attack may have moved.
        size: (A, 2) m.
        ego_before: (T, 3) the ego without an attack.
        off_road: (2, T) m of the striker, before and after; NaN where it is not there, or without a map.
        escape: (H, 3) of the ego, from the step after the last safe start; None for none.
        edges: Edges of roads, (K, 2) m each.
        areas: Roads as polygons, (K, 2) m each.
    """

    before: Tensor
    valid: Tensor
    after: Tensor
    there: Tensor
    moved: list[int]
    size: Tensor
    ego_before: Tensor
    off_road: Tensor
    escape: Tensor | None
    edges: list[Tensor]
    areas: list[Tensor]

    def seen(self) -> Ended:
        """Leave the steps out in which nobody is there any more: a batch is as long as its longest scene.

        Returns:
            The scene up to its own end.
        """
        last = int((self.there | self.valid).any(0).nonzero().amax()) + 1
        cut = {name: getattr(self, name)[:, :last] for name in ("before", "valid", "after", "there", "off_road")}
        return replace(self, **cut, ego_before=self.ego_before[:last])


def traces_of(outcome: Outcome, scenes: Scenes, certificates: Mapping[int, Certificate]) -> list[dict[str, Tensor]]:
    """What is kept of each scene.

    Args:
        outcome: An attack.
        scenes: What was attacked.
        certificates: Row, and its certificate.

    Returns:
        Tensors of each scene; those of a job have its number before their name.
    """
    depth = _off_road(outcome)
    found: list[dict[str, Tensor]] = []
    for scene in range(len(scenes)):
        trace = _record(scenes, scene)
        for job, row in enumerate((outcome.traffic.scene == scene).nonzero()[:, 0].tolist()):
            slots = outcome.traffic.moving[row]
            trace |= {
                "ego_before": torch.stack(tuple(value[row] for value in outcome.ego_before[:3]), -1),
                "ego_there": outcome.traffic.ego_valid[row],
                f"job{job}/ego": torch.stack(tuple(value[row] for value in outcome.ego[:3]), -1),
                f"job{job}/movers": outcome.traffic.mover[row][slots],
                f"job{job}/states": torch.stack(tuple(value[row][slots] for value in outcome.states[:3]), -1),
                f"job{job}/there": outcome.traffic.live[row][slots],
                f"job{job}/actions": outcome.actions[:, row][:, slots],
                f"job{job}/off_road": depth[:, row],
            }
            certificate = certificates.get(row)
            if certificate is not None and certificate.escape is not None:
                trace[f"job{job}/escape"] = certificate.escape[:, :3]
        found.append({name: value.contiguous() for name, value in trace.items()})
    return found


def _record(scenes: Scenes, scene: int) -> dict[str, Tensor]:
    before = torch.stack([scenes.xy[scene, ..., 0], scenes.xy[scene, ..., 1], scenes.yaw[scene]], -1)
    trace = {name: getattr(scenes, name)[scene] for name in ("valid", "size", "kind")} | {"before": before}
    record, seen = scenes.records[scene], before[..., :2][scenes.valid[scene]].numpy()
    for name, lines in (("edges", record.edges), ("areas", record.areas)):
        kept = [torch.from_numpy(line).float() for line in _near(lines, seen)]
        trace[name] = torch.cat([torch.zeros(0, 2), *kept])
        trace[f"{name}_counts"] = torch.tensor([len(line) for line in kept], dtype=torch.long)
    return trace


def _near(lines: Sequence[np.ndarray], seen: np.ndarray) -> list[np.ndarray]:
    # Lines of a map around the traffic, with fewer points.
    if not len(seen):
        return []
    box = shapely.box(*(seen.min(0) - _AROUND), *(seen.max(0) + _AROUND))
    shapes = [shapely.LineString(line).simplify(_BEND) for line in lines if len(line) >= 2]
    return [shapely.get_coordinates(shape) for shape in shapes if shape.intersects(box)]


def _off_road(outcome: Outcome) -> Tensor:
    # (2, R, T) m of the striker, before and after.
    traffic, metric = outcome.traffic, TRAFFIC_METRICS.make("off_road")
    before = View(traffic, traffic.driven, outcome.actions, outcome.ego_before)
    row, found = torch.arange(len(traffic)), list[Tensor]()
    for view in (before, outcome.view):
        reading = metric(view)
        value = torch.where(reading.valid, reading.value, torch.nan)
        found.append(value[row, outcome.striker])
    return torch.stack(found)


def ended(run: RunFolder, row: dict[str, Any]) -> Ended:
    """Put a scene together from its trace.

    Args:
        run: The run.
        row: A job.

    Returns:
        Before and after.
    """
    trace, job = load(run.artifact(row["trace"]).read_bytes()), f"job{row['job']}/"
    after, there = trace["before"].clone(), trace["valid"].clone()
    after[0], there[0] = trace[f"{job}ego"], trace["ego_there"]
    after[trace[f"{job}movers"]] = trace[f"{job}states"]
    there[trace[f"{job}movers"]] = trace[f"{job}there"]
    return Ended(
        trace["before"],
        trace["valid"],
        after,
        there,
        trace[f"{job}movers"].tolist(),
        trace["size"],
        trace["ego_before"],
        trace[f"{job}off_road"],
        trace.get(f"{job}escape"),
        *(list(trace[name].split(trace[f"{name}_counts"].tolist())) for name in ("edges", "areas")),
    )
