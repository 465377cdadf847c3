"""`antigrad diagnose`: one update per question and rule."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.diagnose.job import diagnose
    from antigrad.posttraining.diagnose.settings import DiagnoseConfig

__all__ = ["DiagnoseConfig", "diagnose"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["diagnose"], "settings": ["DiagnoseConfig"]}
)
