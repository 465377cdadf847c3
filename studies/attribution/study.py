"""All attribution methods by all metrics, against controls that know no model, on real images."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from studies.attribution.figures import tables
from studies.kept import record
from torch import Tensor

from antigrad.attribution.methods import METHODS
from antigrad.attribution.methods.guide import guide_weights
from antigrad.attribution.methods.moments import Moments
from antigrad.attribution.methods.noise import draw, noise_std
from antigrad.attribution.metrics.controls import centre, random_map, sobel
from antigrad.attribution.metrics.gridpg import in_tile, make_grids
from antigrad.attribution.metrics.insertion_deletion import deletion_auc, insertion_auc
from antigrad.attribution.metrics.rcap import STAGES, Base, Rcap, blur, calibrated, rcap
from antigrad.attribution.randomisation import rank_correlation
from antigrad.attribution.views import to_map
from antigrad.core.ledger import Ledger
from antigrad.core.progress import progress
from antigrad.vision.images import find_pictures, square
from antigrad.vision.models import Classifier, load_classifier

IMAGES = Path(__file__).parents[2] / ".." / "shared" / "data" / "imagenet_sample_p90_half.parquet"
FOLDER = Path("runs/attribution-study")
SAMPLES, LEVEL, SEED, GRIDS, RANDOMISED = 20, 0.15, 0, 20, 18
PERCENTILES = (0.0, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85)
OTHERS = ("saliency", "integrated_gradients", "guided_ig", "blur_ig", "guided_backprop", "gradcam")
CONTROLS = ("random", "sobel", "centre")
EVERYWHERE = ("absolute_grad", "gag_0.85", "gag_relative", "smoothgrad", "vargrad", *OTHERS, *CONTROLS)
"""Maps scored on every base, and by deletion and insertion."""
SHARPENED = {
    "absolute_grad": (2, 4, 8), "gag_0.85": (4,), "smoothgrad": (4,), "vargrad": (4,), "gradcam": (4,), "sobel": (4,),
    "centre": (4,),
}  # fmt: skip
BASES: tuple[Base, ...] = ("black", "grey", "mean")
EXACT = 1 - torch.tensor(STAGES, dtype=torch.float64)
CALIBRATED = 1 - torch.tensor(STAGES, dtype=torch.float64) ** 2
"""Share of pixels, and of a uniform histogram's mass, that a stage reveals."""
Maps = dict[str, Tensor]
Scores = dict[str, dict[str, float]]


