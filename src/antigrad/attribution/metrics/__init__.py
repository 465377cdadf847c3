"""Metrics of saliency maps, one file each, and the controls that show how a metric is gamed."""

from antigrad.attribution.metrics.metric import MapMetric
from antigrad.core.catalog import Catalog

METRICS: Catalog[MapMetric] = Catalog("antigrad.attribution.metrics", MapMetric)  # pyright: ignore[reportAbstractUsage]

__all__ = ["METRICS", "MapMetric"]
