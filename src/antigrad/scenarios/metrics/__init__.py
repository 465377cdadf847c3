"""Metrics of how things stand between ego and movers, step by step, one per file: a value and its validity."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric

TRAFFIC_METRICS: Catalog[TrafficMetric] = Catalog("antigrad.scenarios.metrics", TrafficMetric)  # pyright: ignore[reportAbstractUsage]

__all__ = ["TRAFFIC_METRICS", "Reading", "TrafficMetric"]
