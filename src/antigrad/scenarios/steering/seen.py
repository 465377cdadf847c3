"""Only objects that were seen long enough are moved."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.steering.steering import Recording, Steering


@dataclass(frozen=True)
class Seen(Steering):
    """Candidates were valid on a share of the log.

    Args:
        share: Least share of valid steps.

    Raises:
        InputValueError: The share is not from 0 to 1.

    Sign: True keeps an object as a candidate.

    Source: Yin et al. 2024, arXiv 2409.07830, the released code, in both of its modes.

    Deviations: none.

    Example:
        >>> Seen().share
        0.5
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputValueError(f"share={self.share}", "from 0 to 1", "0.5 is the released code's")

    def keeps(self, recording: Recording) -> Tensor:  # noqa: D102
        valid = recording.scenes.valid
        return valid.sum(-1) >= self.share * valid.shape[-1]
