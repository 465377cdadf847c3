"""`antigrad explain`: where an image model's decision comes from."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.attribution.explain.job import explain
    from antigrad.attribution.explain.settings import ExplainConfig

__all__ = ["ExplainConfig", "explain"]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"job": ["explain"], "settings": ["ExplainConfig"]})
