"""`antigrad diagnose pairs`: one update per pair and rule."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.diagnose.pairs.job import diagnose_pairs
    from antigrad.posttraining.diagnose.pairs.settings import DiagnosePairsConfig

__all__ = ["DiagnosePairsConfig", "diagnose_pairs"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"job": ["diagnose_pairs"], "settings": ["DiagnosePairsConfig"]}
)