def run(quick: bool, keep: bool) -> None:
    """Score every image once, go on where an interrupted run stopped, then write the tables."""
    classifier = load_classifier()
    folded = replace(classifier, model=fold(classifier))
    pictures = find_pictures([IMAGES])[:: 95 if quick else 1]
    views = [square(picture.open(), resize=classifier.resize, size=classifier.size) for picture in pictures]
    targets = torch.tensor([cast(int, picture.label) for picture in pictures])
    folder = FOLDER.with_name("attribution-study-quick") if quick else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / "rows.jsonl")
    done = {(row["kind"], row["place"]) for row in ledger.rows()}
    grids, randomised = (0, 0) if quick else (GRIDS, RANDOMISED)
    with progress("images, percentiles, grids", 2 * len(views) + grids + randomised, done=len(done)) as bar:
        for place, view in enumerate(views):
            if ("image", place) not in done:
                scores = scored(classifier, folded, view[None], targets[place : place + 1], place)
                ledger.append({"kind": "image", "place": place, "image": pictures[place].name, "scores": scores})
                bar.advance()
        for place, view in enumerate(views):
            if ("sweep", place) not in done:
                scores = swept(folded, view[None], targets[place : place + 1], place)
                ledger.append({"kind": "sweep", "place": place, "scores": scores})
                bar.advance()
        for place, shares in pointing(classifier, folded, torch.stack(views), targets, grids, done):
            ledger.append({"kind": "grid", "place": place, "scores": shares})
            bar.advance()
        step = max(1, len(views) // max(randomised, 1))
        for place in range(0, step * randomised, step):
            if ("randomised", place) not in done:
                scores = noticed(classifier, views[place][None], targets[place : place + 1], place)
                ledger.append({"kind": "randomised", "place": place, "scores": scores})
                bar.advance()
    record(tables(ledger.rows(), facts()), __file__, keep=keep)


def facts() -> dict[str, Any]:
    """What was run.

    Returns:
        Sizes, seed and sources.
    """
    return {
        "samples": SAMPLES,
        "noise_level": LEVEL,
        "seed": SEED,
        "stages": STAGES,
        "model": "efficientnet-lite0",
        "images_from": IMAGES.name,
    }


def fold(classifier: Classifier) -> Any:
    """Fold the batch norms into the convolutions: the same function to 1e-5, in half the time.

    Args:
        classifier: The model.

    Returns:
        The folded model, without modules to hook.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of traced sizes, which are constants here, and of tracing itself.
        example = torch.zeros(2, 3, classifier.size, classifier.size).to(memory_format=torch.channels_last)
        return torch.jit.freeze(torch.jit.trace(classifier.model.to(memory_format=torch.channels_last), example))


def all_maps(
    classifier: Classifier, folded: Classifier, image: Tensor, target: Tensor, numbers: torch.Generator
) -> Maps:
    """Make every map of one image; those of noisy gradients come from the same gradients.

    Args:
        classifier: The model.
        folded: The same without batch norms, for methods that look at inputs and outputs alone.
        image: (1, 3, H, W) in [0, 1].
        target: (1,) class.
        numbers: Random numbers.

    Returns:
        Name and (1, H, W) map.
    """
    inputs = classifier.normalise(image)
    moments = gradients(folded, inputs, target, numbers)
    size, variance = moments.absolute, moments.variance
    maps = {f"gag_{p:g}": to_map(size * guide_weights(variance, p, "paper")) for p in PERCENTILES if p}
    maps["absolute_grad"] = to_map(size)
    maps |= {f"gag_{guide}": to_map(size * guide_weights(variance, 0.85, guide)) for guide in ("relative", "hard")}
    scaled = guide_weights(variance * 1e4, 0.85, "paper")
    maps["gag_logits_x100"] = to_map(size * scaled)
    maps["smoothgrad"], maps["vargrad"] = to_map(moments.mean), to_map(variance)
    maps["smoothgrad_guided"] = to_map(moments.mean * guide_weights(variance, 0.85, "paper"))
    maps["absolute_positive"], maps["absolute_negative"] = to_map(moments.positive), to_map(moments.negative)
    for name in ("absolute_grad", "gag_0.85"):
        maps[f"{name}_blurred"] = to_map(blur(maps[name][:, None], 4.0))
    for name in OTHERS:
        model = classifier if name in ("guided_backprop", "gradcam") else folded
        maps[name] = to_map(METHODS.make(name)(model, inputs, target, numbers))
    return maps | {"random": random_map(image, numbers), "sobel": sobel(image), "centre": centre(image)}


def gradients(classifier: Classifier, inputs: Tensor, target: Tensor, numbers: torch.Generator) -> Moments:
    """Sum gradients at noisy copies, a few at a time.

    Args:
        classifier: The model.
        inputs: (1, 3, H, W), normalised.
        target: (1,) class.
        numbers: Of the noise.

    Returns:
        Their moments.
    """
    moments, std, most = Moments(), noise_std(inputs, LEVEL), 10 if inputs.shape[-1] < 300 else 4
    for start in range(0, SAMPLES, most):
        noisy = draw(inputs, std, min(most, SAMPLES - start), numbers, shared=False).flatten(0, 1).requires_grad_()
        logits = classifier.model(noisy)[:, target[0]]
        moments.add(torch.autograd.grad(logits.sum(), noisy)[0].unsqueeze(1))
    return moments


def sharper(maps: Maps) -> Maps:
    """Powers of maps: the same ranks, mass on fewer pixels.

    Args:
        maps: All maps.

    Returns:
        Name and power.
    """
    return {f"{name}^{power}": maps[name] ** power for name, powers in SHARPENED.items() for power in powers}


@torch.no_grad()
def scored(classifier: Classifier, folded: Classifier, image: Tensor, target: Tensor, place: int) -> Scores:
    """Score all maps of one image.

    Args:
        classifier: The model.
        folded: The same without batch norms.
        image: (1, 3, H, W) in [0, 1].
        target: (1,) class.
        place: Its number, which seeds its noise.

    Returns:
        Name of the map, then of the figure, and its value.
    """
    numbers = torch.Generator().manual_seed(SEED * 1_000_003 + place)
    with torch.enable_grad():
        maps = {name: one.detach() for name, one in all_maps(classifier, folded, image, target, numbers).items()}
    found: Scores = {name: {} for name in maps}
    for base in BASES:
        names = list(maps if base == "black" else EVERYWHERE)
        plain, figures = judged(folded, image, target, [maps[name] for name in names], base)
        for row, name in enumerate(names):
            found[name] |= {f"{figure}/{base}": float(values[row]) for figure, values in figures.items()}
            for power in SHARPENED.get(name, ()) if base == "black" else ():
                seen = iter(plain.probability[row : row + 1].T)  # A power shows the same pixels.
                sharp = rcap(lambda _: next(seen)[:, None], image, maps[name] ** power, target * 0)  # noqa: B023
                own = {"rcap": float(sharp.score), "rcap_h": float(sharp.concentration)}
                own |= {key: float(figures[key][row]) for key in ("rcap_s", "rcap_s_untied", "rcap_calibrated")}
                found[f"{name}^{power}"] = {f"{figure}/{base}": value for figure, value in own.items()}
    stack = torch.cat([maps[name] for name in EVERYWHERE])
    many, classes = image.expand(len(stack), -1, -1, -1), target.expand(len(stack))
    areas = {
        "dauc": deletion_auc(folded.probabilities, many, stack, classes, base=torch.tensor(folded.mean)),
        "iauc": insertion_auc(folded.probabilities, many, stack, classes),
    }
    for figure, values in areas.items():
        for name, value in zip(EVERYWHERE, values.tolist(), strict=True):
            found[name][figure] = value
    return found


@torch.no_grad()
def swept(folded: Classifier, image: Tensor, target: Tensor, place: int) -> Scores:
    """Score the relative guide at every percentile, and the paper's at the one of the specification's table.

    Args:
        folded: The model, without batch norms.
        image: (1, 3, H, W) in [0, 1].
        target: (1,) class.
        place: Its number: the noise is that of its other maps.

    Returns:
        Name of the map, then of the figure, and its value.
    """
    numbers = torch.Generator().manual_seed(SEED * 1_000_003 + place)
    with torch.enable_grad():
        moments = gradients(folded, folded.normalise(image), target, numbers)
    size, variance = moments.absolute, moments.variance
    weights = {f"gag_relative_{p:g}": guide_weights(variance, p, "relative") for p in PERCENTILES[1:-1]}
    weights["gag_0.5"] = guide_weights(variance, 0.5, "paper")
    maps = {name: to_map(size * weight) for name, weight in weights.items()}
    _, figures = judged(folded, image, target, list(maps.values()), "black")
    return {
        name: {f"{figure}/black": float(values[row]) for figure, values in figures.items()}
        for row, name in enumerate(maps)
    }


def judged(
    folded: Classifier, image: Tensor, target: Tensor, maps: list[Tensor], base: Base
) -> tuple[Rcap, dict[str, Tensor]]:
    """RCAP of many maps of one image, with what no sharpening raises.

    Args:
        folded: The model.
        image: (1, 3, H, W) in [0, 1].
        target: (1,) class.
        maps: (1, H, W) each.
        base: What unrevealed pixels show.

    Returns:
        RCAP, one row a map, and all figures.
    """
    plain = recovered(folded, image, target, maps, base, ranked=False)
    tied = [place for place, row in enumerate(plain.area) if not torch.allclose(row, EXACT, atol=1e-4)]
    ranked = plain.probability.clone()  # With no ties the regions of the ranks are those of the map.
    if tied:
        again = recovered(folded, image, target, [maps[place] for place in tied], base, ranked=True)
        ranked[torch.tensor(tied)] = again.probability
    figures = {"rcap": plain.score, "rcap_h": plain.concentration, "rcap_s": plain.rank_only}
    return plain, figures | {"rcap_s_untied": ranked.mean(1), "rcap_calibrated": (ranked * CALIBRATED).mean(1)}


def recovered(
    folded: Classifier, image: Tensor, target: Tensor, maps: list[Tensor], base: Base, *, ranked: bool
) -> Rcap:
    """RCAP of many maps of one image.

    Args:
        folded: The model.
        image: (1, 3, H, W) in [0, 1].
        target: (1,) class.
        maps: (1, H, W) each.
        base: What unrevealed pixels show.
        ranked: Break ties by place, on maps with a uniform histogram.

    Returns:
        One row a map.
    """
    stack, many = torch.cat(maps), image.expand(len(maps), -1, -1, -1)
    stack = calibrated(stack) if ranked else stack
    return rcap(
        folded.probabilities, many, stack, target.expand(len(maps)), base=base, ties="rank" if ranked else "paper"
    )


def pointing(
    classifier: Classifier,
    folded: Classifier,
    images: Tensor,
    targets: Tensor,
    count: int,
    done: set[tuple[str, int]],
) -> Iterator[tuple[int, Scores]]:
    """Play the pointing game, grid by grid.

    Args:
        classifier: The model.
        folded: The same without batch norms.
        images: (B, 3, H, W) in [0, 1].
        targets: (B,) classes.
        count: Grids.
        done: Those that need not be played again.

    Yields:
        Place of a grid, and the shares of each map, as it is and calibrated.
    """
    if not count:
        return
    grids = make_grids(images, targets, count, torch.Generator().manual_seed(SEED))
    for place in range(count):
        if ("grid", place) in done:
            continue
        here = slice(place, place + 1)
        numbers = torch.Generator().manual_seed(SEED * 1_000_003 + 500_000 + place)
        maps = all_maps(classifier, folded, grids.images[here], grids.targets[here], numbers)
        maps |= sharper(maps)
        shares: Scores = {}
        for name, one in maps.items():
            plain, ranked = (float(in_tile(each.detach(), grids.tiles[here])) for each in (one, calibrated(one)))
            shares[name] = {"gridpg": plain, "gridpg_calibrated": ranked}
        yield place, shares


def noticed(classifier: Classifier, image: Tensor, target: Tensor, place: int) -> Scores:
    """Compare maps with those of other noise, of a randomised model, of another class.

    Args:
        classifier: The model.
        image: (1, 3, H, W) in [0, 1].
        target: (1,) class.
        place: Its number.

    Returns:
        Name of the map, then what was changed, and the rank correlation.
    """
    last, everything = copy.deepcopy(classifier), copy.deepcopy(classifier)
    with torch.random.fork_rng():
        torch.manual_seed(SEED + place)
        next(one for one in reversed(list(last.model.modules())) if isinstance(one, torch.nn.Linear)).reset_parameters()
        for module in everything.model.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
                module.reset_parameters()
    other = (target + 500) % 1000
    asked = {
        "original": (classifier, target, 0), "noise": (classifier, target, 1), "class": (classifier, other, 0),
        "classifier layer": (last, target, 0), "all layers": (everything, target, 0),
    }  # fmt: skip
    found: dict[str, Maps] = {}
    for name, (model, wanted, stream) in asked.items():
        inputs, numbers = model.normalise(image), torch.Generator().manual_seed(2 * place + stream)
        moments = gradients(model, inputs, wanted, numbers)
        size, variance = moments.absolute, moments.variance
        maps = {"saliency": to_map(METHODS.make("saliency")(model, inputs, wanted)), "absolute_grad": to_map(size)}
        maps |= {"smoothgrad": to_map(moments.mean), "vargrad": to_map(variance)}
        maps |= {"gag_0.85": to_map(size * guide_weights(variance, 0.85, "paper"))}
        found[name] = maps | {"gag_relative": to_map(size * guide_weights(variance, 0.85, "relative"))}
    first = found.pop("original")
    return {
        name: {f"spearman/{what}": float(rank_correlation(one, maps[name])) for what, maps in found.items()}
        | {"spearman/sobel": float(rank_correlation(one, sobel(image)))}
        for name, one in first.items()
    }
