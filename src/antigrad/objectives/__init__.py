"""Losses on log-probabilities, kept apart as `Parts`."""

from antigrad.objectives.best_of_n import BestOfN
from antigrad.objectives.grpo import Grpo, advantages_of_groups, clipped_gain, group_advantages
from antigrad.objectives.likelihood import Likelihood
from antigrad.objectives.npo import Npo
from antigrad.objectives.pairs import PAIR_LOSSES, MarginLoss, PairLogps, PairLoss, PairOutput, PairWeights
from antigrad.objectives.pairs.dpo import Dpo
from antigrad.objectives.pairs.ipo import Ipo
from antigrad.objectives.pairs.slic import Slic
from antigrad.objectives.pass_at_k import pass_at_k_estimate
from antigrad.objectives.rwr import Rwr

__all__ = [
    "PAIR_LOSSES",
    "BestOfN",
    "Dpo",
    "Grpo",
    "Ipo",
    "Likelihood",
    "MarginLoss",
    "Npo",
    "PairLogps",
    "PairLoss",
    "PairOutput",
    "PairWeights",
    "Rwr",
    "Slic",
    "advantages_of_groups",
    "clipped_gain",
    "group_advantages",
    "pass_at_k_estimate",
]
