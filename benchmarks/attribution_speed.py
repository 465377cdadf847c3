"""Guided AbsoluteGrad against bare gradients of the same noisy batches, and against Captum's SmoothGrad."""

from __future__ import annotations

import torch
from captum.attr import NoiseTunnel, Saliency
from torch import Tensor

from antigrad.attribution.methods.guided_absolute_grad import GuidedAbsoluteGrad
from antigrad.vision.models import load_classifier
from benchmarks.measure import paired_ratio, peak_megabytes, record

SAMPLES, CHUNK = 20, 10


def run(quick: bool, keep: bool) -> None:
    """Time maps of one image, then look at the peak memory for more and more samples."""
    classifier = load_classifier()
    torch.manual_seed(0)
    image = classifier.normalise(torch.rand(1, 3, classifier.size, classifier.size))
    samples, repeats = (4, 1) if quick else (SAMPLES, 7)
    chunk = min(CHUNK, samples)
    std = 0.15 * float(image.max() - image.min())
    noisy = [image + std * torch.randn(chunk, *image.shape[1:]) for _ in range(samples // chunk)]
    ours, tunnel = GuidedAbsoluteGrad(classifier.model), NoiseTunnel(Saliency(classifier.model))

    def maps(count: int = samples) -> Tensor:
        return ours.attribute(image, 0, count, internal_batch_size=chunk)  # pyright: ignore[reportReturnType]

    def bare() -> None:
        for batch in noisy:
            given = batch.clone().requires_grad_()
            torch.autograd.grad(classifier.model(given)[:, 0].sum(), given)

    def smoothgrad() -> Tensor:
        return tunnel.attribute(
            image,
            nt_type="smoothgrad",
            nt_samples=samples,
            nt_samples_batch_size=chunk,
            stdevs=std,
            target=0,
            abs=False,
        )

    words = f"maps of {samples} samples in chunks of {chunk}"
    for name, theirs, target, what in (
        ("attribution_bare", bare, 1.1, "bare forward and backward passes of as many noisy images"),
        ("attribution_captum", smoothgrad, 1.0, "Captum's NoiseTunnel(Saliency), equal samples and chunk"),
    ):
        found = paired_ratio(maps, theirs, repeats)
        record({"name": name, "what": f"{words} ÷ {what}", **found, "target": target}, keep=keep)
    counts = (chunk, 2 * chunk) if quick else (chunk, 4 * chunk, 16 * chunk)
    peaks = {str(count): peak_megabytes(lambda count=count: maps(count)) for count in counts}
    ratio = peaks[str(counts[-1])] / peaks[str(counts[0])]
    what = f"peak memory of {counts[-1]} samples ÷ of {counts[0]}, chunks of {chunk}"
    record({"name": "attribution_memory", "what": what, "megabytes": peaks, "ratio": ratio, "target": 1.05}, keep=keep)
