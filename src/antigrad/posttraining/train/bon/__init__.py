"""`antigrad train bon`: see `train_bon`."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.train.bon.job import train_bon
    from antigrad.posttraining.train.bon.settings import TrainBonConfig

__all__ = ["TrainBonConfig", "train_bon"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["train_bon"], "settings": ["TrainBonConfig"]}
)
