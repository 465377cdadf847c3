"""`antigrad unlearn`: forget part of the data, and say honestly whether it is forgotten."""

from antigrad.unlearning.unlearn.job import unlearn_job
from antigrad.unlearning.unlearn.settings import UnlearnConfig

__all__ = ["UnlearnConfig", "unlearn_job"]
