"""`antigrad unlearn compare`: all methods on your own case, over seeds, with the step size searched."""

from antigrad.unlearning.compare.job import compare
from antigrad.unlearning.compare.settings import CompareConfig

__all__ = ["CompareConfig", "compare"]
