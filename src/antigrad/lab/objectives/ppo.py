"""PPO: the clipped surrogate on group-relative advantages."""

from __future__ import annotations

from dataclasses import dataclass

from antigrad.lab.objectives.grpo import Grpo


@dataclass(frozen=True)
class Ppo(Grpo):
    r"""PPO without a value network: its first inner step is GRPO, later ones clip the ratio.

    $$w_i=\hat A_i\,\rho_i\,\mathbf 1[\text{not clipped}]$$

    Args:
        scale: See `Grpo`.
        denominator: See `Grpo`.
        clip: ε.

    Sign: as `Grpo`, until a sample's ratio has moved by ε.

    Source: Schulman et al. 2017, arXiv 1707.06347, Eq. 7.

    Deviations: advantages are those of the group; no value function and no entropy term.

    Example:
        >>> Ppo().label
        'PPO'
    """

    clip: float | None = 0.2

    @property
    def label(self) -> str:  # noqa: D102
        return "PPO"
