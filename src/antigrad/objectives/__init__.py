"""Losses on log-probabilities, kept apart as `Parts`."""

from antigrad.objectives.best_of_n import BestOfN
from antigrad.objectives.dpo import Dpo
from antigrad.objectives.grpo import Grpo, advantages_of_groups, clipped_gain, group_advantages
from antigrad.objectives.ipo import Ipo
from antigrad.objectives.likelihood import Likelihood
from antigrad.objectives.npo import Npo
from antigrad.objectives.pair import PairLoss
from antigrad.objectives.pass_at_k import pass_at_k_estimate
from antigrad.objectives.rwr import Rwr
from antigrad.objectives.slic import Slic

__all__ = [
    "BestOfN",
    "Dpo",
    "Grpo",
    "Ipo",
    "Likelihood",
    "Npo",
    "PairLoss",
    "Rwr",
    "Slic",
    "advantages_of_groups",
    "clipped_gain",
    "group_advantages",
    "pass_at_k_estimate",
]
