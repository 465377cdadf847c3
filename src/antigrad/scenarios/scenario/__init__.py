"""The job `antigrad scenario`: recorded traffic in; attacked, certified, ranked scenes out."""

from antigrad.scenarios.scenario.job import scenario
from antigrad.scenarios.scenario.settings import ScenarioConfig

__all__ = ["ScenarioConfig", "scenario"]
