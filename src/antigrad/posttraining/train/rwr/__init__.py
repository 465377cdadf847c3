"""`antigrad train rwr`: see `train_rwr`."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.train.rwr.job import train_rwr
    from antigrad.posttraining.train.rwr.settings import TrainRwrConfig

__all__ = ["TrainRwrConfig", "train_rwr"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["train_rwr"], "settings": ["TrainRwrConfig"]}
)
