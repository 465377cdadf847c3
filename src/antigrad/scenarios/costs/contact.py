"""Contact with third objects, beyond what the log has: the corrected repulsion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.closest import FAR, close_pairs, everyone, nearest, nearest_step, partners_now, take_movers
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import gap
from antigrad.scenarios.traffic import Traffic, View


@dataclass(frozen=True)
class Contact(Cost):
    r"""How far movers come closer to any third object than τ, or than the log did.

    $$C=\sum_{(i,j)}\Big[\min(\tau,\min_tg^{log}_{ij,t})-\min_tg_{ij,t}\Big]_+$$

    over the K pairs of a mover i and any object j that may come closest: parked ones, pedestrians and excluded vehicles
    too.

    Args:
        threshold: τ, m.
        pairs: K; the choice carries no gradient, the gap is exact.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising this keeps movers away from third objects; an untouched scene costs 0.

    Source: ours; the published repulsion is `centre_repulsion` and `gap_repulsion`.

    Deviations: against all objects, on the signed gap, relative to the log. A pair of two movers counts once.

    Example:
        >>> Contact().threshold, Contact().part
        (1.25, 'anchor')
    """

    part = "anchor"
    unit = "m"
    threshold: float = 1.25
    pairs: int = 6

    def __post_init__(self) -> None:
        if not self.threshold > 0 or self.pairs < 1:
            raise InputValueError(
                f"threshold={self.threshold}, pairs={self.pairs}", "above 0 m and at least 1", "1.25 and 6 are usual"
            )

    @torch.no_grad()
    def constant(self, traffic: Traffic) -> Tensor:
        """Least gap of each pair before the attack, at most τ; (R, M, A).

        Args:
            traffic: The rows.

        Returns:
            m.
        """
        view = View(traffic, traffic.driven, traffic.log.mask, traffic.ego_log)
        boxes, present = everyone(view)
        floor = traffic.driven.x.new_full((len(traffic), traffic.mover.shape[1], boxes.x.shape[1]), self.threshold)
        mine = view.moved
        apart = torch.hypot(mine.x[:, :, None] - boxes.x[:, None], mine.y[:, :, None] - boxes.y[:, None])
        both = traffic.live[:, :, None] & present[:, None]
        apart = torch.where(both, apart, FAR).amin(-1) - mine.radius[..., 0][:, :, None] - boxes.radius[..., 0][:, None]
        row, number, other = (apart < self.threshold).nonzero(as_tuple=True)
        one, two = mine.map(lambda value: value[row, number]), boxes.map(lambda value: value[row, other])
        least, _ = nearest(one, two, both[row, number, other])
        floor[row, number, other] = least.clamp(max=self.threshold)
        return floor

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        traffic = view.traffic
        number, other, partner, counts = close_pairs(view, self.pairs * (1 + (constant.shape[1] > 1)), self.threshold)
        with torch.no_grad():
            step = nearest_step(take_movers(view.moved, number), partner, counts)
            row = torch.arange(len(traffic), device=number.device)[:, None]
            # A pair of movers is found from both ends; half each is the whole.
            share = torch.where(traffic.slot.gather(1, other) >= 0, 0.5, 1.0).to(constant)
        least = gap(*partners_now(view, number, other, partner, step))
        closer = (constant[row, number, other] - least).relu() * share
        return Value.where(traffic.moving.any(1), torch.where(counts.any(-1), closer, 0.0).sum(1))
