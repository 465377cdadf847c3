"""The categorical policy laboratory: every objective as an exact differential equation, and sampled."""

from antigrad.core.catalog import Catalog
from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Objective
from antigrad.lab.simulate import simulate
from antigrad.lab.trace import Trace, comparison, matched

OBJECTIVES: Catalog[Objective] = Catalog("antigrad.lab.objectives", Objective)  # pyright: ignore[reportAbstractUsage]

__all__ = ["OBJECTIVES", "Bandit", "Objective", "Trace", "comparison", "matched", "simulate"]
