"""`antigrad train tiny-policy`: how the shipped weights were made."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.language.tiny.pretrain.job import pretrain
    from antigrad.language.tiny.pretrain.settings import PretrainConfig

__all__ = ["PretrainConfig", "pretrain"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["pretrain"], "settings": ["PretrainConfig"]}
)
