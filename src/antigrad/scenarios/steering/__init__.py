"""Rules of whom an attack may move and which part of the gradient acts, one per file, each to be switched off alone."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.steering.steering import Recording, Steering

STEERING: Catalog[Steering] = Catalog("antigrad.scenarios.steering", Steering)

__all__ = ["STEERING", "Recording", "Steering"]
