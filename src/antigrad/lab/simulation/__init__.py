"""`antigrad lab simulate`: a world and a claim of your own, with the page of a study."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.lab.simulation.job import lab_simulate
    from antigrad.lab.simulation.settings import SimulateConfig

__all__ = ["SimulateConfig", "lab_simulate"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["lab_simulate"], "settings": ["SimulateConfig"]}
)
