"""`antigrad train grpo`: TRL's GRPO with a rule for the negative gradient."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.train.grpo.job import train_grpo
    from antigrad.posttraining.train.grpo.options import CreditOptions
    from antigrad.posttraining.train.grpo.settings import TrainGRPOConfig
    from antigrad.posttraining.train.grpo.trainer import GRPOTrainer

__all__ = ["CreditOptions", "GRPOTrainer", "TrainGRPOConfig", "train_grpo"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "job": ["train_grpo"],
        "settings": ["TrainGRPOConfig"],
        "trainer": ["GRPOTrainer"],
        "options": ["CreditOptions"],
    },
)
