"""Safety-critical driving scenarios: recorded traffic, bent by gradients until a planner is in danger."""

from antigrad.scenarios.scene import Record, Scenes, arrange, longest_run, with_ego
from antigrad.scenarios.sdf import SignedDistance

__all__ = ["Record", "Scenes", "SignedDistance", "arrange", "longest_run", "with_ego"]
