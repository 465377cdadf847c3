"""Planners under test, one per file: they drive the ego; no gradient goes through them."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.planners.planner import Drive, Planner

PLANNERS: Catalog[Planner] = Catalog("antigrad.scenarios.planners", Planner)  # pyright: ignore[reportAbstractUsage]

__all__ = ["PLANNERS", "Drive", "Planner", "make_planner"]


def make_planner(spec: str, deadline: float = 30.0) -> Planner:
    """Build a planner from its name, or from `module:function` of your own.

    Args:
        spec: `idm`, `idm(headway=1.0)`, ..., or `my_package.planner:plan`.
        deadline: s that a planner of your own may take for one roll-out.

    Returns:
        The planner.
    """
    if ":" in spec and "(" not in spec:
        from antigrad.scenarios.planners.external import External

        return External(spec, deadline)
    return PLANNERS.make(spec)
