"""Costs an attack goes down, one per file: what they push down is the safety margin; the rest anchors the scene."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.costs.cost import Cost, Value

COSTS: Catalog[Cost] = Catalog("antigrad.scenarios.costs", Cost)  # pyright: ignore[reportAbstractUsage]

__all__ = ["COSTS", "Cost", "Value"]
