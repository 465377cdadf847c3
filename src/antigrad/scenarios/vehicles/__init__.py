"""Vehicle models an attack drives with, one per file."""

from antigrad.core.catalog import Catalog
from antigrad.scenarios.vehicles.vehicle import Log, Vehicle

VEHICLES: Catalog[Vehicle] = Catalog("antigrad.scenarios.vehicles", Vehicle)  # pyright: ignore[reportAbstractUsage]

__all__ = ["VEHICLES", "Log", "Vehicle"]
