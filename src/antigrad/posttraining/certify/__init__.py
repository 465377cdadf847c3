"""`antigrad certify`: the whole move between two checkpoints."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.posttraining.certify.job import certify
    from antigrad.posttraining.certify.settings import CertifyConfig

__all__ = ["CertifyConfig", "certify"]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"job": ["certify"], "settings": ["CertifyConfig"]})
