"""Attribution methods, one file each, conforming to Captum."""

from antigrad.attribution.methods.method import AttributionMethod
from antigrad.core.catalog import Catalog

METHODS: Catalog[AttributionMethod] = Catalog("antigrad.attribution.methods", AttributionMethod)  # pyright: ignore[reportAbstractUsage]

__all__ = ["METHODS", "AttributionMethod"]
