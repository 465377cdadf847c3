"""What all tests share: few threads, and the same draws in every run."""

import os

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(int(os.environ.get("ANTIGRAD_TEST_THREADS", "1")))
settings.register_profile("antigrad", deadline=None, derandomize=True, max_examples=40, database=None)
settings.load_profile("antigrad")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what belongs to the campaign, unless that is asked for."""
    if "campaign" not in (config.getoption("markexpr") or ""):
        left = [item for item in items if item.get_closest_marker("campaign")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not item.get_closest_marker("campaign")]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
