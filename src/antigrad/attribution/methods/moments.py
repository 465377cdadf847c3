"""Sums over noise samples that never hold more than one chunk of gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError


class Moments:
    r"""Mean magnitude, mean and unbiased variance of gradients that arrive in chunks of any size.

    $$\frac1n\sum_i|g_i|,\qquad\bar g=\frac1n\sum_ig_i,\qquad V=\frac1{n-1}\sum_i(g_i-\bar g)^2$$

    Three tensors of one sample's shape are kept, whatever n is. Half precision is summed in float32.

    Source: variance of merged chunks: Chan, Golub and LeVeque 1983. Guided AbsoluteGrad (arXiv 2404.15564), Eq. 5,
        is the unbiased variance of the signed gradients.

    Deviations: a variance within rounding of equal gradients counts as 0; see `variance`.

    Example:
        >>> moments = Moments()
        >>> moments.add(torch.tensor([[1.0], [-3.0]]))
        >>> moments.add(torch.tensor([[2.0]]))
        >>> moments.absolute.item(), round(moments.mean.item(), 6), round(moments.variance.item(), 6)
        (2.0, 0.0, 7.0)
    """

    def __init__(self) -> None:
        self.count = 0
        self._absolute = self._mean = self._squares = torch.zeros(())

    def add(self, chunk: Tensor) -> None:
        """Take in more samples.

        Args:
            chunk: (c, ...) one gradient a row.
        """
        chunk = chunk.to(torch.promote_types(chunk.dtype, torch.float32))
        if not self.count:
            self._absolute, self._mean, self._squares = (torch.zeros_like(chunk[0]) for _ in range(3))
        here, together = len(chunk), self.count + len(chunk)
        mean = chunk.mean(0)
        shift = mean - self._mean
        self._absolute += chunk.abs().sum(0)
        if here > 1:
            self._squares += (chunk - mean).square_().sum(0)
        self._squares.addcmul_(shift, shift, value=self.count * here / together)
        self._mean.add_(shift, alpha=here / together)
        self.count = together

    @property
    def absolute(self) -> Tensor:
        """Mean of |g| over the samples."""
        return self._absolute / self._some()

    @property
    def mean(self) -> Tensor:
        """Mean of the signed gradients."""
        self._some()
        return self._mean

    @property
    def positive(self) -> Tensor:
        """Mean of max(g, 0) over the samples."""
        return (self.absolute + self.mean) / 2

    @property
    def negative(self) -> Tensor:
        """Mean of max(−g, 0) over the samples."""
        return (self.absolute - self.mean) / 2

    @property
    def variance(self) -> Tensor:
        """Unbiased variance of the signed gradients, 0 where it is no more than rounding.

        Equal gradients whose mean is rounded leave up to a few eps² g². What is at most 100 eps² times the mean square
        is taken for that: a guide must not be decided by rounding.

        Raises:
            InputValueError: There are fewer than two samples.
        """
        if self._some() < 2:
            raise InputValueError("the variance of one sample", "at least 2 samples", "raise n_samples")
        variance = self._squares / (self.count - 1)
        square = self._squares / self.count + self._mean.square()
        noise = 100 * torch.finfo(variance.dtype).eps ** 2
        return torch.where(variance <= noise * square, torch.zeros_like(variance), variance)

    def _some(self) -> int:
        if not self.count:
            raise InputValueError("moments of no sample", "at least one", "add a chunk first")
        return self.count
