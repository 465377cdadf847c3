"""`antigrad explain-text`: which tokens of a prompt pull an answer up, which push it down."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from antigrad.attribution.explain_text.job import explain_text
    from antigrad.attribution.explain_text.language import attribute_tokens
    from antigrad.attribution.explain_text.settings import ExplainTextConfig

__all__ = ["ExplainTextConfig", "attribute_tokens", "explain_text"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"job": ["explain_text"], "settings": ["ExplainTextConfig"], "language": ["attribute_tokens"]},
)
