"""`antigrad evaluate`: checkpoints against the model they came from."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.evaluate.job import evaluate
    from antigrad.posttraining.evaluate.settings import EvaluateConfig

__all__ = ["EvaluateConfig", "evaluate"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["evaluate"], "settings": ["EvaluateConfig"]}
)
