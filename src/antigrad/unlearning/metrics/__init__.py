"""Metrics of unlearning, one file each: a value, what is ideal, which way is better, what retraining gives."""

from antigrad.core.catalog import Catalog
from antigrad.unlearning.metrics.metric import Metric

METRICS: Catalog[Metric] = Catalog("antigrad.unlearning.metrics", Metric)  # pyright: ignore[reportAbstractUsage]
SETS = ("forget", "retain", "test", "test_retained", "test_removed")

__all__ = ["METRICS", "SETS", "Metric"]
