"""`antigrad lab run | all`: studies of the laboratory, their verdicts and one page."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.lab.run.job import lab
    from antigrad.lab.run.settings import LabConfig

__all__ = ["LabConfig", "lab"]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"job": ["lab"], "settings": ["LabConfig"]})
