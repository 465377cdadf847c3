"""RCAP: the class probability of images recovered in stages, times the share of saliency on what is recovered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from antigrad.attribution.metrics.metric import Better, MapMetric
from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.vision.models import Classifier

Base = Literal["black", "grey", "mean", "blurred"]
Ties = Literal["paper", "rank"]
STAGES = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Percentages p_k of the paper (lower bound .5, interval .1), in the order of revealing."""
BLUR = 11.0
"""σ of the `blurred` base as a share of the image's shorter side is 1 over this."""


@dataclass(frozen=True)
class Rcap:
    r"""What `rcap` found for B images and K stages.

    Args:
        hit: (B, K) $h_k$, share of the map's mass on what is revealed.
        probability: (B, K) $s_k$, probability of the class of the recovered image.
        area: (B, K) share of pixels revealed: with ties it is not what the percentage says.
        recovered: (B, K, C, H, W) recovered images in [0, 1], if they were asked for.
    """

    hit: Tensor
    probability: Tensor
    area: Tensor
    recovered: Tensor | None = None

    @property
    def score(self) -> Tensor:
        """(B,) RCAP, mean of $h_ks_k$. It is raised by sharpening a map: never show it alone."""
        return (self.hit * self.probability).mean(1)

    @property
    def rank_only(self) -> Tensor:
        """(B,) mean of $s_k$: what the ranking of the pixels alone is worth."""
        return self.probability.mean(1)

    @property
    def concentration(self) -> Tensor:
        """(B,) mean of $h_k$: the other term, which costs no explanation."""
        return self.hit.mean(1)


