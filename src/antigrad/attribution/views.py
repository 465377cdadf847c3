"""From attributions to maps in [0, 1]: which sign counts, channels summed, each image on its own scale."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean

View = Literal["absolute", "positive", "negative", "signed"]


def reduced(attribution: Tensor, view: View = "absolute") -> Tensor:
    r"""Sum over channels of what a view keeps.

    $$S_u=\sum_{ch}\lvert a\rvert,\quad\sum_{ch}\max(a,0),\quad\sum_{ch}\max(-a,0),\quad\sum_{ch}a$$

    Args:
        attribution: (B, C, H, W).
        view: `absolute`, `positive` (what speaks for the class), `negative` (what speaks against it), `signed`.

    Returns:
        (B, H, W).

    Raises:
        InputValueError: Unknown view, or not four axes.

    Sign: `signed` is above zero where raising the pixel raises the target's logit.

    Source: Guided AbsoluteGrad, arXiv 2404.15564, Algorithm 1, line 16 (sum of magnitudes over channels).

    Deviations: none.

    Example:
        >>> reduced(torch.tensor([[[[1.0]], [[-3.0]]]]), "negative").item()
        3.0
    """
    if view not in get_args(View):
        raise InputValueError(
            f"view {view!r}", f"one of {', '.join(get_args(View))}", did_you_mean(view, get_args(View))
        )
    if attribution.ndim != 4:
        raise InputValueError(f"attributions of shape {tuple(attribution.shape)}", "(B, C, H, W)", "add a batch axis")
    kept = {
        "absolute": attribution.abs,
        "positive": lambda: attribution.clamp(min=0),
        "negative": lambda: (-attribution).clamp(min=0),
        "signed": lambda: attribution,
    }[view]()
    return kept.sum(1)


def to_map(attribution: Tensor, view: View = "absolute") -> Tensor:
    r"""Maps in [0, 1] (`signed`: in [−1, 1], 0 kept), each image on its own scale.

    $$M=\frac{S-\min S}{\max S-\min S},\qquad\text{signed: }M=S/\max\lvert S\rvert$$

    Args:
        attribution: (B, C, H, W).
        view: See `reduced`.

    Returns:
        (B, H, W). A constant image is zeros, with a warning.

    Raises:
        InputValueError: Unknown view, not four axes, or a number is not finite.

    Source: Guided AbsoluteGrad, arXiv 2404.15564, Algorithm 1, line 16.

    Deviations: in the authors' code a batch of nothing but constant maps becomes ones, which its metric rewards.

    Example:
        >>> to_map(torch.tensor([[[[1.0, -3.0, 2.0]]]])).tolist()
        [[[0.0, 1.0, 0.5]]]
    """
    found = reduced(attribution, view)
    if not found.numel():
        return found
    if not torch.isfinite(found).all():
        raise InputValueError("attributions with NaN or inf", "finite numbers", "check the model and its inputs")
    low = torch.zeros_like(found[:, :1, :1]) if view == "signed" else found.amin((1, 2), keepdim=True)
    span = (found - low).abs().amax((1, 2), keepdim=True)
    if (span == 0).any():
        warnings.warn(f"{int((span == 0).sum())} of {len(found)} maps are constant: they become zeros", stacklevel=2)
    return torch.where(span > 0, (found - low) / torch.where(span > 0, span, 1), torch.zeros_like(found))
