"""`antigrad train dpo`: TRL's DPO with a rule for the factor of rejected responses."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.train.dpo.job import train_dpo
    from antigrad.posttraining.train.dpo.settings import TrainDPOConfig
    from antigrad.posttraining.train.dpo.trainer import DPOTrainer

__all__ = ["DPOTrainer", "TrainDPOConfig", "train_dpo"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"job": ["train_dpo"], "settings": ["TrainDPOConfig"], "trainer": ["DPOTrainer"]},
)
