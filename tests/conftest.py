"""What all tests share: few threads, and the same draws in every run."""

import os

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(int(os.environ.get("ANTIGRAD_TEST_THREADS", "1")))
settings.register_profile("antigrad", deadline=None, derandomize=True, max_examples=40, database=None)
settings.load_profile("antigrad")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
