"""Minima over time and partners: found without a graph, evaluated with one at the place that was found.

The gradient of a minimum is the gradient at its minimiser, so only that one entry needs a graph.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from antigrad.scenarios.gap import Box, gap
from antigrad.scenarios.traffic import Traffic, View

FAR = 1e6
"""m; stands for no partner."""
Distance = Callable[[Box, Box], Tensor]


def at(box: Box, step: Tensor) -> Box:
    """Boxes at one step each.

    Args:
        box: (..., T).
        step: (...) number of the step.

    Returns:
        Boxes (...).
    """

    def pick(value: Tensor) -> Tensor:
        if value.shape[-1] == 1:
            return value[..., 0].expand(step.shape)
        return value.expand(*step.shape, value.shape[-1]).gather(-1, step[..., None])[..., 0]

    return box.map(pick)


def nearest(one: Box, two: Box, mask: Tensor, distance: Distance = gap) -> tuple[Tensor, Tensor]:
    """Least distance over time.

    Args:
        one: (..., T), with a graph or without.
        two: (..., T), broadcastable.
        mask: (..., T) True on the steps that count.
        distance: Of two boxes; the signed gap.

    Returns:
        (...) m, `FAR` where no step counts, differentiable in both; and the step.
    """
    step = nearest_step(one, two, mask, distance)
    return torch.where(mask.any(-1), distance(at(one, step), at(two, step)), FAR), step


@torch.no_grad()
def nearest_step(one: Box, two: Box, mask: Tensor, distance: Distance = gap) -> Tensor:
    """Step of the least distance over time.

    Args:
        one: (..., T).
        two: (..., T), broadcastable.
        mask: (..., T) True on the steps that count.
        distance: Of two boxes; the signed gap.

    Returns:
        (...) number of the step.
    """
    return torch.where(mask, distance(one, two), FAR).argmin(-1)


def everyone(view: View) -> tuple[Box, Tensor]:
    """Boxes of all objects but the ego where they are now, without a graph.

    Args:
        view: The rows.

    Returns:
        (R, A, T) boxes, and True where such an object is there.
    """
    traffic = view.traffic
    if traffic.mover.shape[1] == 1:
        return traffic.others, traffic.present
    row, number = traffic.moving.nonzero(as_tuple=True)
    place = (row, traffic.mover[row, number])
    moved = [value.detach()[row, number] for value in view.moved[:4]]
    now = [value.clone() for value in traffic.others[:4]]
    for value, new in zip(now, moved, strict=True):
        value[place] = new
    present = traffic.present.clone()
    present[place] = traffic.live[row, number]
    x, y, cos, sin = now
    return traffic.others._replace(x=x, y=y, cos=cos, sin=sin), present


def close_pairs(view: View, most: int, within: float) -> tuple[Tensor, Tensor, Box, Tensor]:
    """Find the pairs of a mover and another object that may be closer than a distance, nearest first.

    Args:
        view: The rows.
        most: K, pairs kept of each row, if it has as many.
        within: m; pairs whose circles stay farther apart are marked as not close.

    Returns:
        (R, K) number of the mover; (R, K) number of the object; its boxes (R, K, T); (R, K, T) True where both are
        there and the pair is close.
    """
    traffic = view.traffic
    with torch.no_grad():
        boxes, present = everyone(view)
        mine = view.moved.map(lambda value: value.detach())
        dx = mine.x[:, :, None] - boxes.x[:, None]
        dy = mine.y[:, :, None] - boxes.y[:, None]
        squared = dx.square_().add_(dy.square_())
        both = traffic.live[:, :, None] & present[:, None]
        apart = squared.masked_fill_(~both, FAR**2).amin(-1).sqrt()
        apart = apart - mine.radius[..., 0][:, :, None] - boxes.radius[..., 0][:, None]
        itself = traffic.slot[:, None] == torch.arange(mine.x.shape[1], device=apart.device)[:, None]
        apart = apart.masked_fill(itself, FAR).flatten(1)
        bound, pair = apart.topk(min(most, apart.shape[1]), 1, largest=False)
        number, other = pair // boxes.x.shape[1], pair % boxes.x.shape[1]
        row = torch.arange(len(traffic), device=pair.device)[:, None]
        partner = boxes.map(lambda value: value[row, other])
        counts = both[row, number, other] & (bound < within)[..., None]
    return number, other, partner, counts


def take_movers(box: Box, number: Tensor) -> Box:
    """Boxes of chosen movers.

    Args:
        box: (R, M, T).
        number: (R, K) of the mover.

    Returns:
        (R, K, T), with the graph.
    """
    row = torch.arange(len(number), device=number.device)[:, None]
    return box.map(lambda value: value[row, number])


def partners_now(view: View, number: Tensor, other: Tensor, partner: Box, step: Tensor) -> tuple[Box, Box]:
    """Both boxes of each pair at its step, with the graph of every mover among them.

    Args:
        view: The rows.
        number: (R, K) of the mover.
        other: (R, K) number of the object.
        partner: (R, K, T) its boxes.
        step: (R, K).

    Returns:
        Boxes (R, K) of the mover and of the object.
    """
    one, two = at(take_movers(view.moved, number), step), at(partner, step)
    if view.traffic.mover.shape[1] == 1:
        return one, two
    slot = view.traffic.slot.gather(1, other)
    moved = at(take_movers(view.moved, slot.clamp(min=0)), step)
    return one, Box(*(torch.where(slot >= 0, new, old) for new, old in zip(moved, two, strict=True)))


def road_depth(traffic: Traffic, corner: Tensor) -> Tensor:
    """How far points are off the road.

    Args:
        traffic: The rows.
        corner: (R, ..., 2) m.

    Returns:
        (R, ...) m, 0 on the road, and 0 everywhere without a map.
    """
    if traffic.road is None:
        return torch.zeros_like(corner[..., 0])
    return traffic.road(corner, traffic.scene).clamp(min=0)