def rcap(
    probabilities: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    targets: Tensor,
    *,
    stages: Sequence[float] = STAGES,
    base: Base = "black",
    ties: Ties = "paper",
    keep: bool = False,
) -> Rcap:
    r"""Recover images from their most salient pixels, stage by stage, and ask the model.

    $$\mathrm{RCAP}=\frac1K\sum_kh_ks_k,\qquad h_k=\frac{\sum_{u\in R_k}M_u}{\sum_uM_u},\qquad
    R_k=\{u:M_u>v_{\lfloor Np_k\rfloor}\}$$

    with v the values of the map in ascending order.

    Args:
        probabilities: From images in [0, 1] to class probabilities (b, classes): normalises them first.
        images: (B, C, H, W) in [0, 1].
        maps: (B, H, W) in [0, 1].
        targets: (B,) classes.
        stages: Percentages $p_k$ in (0, 1), highest first.
        base: What unrevealed pixels show: `black`, `grey` (.5), the image's `mean` colour, the image `blurred`.
        ties: `paper`: strictly above the threshold, where a threshold of 1 becomes 0, so that a constant map shows all.
            `rank`: exactly $N-\lfloor Np_k\rfloor$ pixels, of equal ones the earlier.
        keep: Keep the recovered images.

    Returns:
        Both terms and the areas.

    Raises:
        InputValueError: Shapes do not fit, a map is not in [0, 1], there is no such class, or an option is unknown.

    Sign: higher is better.

    Source: Guided AbsoluteGrad, arXiv 2404.15564, as in the authors' code (its main program's stages and base).

    Deviations: always K stages; the authors drop one when the highest threshold is 1.

    Example:
        >>> seen = lambda images: torch.sigmoid(images.sum((1, 2, 3)))[:, None]
        >>> maps, first = torch.tensor([[[0.0, 1.0]]]), torch.tensor([0])
        >>> rcap(seen, torch.ones(1, 1, 1, 2), maps, first, stages=[0.5]).area.item()
        0.5
    """
    _check(images, maps, targets, stages, base, ties)
    count = maps.shape[1:].numel()
    places = [round(count * round(1e6 * stage)) // 1_000_000 for stage in stages]
    shown = torch.stack([_revealed(maps.flatten(1), place, ties) for place in places], 1)
    mass = maps.flatten(1).double().sum(1, keepdim=True)
    inside = torch.where(shown, maps.flatten(1)[:, None].double(), 0.0).sum(2)
    hit = torch.where(mass > 0, inside / torch.where(mass > 0, mass, 1), 0.0)
    under = background(images, base)
    found, kept = [], []
    for stage in range(len(places)):
        mask = shown[:, stage].reshape(-1, 1, *maps.shape[1:])
        recovered = torch.where(mask, images, under)
        found.append(_of_target(probabilities(recovered), targets))
        if keep:
            kept.append(recovered)
    return Rcap(hit, torch.stack(found, 1), shown.double().mean(2), torch.stack(kept, 1) if keep else None)


def calibrated(maps: Tensor) -> Tensor:
    r"""Maps with the same ranking and a uniform histogram.

    $$\hat M_u=(\mathrm{rank}_u+\tfrac12)/N$$

    RCAP of it does not change under any increasing transform of the map: $h_k^\ast=1-p_k^2$, at most .49 in the mean.

    Args:
        maps: (B, H, W).

    Returns:
        (B, H, W) in (0, 1); of equal values the earlier pixel ranks higher.

    Source: ours.

    Example:
        >>> calibrated(torch.tensor([[[0.0, 9.0, 1.0, 2.0]]])).tolist()
        [[[0.125, 0.875, 0.375, 0.625]]]
    """
    flat = maps.flatten(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order).scatter_(
        1, order, torch.arange(flat.shape[1], device=flat.device).flip(0).expand_as(order)
    )
    return ((ranks.double() + 0.5) / flat.shape[1]).reshape(maps.shape)


def matched(maps: Tensor, reference: Tensor) -> Tensor:
    r"""Maps with the ranking of one and the values of another, so that two methods share one histogram.

    $$\hat M_{u}=v'_{(\mathrm{rank}_u)}$$

    Args:
        maps: (B, H, W), whose ranking is kept.
        reference: (B, H, W), whose values are taken, image by image.

    Returns:
        (B, H, W); of equal values the earlier pixel ranks higher.

    Source: ours.

    Example:
        >>> matched(torch.tensor([[[0.0, 0.9, 0.1]]]), torch.tensor([[[0.3, 0.2, 0.7]]])).tolist()
        [[[0.2..., 0.69..., 0.3...]]]
    """
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    values = reference.flatten(1).sort(dim=1, descending=True).values
    return torch.empty_like(values).scatter_(1, order, values).reshape(maps.shape)


def background(images: Tensor, base: Base) -> Tensor:
    """What unrevealed pixels show.

    Args:
        images: (B, C, H, W) in [0, 1].
        base: Its name.

    Returns:
        (B, C, H, W).
    """
    if base == "black":
        return torch.zeros_like(images)
    if base == "grey":
        return torch.full_like(images, 0.5)
    if base == "mean":
        return images.mean((2, 3), keepdim=True).expand_as(images)
    return blur(images, min(images.shape[2:]) / BLUR)


def blur(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with mirrored edges.

    Args:
        images: (B, C, H, W).
        sigma: σ in pixels.

    Returns:
        (B, C, H, W).
    """
    reach = min(round(4 * sigma), min(images.shape[2:]) - 1)
    if reach < 1:
        return images.clone()
    places = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, 1, -1)
    padded = torch.nn.functional.pad(images, (reach,) * 4, mode="reflect")
    wide = torch.nn.functional.conv2d(padded, kernel, groups=images.shape[1])
    return torch.nn.functional.conv2d(wide, kernel.transpose(2, 3), groups=images.shape[1])


def _of_target(chances: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point() or not ((targets >= 0) & (targets < chances.shape[1])).all():
        raise InputValueError(
            f"targets {targets.tolist()}", f"whole numbers, 0 to {chances.shape[1] - 1}", "choose other classes"
        )
    return chances.gather(1, targets[:, None]).squeeze(1).double()


def _revealed(flat: Tensor, place: int, ties: Ties) -> Tensor:
    if ties == "rank":
        order = flat.argsort(dim=1, descending=True, stable=True)[:, : flat.shape[1] - place]
        return torch.zeros_like(flat, dtype=torch.bool).scatter_(1, order, value=True)
    threshold = flat.sort(1).values[:, max(place - 1, 0)]
    threshold = torch.where(threshold >= 1, 0, threshold)
    return flat > threshold[:, None]


def _check(images: Tensor, maps: Tensor, targets: Tensor, stages: Sequence[float], base: str, ties: str) -> None:
    if images.ndim != 4 or maps.shape != (len(images), *images.shape[2:]) or targets.shape != (len(images),):
        raise InputValueError(
            f"images {tuple(images.shape)}, maps {tuple(maps.shape)}, targets {tuple(targets.shape)}",
            "(B, C, H, W), (B, H, W), (B,)",
            "reduce attributions with to_map first",
        )
    if not ((maps >= 0) & (maps <= 1)).all():
        raise InputValueError("maps outside [0, 1], or NaN", "maps in [0, 1]", "reduce attributions with to_map first")
    if not stages or not all(0 < stage < 1 for stage in stages):
        raise InputValueError(f"stages {list(stages)}", "percentages between 0 and 1", "0.9 reveals a tenth")
    _check_options(base, ties)


def _check_options(base: str, ties: str) -> None:
    for name, value, known in (("base", base, get_args(Base)), ("ties", ties, get_args(Ties))):
        if value not in known:
            raise InputValueError(f"{name} {value!r}", f"one of {', '.join(known)}", did_you_mean(value, known))


@dataclass(frozen=True)
class RcapMetric(MapMetric):
    """RCAP with its two terms apart and on the calibrated map; the first figure alone is easily gamed.

    Args:
        base: What unrevealed pixels show.
        ties: See `rcap`; the calibrated figure always breaks them by place.

    Raises:
        InputValueError: An option is unknown.

    Sign: higher is better; of `rcap_h` (concentration) neither, since it costs no explanation.

    Source: Guided AbsoluteGrad, arXiv 2404.15564; `rcap_s` and `rcap_calibrated` are ours.

    Deviations: see `rcap`.
    """

    figures: ClassVar[Mapping[str, Better]] = {
        "rcap": "higher",
        "rcap_s": "higher",
        "rcap_calibrated": "higher",
        "rcap_h": "neither",
    }
    base: Base = "black"
    ties: Ties = "paper"

    def __post_init__(self) -> None:
        _check_options(self.base, self.ties)

    def __call__(self, classifier: Classifier, images: Tensor, maps: Tensor, targets: Tensor) -> dict[str, Tensor]:  # noqa: D102
        seen = classifier.probabilities
        found = rcap(seen, images, maps, targets, base=self.base, ties=self.ties)
        ranked = rcap(seen, images, calibrated(maps), targets, base=self.base, ties="rank")
        scores = {"rcap": found.score, "rcap_s": found.rank_only, "rcap_calibrated": ranked.score}
        return scores | {"rcap_h": found.concentration}
