"""VPO: the less a rejected response says about the answer, the less it is pushed down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.loss import PairLogps, above_zero
from antigrad.objectives.pairs.scaled_rejected import ScaledRejected

Reading = Literal["paper", "continuous"]


def constraint(pvi: Tensor, reading: Reading = "paper", temperature: float = 1.0) -> Tensor:
    r"""Constraint of a rejected response by its pointwise V-information.

    $$v=0\text{ where PVI}\ge0,\text{ else }\sigma(-\mathrm{PVI}/\tau)\ (\texttt{paper})\text{ or }
    \tanh(-\mathrm{PVI}/2\tau)\ (\texttt{continuous})$$

    Args:
        pvi: PVI of the rejected response, nats, any shape.
        reading: `paper` jumps from 0 to ½ at PVI = 0; `continuous` is $2\sigma-1$, which does not.
        temperature: τ, in nats.

    Returns:
        v from 0 to below 1, the same shape; λ = 1 − v.

    Raises:
        InputValueError: An option is out of range, or a PVI is not a number.

    Example:
        >>> [round(v, 6) for v in constraint(torch.tensor([-1.0, 0.0, 2.0])).tolist()]
        [0.731059, 0.0, 0.0]
    """
    if reading not in get_args(Reading):
        raise InputValueError(f"reading {reading!r}", "paper or continuous", "paper is the default")
    above_zero("temperature", temperature, "1 is the paper's")
    if bool(pvi.isnan().any()):
        raise InputValueError("a PVI that is not a number", "nats", "leave those pairs out, or measure them again")
    fall = -pvi / temperature
    return torch.where(pvi < 0, torch.sigmoid(fall) if reading == "paper" else torch.tanh(fall / 2), 0.0)


@dataclass(frozen=True)
class Vpo(ScaledRejected):
    r"""VPO: DPO with the rejected log-ratio times 1 − v, v by pointwise V-information.

    $$\mathcal L=-\log\sigma\big(\beta\ell_w-(1-v)\,\beta\ell_l\big),\qquad g_w=\beta\,\sigma(-r),\quad g_l=(1-v)\,g_w$$

    Args:
        beta: β, inverse temperature; 0.05 is the paper's.
        reading: How v follows from PVI, see `constraint`.
        temperature: τ of `constraint`.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), the latter less where the rejected response
        says less than nothing about the answer.

    Source: Wang et al. 2025, NeurIPS (OpenReview LCZmI3iM8X), Table 4, Eq. 12.

    Deviations: Eq. 12 as read in `docs/papers.md`; `continuous` and τ ≠ 1 are ours.

    Example:
        >>> import torch
        >>> sums = torch.tensor([[-12], [-20], [-11.2], [-17.5]], dtype=torch.float64)
        >>> golden = PairLogps(*sums, pvi=torch.tensor([-1.0], dtype=torch.float64))
        >>> out = Vpo(beta=0.1)(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6995498698, 0.0503191118, 0.0135328934]
    """

    beta: float = 0.05
    reading: Reading = "paper"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        constraint(torch.zeros(1), self.reading, self.temperature)

    def factors(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return 1 - constraint(pairs.require("pvi"), self.reading, self.temperature)
