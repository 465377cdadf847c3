"""Losses on log-probabilities, kept apart as `Parts`."""

from antigrad.objectives.grpo import Grpo, group_advantages

__all__ = ["Grpo", "group_advantages"]
