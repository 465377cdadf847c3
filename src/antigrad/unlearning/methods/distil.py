"""Distances of a student's outputs from a teacher's."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import kl_div


def distil(teacher: Tensor, student: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Divergence of the student from the teacher at a temperature.

    $$T^2\,\frac1N\sum KL(\mathrm{softmax}(z_t/T)\,\Vert\,\mathrm{softmax}(z_s/T))$$

    Args:
        teacher: (N, K) logits.
        student: (N, K) logits, with a graph.
        temperature: T.

    Returns:
        Scalar, in nats.

    Source: Hinton et al. 2015, arXiv 1503.02531.

    Example:
        >>> import torch
        >>> distil(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 2.0]])).item()
        0.0
    """
    target, found = (teacher / temperature).log_softmax(1), (student / temperature).log_softmax(1)
    return kl_div(found, target, reduction="batchmean", log_target=True) * temperature**2
