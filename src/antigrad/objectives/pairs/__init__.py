"""Losses on preference pairs, one per file, each with both of its gradient weights."""

from antigrad.core.catalog import Catalog
from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairOutput, PairWeights
from antigrad.objectives.pairs.margin import MarginLoss

PAIR_LOSSES: Catalog[PairLoss] = Catalog("antigrad.objectives.pairs", PairLoss)  # pyright: ignore[reportAbstractUsage]

__all__ = ["PAIR_LOSSES", "MarginLoss", "PairLogps", "PairLoss", "PairOutput", "PairWeights"]
